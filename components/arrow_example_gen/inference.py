"""The type of a column from all its values, whatever their order."""

from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen import columns
from components.arrow_example_gen.options import ReadOptions
from models.tabular_text.features import DType

# Text that arrow would take for a float and that is more likely a code or a word: 007, a 20-digit id, +49..., inf.
_NO_NUMBER = r"^\s*(\+|-?(0[0-9]|[0-9]{20,}\s*$|[A-Za-z]))"
_WIDER = {DType.INT64: 0, DType.FLOAT32: 1, DType.STRING: 2}


class ColumnEvidence:
    """What the values of one column have shown so far.

    Text is int64 if every value is the plain decimal form of one, else float32 if every value is a number, else
    string. A leading zero, a leading plus and 20 digits or more mark codes (007, +49 30, order numbers),
    not numbers. A column without values is a string.

    Attributes:
      has_infinite: True if a number was seen that float32 cannot hold; of use only if the type is float32 in the end.
    """

    def __init__(self, options: ReadOptions) -> None:
        self._null_values = options.null_values
        self._number_nulls = options.null_values + options.number_null_values
        self._dtypes: set[DType] = set()
        self.has_infinite = False

    def observe(self, values: pa.Array, *, is_text: bool) -> None:
        """Takes in canonical values [rows]; `is_text` means that their type is to be inferred."""
        if is_text:
            self._observe_text(values)
        elif (dtype := columns.dtype_of(values.type)) is not None:
            self._dtypes.add(dtype)
            self.has_infinite = self.has_infinite or columns.has_infinite(values)

    def _observe_text(self, values: pa.Array) -> None:
        if DType.STRING in self._dtypes:
            return
        values = columns.without_words(values, self._number_nulls).drop_null()
        if len(values):
            dtype, numbers = _text_dtype(values, at_least_float=DType.FLOAT32 in self._dtypes)
            self._dtypes.add(dtype)
            self.has_infinite = self.has_infinite or (numbers is not None and columns.has_infinite(numbers))

    def merge(self, other: "ColumnEvidence") -> None:
        """Takes in what other values of the column have shown."""
        self._dtypes |= other._dtypes
        self.has_infinite = self.has_infinite or other.has_infinite

    @property
    def dtype(self) -> DType:
        """The narrowest type that holds every value."""
        return max(self._dtypes, key=_WIDER.__getitem__, default=DType.STRING)

    @property
    def conflict(self) -> str | None:
        """The types seen, in words, if values that are not text are both numbers and strings; else None."""
        mixed = DType.STRING in self._dtypes and len(self._dtypes) > 1
        return " and ".join(sorted(self._dtypes)) if mixed else None


def infinite_columns(evidence: Mapping[str, ColumnEvidence], known: Collection[str]) -> dict[str, DType]:
    """Float32, for columns of no known type that are float32 and hold numbers beyond it: those rows are bad."""
    return {
        name: DType.FLOAT32
        for name, of_column in evidence.items()
        if name not in known and of_column.has_infinite and of_column.dtype is DType.FLOAT32
    }


def _text_dtype(values: pa.Array, *, at_least_float: bool) -> tuple[DType, pa.Array | None]:
    """The type of one batch of text without nulls, and the numbers if it is float32."""
    if not at_least_float and _are_plain_integers(values):
        return DType.INT64, None
    if pc.any(pc.match_substring_regex(values, _NO_NUMBER)).as_py():
        return DType.STRING, None
    trimmed = pc.ascii_trim_whitespace(values)
    if not at_least_float and _are_plain_integers(trimmed):
        return DType.INT64, None
    numbers = columns.cast_numbers(trimmed, DType.FLOAT32)
    return (DType.STRING, None) if numbers is None else (DType.FLOAT32, numbers)


def _are_plain_integers(values: pa.Array) -> bool:
    try:
        integers = values.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return bool(pc.all(pc.equal(integers.cast(pa.string()), values)).as_py())
