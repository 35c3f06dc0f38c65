"""Columns on their way to the three types of a tf.Example: int64, float32 and bytes.

Every reader's arrays first become canonical: int64, float64 (or float32), string, binary, null, or a list of one of
these. Then each is converted to its feature's type, and values that do not fit are told apart.

- Booleans become "true" and "false", as in CSV, so that a class or a slice is called by its word.
- Dates and times become ISO 8601 text; a time zone is turned into UTC and marked Z.
- Decimals become floats.
- NaN is a missing value, as in pandas and as in a serving request.
- A number that float32 cannot hold, infinity too, is a bad value: no model learns from it, no JSON can carry it.
"""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.bad_rows import shown
from components.arrow_example_gen.options import ReadOptions
from components.errors import BadData
from models.tabular_text.features import DType

ARROW_TYPES = {DType.INT64: pa.int64(), DType.FLOAT32: pa.float32(), DType.STRING: pa.binary()}
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf(inity)?|[+-]?nan", re.IGNORECASE)
_NOUNS = {DType.INT64: "an int64", DType.FLOAT32: "a number", DType.STRING: "text"}


@dataclasses.dataclass(frozen=True)
class Converted:
    """A column in its feature's type.

    Attributes:
      values: int64, float32 or binary [rows], or a list of one of these; null where missing or bad.
      bad: the reason for each value that does not fit, by row index.
    """

    values: pa.Array
    bad: Mapping[int, str]


def is_supported(arrow_type: pa.DataType) -> bool:
    """True if `canonical` takes arrays of this type."""
    types = pa.types
    if types.is_dictionary(arrow_type):
        return is_supported(arrow_type.value_type)
    if _is_list(arrow_type):
        return not _is_list(arrow_type.value_type) and is_supported(arrow_type.value_type)
    checks = (
        types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_date, types.is_time,
        types.is_timestamp, types.is_string, types.is_large_string, types.is_binary, types.is_large_binary,
        types.is_fixed_size_binary, types.is_null,
    )  # fmt: skip
    return any(check(arrow_type) for check in checks)


def canonical(array: pa.Array, name: str, file: str = "") -> pa.Array:
    """The same values in a canonical type.

    Raises:
      BadData: an integer exceeds int64.
    """
    types, arrow_type = pa.types, array.type
    if types.is_dictionary(arrow_type):
        return canonical(array.dictionary_decode(), name, file)
    if _is_list(arrow_type):
        return with_items(array, canonical(array.flatten(), name, file))
    if types.is_integer(arrow_type):
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise BadData(f"{file}: column {name!r} holds integers beyond int64. Make it text or a float.") from error
    if types.is_decimal(arrow_type) or types.is_float16(arrow_type):
        return array.cast(pa.float64())
    if types.is_boolean(arrow_type) or types.is_date(arrow_type) or types.is_large_string(arrow_type):
        return array.cast(pa.string())
    if types.is_timestamp(arrow_type) or types.is_time(arrow_type):
        return _iso_8601(array)
    if types.is_large_binary(arrow_type) or types.is_fixed_size_binary(arrow_type):
        return array.cast(pa.binary())
    return array


def with_items(array: pa.Array, items: pa.Array) -> pa.Array:
    """The lists of `array` [rows] with other items in place of `array.flatten()`, which skips what a null hides."""
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    offsets = pa.array(np.concatenate(([0], np.cumsum(lengths.to_numpy(zero_copy_only=False)))), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, mask=array.is_null())


def _iso_8601(array: pa.Array) -> pa.Array:
    """Timestamps and times of day as text, without trailing zeros in the fraction of a second."""
    zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
    if zoned:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    text = pc.replace_substring(array.cast(pa.string()), " ", "T")
    return pc.replace_substring_regex(pc.replace_substring_regex(text, r"(\.\d*?)0+(Z?)$", r"\1\2"), r"\.(Z?)$", r"\1")


