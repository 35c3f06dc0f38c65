"""The columns of a batch as constraints see them: bytes are text, NaN is missing, absent columns have no values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class DoesNotFit(ValueError):
    """A constraint asks something of a column that its type cannot answer; the message is a whole sentence."""


def readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with bytes as text, and nulls in place of NaN."""
    columns = [without_nan(as_text(column)) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def as_text(values: pa.Array) -> pa.Array:
    """Bytes as text, other values as they are; bytes that are no UTF-8 become backslash escapes."""
    if not (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
        return values
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "backslashreplace") for value in values.to_pylist()]
        return pa.array(decoded, pa.large_string())


def without_nan(values: pa.Array) -> pa.Array:
    """The values with null in place of NaN: what is no number is no value."""
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def column_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The column, all null where the batch has none of that name."""
    place = batch.schema.get_field_index(name)
    return batch.column(place) if place >= 0 else pa.nulls(batch.num_rows)


def is_text(values: pa.Array) -> bool:
    """True for a column of text."""
    return bool(pa.types.is_large_string(values.type) or pa.types.is_string(values.type))


def numbers_of(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64]:
    """A number for each row, float64 [rows], NaN where there is none.

    Raises:
      DoesNotFit: the column holds text.
    """
    values = column_of(batch, name)
    if pa.types.is_null(values.type):
        return np.full(len(values), np.nan)
    if is_text(values):
        raise DoesNotFit(f"Column {name!r} holds text, and this needs numbers.")
    found: npt.NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def is_single_precision(batch: pa.RecordBatch, name: str) -> bool:
    """True for a column of float32."""
    return bool(pa.types.is_float32(column_of(batch, name).type))


def is_in(values: pa.Array, allowed: Sequence[Any]) -> pa.Array:
    """For each value whether it is one of these, null for missing ones.

    Text is compared with the values as text, so that `values: [1, 2]` means "1" and "2" there.

    Raises:
      DoesNotFit: the column holds numbers, and none of these is one.
    """
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.bool_())
    wanted = [str(item) for item in allowed] if is_text(values) else _numbers_like(values.type, allowed)
    found = pc.is_in(values, value_set=pa.array(wanted, values.type))
    return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))


def _numbers_like(kind: pa.DataType, allowed: Sequence[Any]) -> list[Any]:
    numbers = [item for item in allowed if isinstance(item, int | float)]
    if not numbers:
        raise DoesNotFit(f"The column holds numbers, and {list(allowed)!r} are none.")
    if not pa.types.is_integer(kind):
        return [float(item) for item in numbers]
    return [int(item) for item in numbers if -(2**63) <= item < 2**63 and item == int(item)]
