"""What the columns of a table look like, for `penstock plan`: types, gaps, distinct values; no TensorFlow, no TFX."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen import columns, inference, sources
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.raw_batch import RawBatch, Source
from components.arrow_example_gen.row_check import RowCheck
from components.arrow_example_gen.source_files import resolve_input
from components.errors import BadData
from models.tabular_text.features import DType

MAX_LISTED_VALUES = 100
MAX_DISTINCT = 250_000  # per column; a set of that many hashes is about 20 MB
_ISO_DATE = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"


@dataclasses.dataclass(frozen=True)
class ColumnProfile:
    """One column as seen in the rows that were read.

    Attributes:
      name: the column's name.
      dtype: its type in the tf.Example.
      rows: rows read.
      nulls: of these, rows without a value.
      distinct: distinct values; a lower bound unless `distinct_is_exact`.
      distinct_is_exact: False where counting stopped at `MAX_DISTINCT`.
      values: the distinct values, sorted (as numbers if they are), when there are at most 100, else empty.
      mean_words: words between white space per value, over the rows with a value; 0.0 for numbers.
      iso_dates: True for a string column whose every value is an ISO 8601 date or date-time.
      is_list: True if any row holds several values.
    """

    name: str
    dtype: DType
    rows: int
    nulls: int
    distinct: int
    distinct_is_exact: bool
    values: tuple[str, ...]
    mean_words: float
    iso_dates: bool
    is_list: bool = False


@dataclasses.dataclass(frozen=True)
class TableProfile:
    """A table as seen in the rows that were read.

    Attributes:
      files: the files that the pattern stands for, sorted.
      rows: rows read that can be used.
      columns: in the order of the first file.
      complete: False when `max_rows` cut the reading short.
      rows_bad: rows read that cannot be used, and that `ArrowExampleGen` will set aside.
    """

    files: tuple[str, ...]
    rows: int
    columns: tuple[ColumnProfile, ...]
    complete: bool
    rows_bad: int = 0


class _ColumnTally:
    """Running counts of one column, from the text of its values."""

    def __init__(self, options: ReadOptions) -> None:
        self.evidence = inference.ColumnEvidence(options)
        self._options = options
        self._rows = self._nulls = self._number_nulls = self._words = 0
        self._hashes: set[int] = set()
        self._values: set[str] | None = set()
        self._iso_dates = True
        self._is_list = False

    def add(self, values: pa.Array, *, is_text: bool) -> None:
        """Takes in a batch of canonical values [rows]."""
        self.evidence.observe(values, is_text=is_text)
        values = columns.single_values(values)
        self._is_list = self._is_list or pa.types.is_list(values.type)
        text = columns.without_words(_as_text(values), self._options.null_values)
        self._rows += len(text)
        self._nulls += text.null_count
        text = text.drop_null()
        if not len(text):
            return
        number_nulls = pc.is_in(text, value_set=pa.array(self._options.number_null_values, pa.string()))
        self._number_nulls += pc.sum(number_nulls).as_py()
        self._words += _count_words(text)
        self._iso_dates = self._iso_dates and pc.all(pc.match_substring_regex(text, _ISO_DATE)).as_py()
        self._count_distinct(pc.unique(text).to_pylist())

    def _count_distinct(self, values: list[str]) -> None:
        if len(self._hashes) < MAX_DISTINCT:
            self._hashes.update(map(hash, values))
        if self._values is not None:
            self._values.update(values)
            if len(self._values) > MAX_LISTED_VALUES + len(self._options.number_null_values):
                self._values = None

    def profile(self, name: str, known: DType | None) -> ColumnProfile:
        """The counts as a profile, of a column whose type may be known without looking."""
        dtype = known or self.evidence.dtype
        is_text = dtype is DType.STRING
        nulls = self._nulls if is_text else self._nulls + self._number_nulls
        words = set() if is_text else set(self._options.number_null_values)
        values = (self._values or set()) - words
        return ColumnProfile(
            name=name,
            dtype=dtype,
            rows=self._rows,
            nulls=nulls,
            distinct=min(MAX_DISTINCT, len(self._hashes - set(map(hash, words)))),
            distinct_is_exact=len(self._hashes) < MAX_DISTINCT,
            values=_sorted(values, is_text=is_text) if len(values) <= MAX_LISTED_VALUES else (),
            mean_words=self._words / (self._rows - nulls) if is_text and self._rows > nulls else 0.0,
            iso_dates=is_text and self._rows > nulls and self._iso_dates,
            is_list=self._is_list,
        )


class _TableTally:
    """The first rows of a table: counts per column, and which rows cannot be used."""

    def __init__(self, options: ReadOptions, corrections: Mapping[str, DType | None]) -> None:
        self.check = RowCheck(options, corrections)
        self.columns: dict[str, _ColumnTally] = {}
        self.complete = True
        self._options = options
        self._known_types = options.known_types(corrections)

    def read(self, opened: Sequence[Source], max_rows: int) -> None:
        """Takes in whole batches until `max_rows` is reached."""
        for source, batch in _batches(opened):
            if self.check.rows >= max_rows:
                self.complete = False
                break
            for name, values in self.check.add(batch, values_are_text=source.values_are_text).items():
                tally = self.columns.setdefault(name, _ColumnTally(self._options))
                tally.add(values, is_text=source.values_are_text)

    def infinite_columns(self) -> dict[str, DType]:
        """See `inference.infinite_columns`."""
        evidence = {name: tally.evidence for name, tally in self.columns.items()}
        return inference.infinite_columns(evidence, self._known_types)

    def profile(self, files: tuple[str, ...]) -> TableProfile:
        """The profile; raises BadData if there are more bad rows than allowed."""
        profiles = tuple(tally.profile(name, self._known_types.get(name)) for name, tally in self.columns.items())
        for column in profiles:
            if column.name == self._options.label:
                self.check.settle_label(column.dtype)
        if problems := self.check.refusals(complete=self.complete):
            raise BadData("\n".join(problems))
        bad = self.check.bad.count
        return TableProfile(files, self.check.rows - bad, profiles, self.complete, bad)


def profile_table(
    input_base: str, pattern: str, options: ReadOptions, max_rows: int = 200_000, fixed_span: int | None = None
) -> TableProfile:
    """The profile of the first `max_rows` rows (rounded up to whole batches) of what `ArrowExampleGen` would read.

    Rows without the label count as bad rows, unless there is no such column at all: that is for the caller to say.

    Raises:
      BadData: no file matches, or one is empty, damaged or has no usable header; or `ArrowExampleGen` would refuse
        the data for its bad rows.
    """
    files = resolve_input(input_base, pattern, fixed_span).files
    opened = sources.open_sources(files, options)
    table = _read(opened, options, max_rows)
    if options.label is not None and options.label not in table.columns:
        options = dataclasses.replace(options, label=None)
        table = _read(opened, options, max_rows)
    if corrections := table.infinite_columns():
        table = _read(opened, options, max_rows, corrections)
    return table.profile(files)


def _read(
    opened: Sequence[Source],
    options: ReadOptions,
    max_rows: int,
    corrections: Mapping[str, DType | None] = MappingProxyType({}),
) -> _TableTally:
    table = _TableTally(options, corrections)
    table.read(opened, max_rows)
    return table


def _batches(opened: Iterable[Source]) -> Iterator[tuple[Source, RawBatch]]:
    return ((source, batch) for source in opened for batch in source.batches())


def _as_text(values: pa.Array) -> pa.Array:
    """Canonical values [rows] as text; several values of a row are joined by blanks."""
    if pa.types.is_list(values.type):
        return pc.binary_join(columns.with_items(values, _as_text(values.flatten())), " ")
    text = columns.canonical_text(values)
    if pa.types.is_binary(text.type):
        text = pa.array(
            [None if v is None else v.decode(errors="backslashreplace") for v in text.to_pylist()], pa.string()
        )
    return text


def _count_words(text: pa.Array) -> int:
    """Words between white space in all values together."""
    trimmed = pc.utf8_trim_whitespace(text)
    blank = pc.sum(pc.equal(trimmed, "")).as_py()  # the split of a blank text is one empty word
    return int(pc.sum(pc.list_value_length(pc.utf8_split_whitespace(trimmed))).as_py() - blank)


def _sorted(values: Iterable[str], *, is_text: bool) -> tuple[str, ...]:
    """Values in their natural order; those that a declared number type refuses come last."""
    if is_text:
        return tuple(sorted(values))
    numbers = {value: columns.parse_number(value.strip(), DType.FLOAT32) for value in values}
    return tuple(sorted(values, key=lambda value: (numbers[value] is None, numbers[value] or 0, value)))
