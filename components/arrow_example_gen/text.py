"""UTF-8: which values are, and batches without those that are not."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

NOT_UTF8 = "the value is not UTF-8 text"
BadCells = Mapping[int, tuple[str, str]]


def decodable(value: bytes) -> bool:
    """True if `value` is UTF-8."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def decode_columns(table: pa.Table) -> tuple[dict[str, pa.Array], BadCells]:
    """The table's columns with binary ones decoded, and column and reason for each row left out, by row index.

    A row is left out if any of its binary values is not UTF-8.
    """
    columns = {name: one_chunk(table.column(name)) for name in table.column_names}
    bad: dict[int, tuple[str, str]] = {}
    for name, values in columns.items():
        if pa.types.is_binary(values.type):
            for index in undecodable(values):
                bad.setdefault(index, (name, NOT_UTF8))
    kept = pa.array(np.delete(np.arange(table.num_rows), list(bad)))
    decoded = {
        name: (values.take(kept) if bad else values).cast(pa.string())
        if pa.types.is_binary(values.type)
        else (values.take(kept) if bad else values)
        for name, values in columns.items()
    }
    return decoded, bad


def undecodable(values: pa.Array) -> list[int]:
    """Indexes of the values (binary, nullable) that are not UTF-8."""
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return [i for i, value in enumerate(values.to_pylist()) if value is not None and not decodable(value)]
    return []


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