def dtype_of(arrow_type: pa.DataType) -> DType | None:
    """The feature type of a canonical type; None for one without values."""
    if _is_list(arrow_type):
        return dtype_of(arrow_type.value_type)
    if pa.types.is_null(arrow_type):
        return None
    if pa.types.is_integer(arrow_type):
        return DType.INT64
    return DType.FLOAT32 if pa.types.is_floating(arrow_type) else DType.STRING


def may_hold(arrow_type: pa.DataType, dtype: DType) -> bool:
    """False for numbers where text is wanted: they can be written as text, but they are none."""
    return dtype is not DType.STRING or dtype_of(arrow_type) in (None, DType.STRING)


def has_infinite(array: pa.Array) -> bool:
    """True if any value of a canonical column is a number that float32 cannot hold."""
    values = array.flatten() if _is_list(array.type) else array
    if not pa.types.is_floating(values.type):
        return False
    return bool(pc.any(pc.is_inf(values.cast(pa.float32(), safe=False))).as_py())


def has_values(array: pa.Array) -> bool:
    """True if any row of a converted column has a value."""
    if _is_list(array.type):
        return bool(pc.any(pc.greater(pc.list_value_length(array), 0)).as_py())
    return bool(array.null_count < len(array))


def convert(array: pa.Array, dtype: DType, options: ReadOptions) -> Converted:
    """A canonical column in its feature's type."""
    source = array.type
    if pa.types.is_null(source):
        return Converted(pa.nulls(len(array), ARROW_TYPES[dtype]), {})
    if _is_list(source):
        return _convert_list(array, dtype)
    if pa.types.is_string(source) or pa.types.is_binary(source):
        if dtype is DType.STRING:
            return Converted(without_words(array, options.null_values).cast(pa.binary()), {})
        return _numbers_from_text(array.cast(pa.string()), dtype, options)
    if dtype is DType.STRING:
        return Converted(canonical_text(array).cast(pa.binary()), {})
    return _numbers(array, dtype)


def canonical_text(array: pa.Array) -> pa.Array:
    """Values [rows] as text that does not depend on their type: the integer 5, the float 5.0 and the text "5" agree."""
    if pa.types.is_floating(array.type):
        array = _nan_to_null(array)
        whole = pc.equal(array, pc.floor(array))
        small = pc.less(pc.abs(array), float(2**53))
        integers = pc.if_else(pc.and_(whole, small), array, None).cast(pa.int64()).cast(pa.string())
        return pc.coalesce(integers, array.cast(pa.string()))
    return array if pa.types.is_binary(array.type) else array.cast(pa.string())


def without_words(array: pa.Array, words: tuple[str, ...]) -> pa.Array:
    """Text with null in place of each of the words."""
    found = pc.is_in(array, value_set=pa.array(words, pa.string()).cast(array.type))
    return pc.if_else(found, pa.scalar(None, array.type), array) if pc.any(found).as_py() else array


def _nan_to_null(array: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)


def _numbers(array: pa.Array, dtype: DType) -> Converted:
    if dtype is DType.FLOAT32:
        return _finite(array.cast(pa.float32(), safe=False), array)
    if pa.types.is_integer(array.type):
        return Converted(array, {})
    array = _nan_to_null(array)
    try:
        return Converted(array.cast(pa.int64()), {})
    except pa.ArrowInvalid:
        values = array.to_pylist()
    fits = [v is None or (v.is_integer() and INT64_MIN <= v <= INT64_MAX) for v in values]
    bad = {i: f"expected {_NOUNS[dtype]}, saw {values[i]}" for i, fit in enumerate(fits) if not fit}
    whole = [int(v) if fit and v is not None else None for v, fit in zip(values, fits, strict=True)]
    return Converted(pa.array(whole, pa.int64()), bad)


def _numbers_from_text(array: pa.Array, dtype: DType, options: ReadOptions) -> Converted:
    text = without_words(array, options.null_values + options.number_null_values)
    numbers = cast_numbers(text, dtype)
    numbers = cast_numbers(pc.ascii_trim_whitespace(text), dtype) if numbers is None else numbers
    if numbers is not None:
        return _finite(numbers, text) if dtype is DType.FLOAT32 else Converted(numbers, {})
    return _parse_one_by_one(text, dtype)


