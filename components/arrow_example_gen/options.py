"""How input files are read: pure data that travels as JSON in the node's `custom_config`."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from models.tabular_text.features import DType

FileFormat = Literal["auto", "csv", "tsv", "parquet", "tfrecord"]
BadRowPolicy = Literal["fail", "quarantine"]

# Words that stand for "no number". They count as missing only where a column holds numbers otherwise: in a
# column of words "NA" may be Namibia and "None" may be an answer, so there they are data.
NUMBER_NULL_VALUES = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None")
_TYPE_KEYS = ("column_types", "expected_types")


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How the rows of the input are read and judged.

    A TSV file is unquoted: a quote is data, and a value holds neither a tab nor a line break. A CSV file follows
    RFC 4180 with \\n, \\r\\n or \\r at the end of a line. Both are UTF-8 with one header line.

    Attributes:
      format: of every file; "auto" goes by the file's ending and looks through `.gz`.
      column_types: declared types; the other columns are int64, else float32, else string, whatever fits every
        value of every file. A value that does not fit a declared type makes its row a bad row, and a declared
        column that is missing is an error.
      expected_types: types that a curated schema, or the plan, gives to columns which are not declared. A single
        value that does not fit makes its row a bad row. Whether a column may be missing, or may hold no value of the
        schema's type at all (it is read with its inferred type then), is for the gate to say, which compares the
        examples with the schema. A planned type leaves no such choice: the model is built for it.
      planned_rows: the expected types were planned from at most so many first rows; None if they are the schema's.
      label: column to predict. It must be there, must have a value in every row and more than one in all.
      label_is_categorical: False makes a label that is not a number a bad row; True and None ask for nothing.
      on_bad_rows: "fail" stops before anything is written; "quarantine" sets bad rows aside with their reasons.
      max_bad_fraction: with "quarantine", the share of rows (0 to 1) above which the data is refused all the same.
      null_values: text that means "missing" in every column of every format but TFRecord.
      number_null_values: more such text, for columns of numbers only.
    """

    format: FileFormat = "auto"
    column_types: Mapping[str, DType] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    expected_types: Mapping[str, DType] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    planned_rows: int | None = None
    label: str | None = None
    label_is_categorical: bool | None = None
    on_bad_rows: BadRowPolicy = "fail"
    max_bad_fraction: float = 0.01
    null_values: tuple[str, ...] = ("",)
    number_null_values: tuple[str, ...] = NUMBER_NULL_VALUES

    def __post_init__(self) -> None:
        """Raises: ValueError for values outside their choices, all in one message."""
        problems = []
        if self.format not in get_args(FileFormat):
            problems.append(f"format is {self.format!r}; choose from {', '.join(get_args(FileFormat))}.")
        if self.on_bad_rows not in get_args(BadRowPolicy):
            problems.append(f"on_bad_rows is {self.on_bad_rows!r}; choose from {', '.join(get_args(BadRowPolicy))}.")
        if not 0 <= self.max_bad_fraction <= 1:
            problems.append(f"max_bad_fraction is {self.max_bad_fraction}; it is a share from 0 to 1.")
        if problems:
            raise ValueError(" ".join(problems))

    def is_expected(self, name: str) -> bool:
        """True if the column's type is the schema's or the plan's word and not the user's."""
        return name in self.expected_types and name not in self.column_types

    def known_types(self, corrections: Mapping[str, DType | None]) -> dict[str, DType]:
        """Types that are settled before reading, as corrected by an earlier reading; None there takes a type away."""
        types = {**self.expected_types, **self.column_types, **corrections}
        return {name: dtype for name, dtype in types.items() if dtype is not None}

    def __reduce__(self) -> tuple[Any, ...]:
        """Read-only mappings cannot be pickled, and other processes need the options."""
        return ReadOptions.from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {
            **{key: {name: str(dtype) for name, dtype in values[key].items()} for key in _TYPE_KEYS},
            "null_values": list(self.null_values),
            "number_null_values": list(self.number_null_values),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ReadOptions":
        """The inverse of `to_json`; keys that are absent take their defaults."""
        values = dict(data)
        if values.get("planned_rows") is not None:
            values["planned_rows"] = int(values["planned_rows"])  # a Struct has floats only
        for key in _TYPE_KEYS:
            if key in values:
                values[key] = {name: DType(dtype) for name, dtype in values[key].items()}
        for key in ("null_values", "number_null_values"):
            if key in values:
                values[key] = tuple(values[key])
        return cls(**values)