def _finite(numbers: pa.Array, seen: pa.Array) -> Converted:
    """Numbers float32 [rows] without infinite ones; `seen` [rows] is what the file says."""
    infinite = pc.is_inf(numbers)
    bad = {index: _not_finite(seen[index].as_py()) for index in pc.indices_nonzero(infinite).to_pylist()}
    return Converted(_nan_to_null(pc.if_else(infinite, None, numbers) if bad else numbers), bad)


def _not_finite(value: object) -> str:
    return f"{shown(str(value))} is not a finite float32 number (beyond ±3.4e38)"


def cast_numbers(text: pa.Array, dtype: DType) -> pa.Array | None:
    """Text as numbers [rows], or None if any value is not a plain number of this type."""
    wide = pa.int64() if dtype is DType.INT64 else pa.float64()
    if dtype is DType.INT64 and _is_hexadecimal_somewhere(text):
        return None
    try:
        return text.cast(wide).cast(ARROW_TYPES[dtype], safe=False)
    except pa.ArrowInvalid:
        return None


def _is_hexadecimal_somewhere(text: pa.Array) -> bool:
    """True if any value might be what arrow takes for an integer though it is none: 0x1F."""
    return any(pc.any(pc.match_substring(text, x)).as_py() for x in "xX")


def _parse_one_by_one(text: pa.Array, dtype: DType) -> Converted:
    parsed: list[int | float | None] = []
    bad = {}
    for index, value in enumerate(text.to_pylist()):
        number = None if value is None else parse_number(value.strip(), dtype)
        if value is not None and number is None:
            bad[index] = f"expected {_NOUNS[dtype]}, saw {shown(value)}"
        parsed.append(number)
    if dtype is DType.INT64:
        return Converted(pa.array(parsed, pa.int64()), bad)
    finite = _finite(pa.array(parsed, pa.float64()).cast(pa.float32(), safe=False), text)
    return Converted(finite.values, {**bad, **finite.bad})


def parse_number(text: str, dtype: DType) -> int | float | None:
    """The number that `text` spells, None if it is none of this type."""
    if dtype is DType.FLOAT32:
        return float(text) if _FLOAT.fullmatch(text) else None
    number = int(text) if _INTEGER.fullmatch(text) and len(text) < 30 else INT64_MAX + 1
    return number if INT64_MIN <= number <= INT64_MAX else None


def _convert_list(array: pa.Array, dtype: DType) -> Converted:
    own = dtype_of(array.type)
    if own is not None and own is not dtype and (own, dtype) != (DType.INT64, DType.FLOAT32):
        reason = f"expected {_NOUNS[dtype]}, saw {own} values"
        return Converted(
            pa.nulls(len(array), pa.list_(ARROW_TYPES[dtype])),
            {i: reason for i, size in enumerate(pc.list_value_length(array).to_pylist()) if size},
        )
    lists = array.cast(pa.list_(ARROW_TYPES[dtype]), safe=False)
    if dtype is not DType.FLOAT32 or not has_infinite(array):
        return Converted(lists, {})
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(array)), lengths).tolist()
    bad = {rows[index]: reason for index, reason in _finite(lists.flatten(), array.flatten()).bad.items()}
    kept = pa.array([None if index in bad else index for index in range(len(array))], pa.int64())
    return Converted(lists.take(kept), bad)


def _is_list(arrow_type: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(arrow_type) or types.is_large_list(arrow_type) or types.is_fixed_size_list(arrow_type))


def single_values(array: pa.Array) -> pa.Array:
    """A canonical column with at most one value per row as an array of values [rows]; other columns unchanged.

    TFRecord columns always come as lists.
    """
    if not _is_list(array.type) or pc.any(pc.greater(pc.list_value_length(array), 1)).as_py():
        return array
    return first_values(array)


def first_values(array: pa.Array) -> pa.Array:
    """A canonical column as an array of values [rows]: of several in a row the first, of none null."""
    if not _is_list(array.type):
        return array
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    begins = np.cumsum(lengths) - lengths
    return array.flatten().take(pa.array(begins, pa.int64(), mask=lengths == 0))
