"""The name by which a row is known again: made of its values without the label. pyarrow only.

The same row has the same id as a tf.Example and in the file that it was read from, whatever its place, its label and
the order of columns; so a person is asked once, and the answer finds its row.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

_DIGEST_BYTES = 10


def row_ids(columns: Mapping[str, pa.Array], label: str, names: Collection[str]) -> list[str]:
    """The id of each row: `r` (no spreadsheet takes it for a number) and 20 hexadecimal digits.

    Args:
      columns: int64, float32, string or binary arrays [rows], or lists of these; a list of one value is that value, an
        empty one is missing, as in a tf.Example.
      label: does not count.
      names: the columns that count; those that are not there are missing.
    """
    return [row_id(row) for row in rows_of(columns, [name for name in names if name != label])]


def row_id(row: Mapping[str, Any]) -> str:
    """The id of one row; None is a missing value, which is as if the column were not there."""
    present = {name: value for name, value in row.items() if value is not None}
    text = json.dumps(present, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"r{hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()}"


def rows_of(columns: Mapping[str, pa.Array], names: Collection[str]) -> list[dict[str, Any]]:
    """Each row as a dictionary of plain values, None where a value is missing."""
    kept = {name: [_plain(value) for value in columns[name].to_pylist()] for name in names if name in columns}
    if not kept:
        count = len(next(iter(columns.values()))) if columns else 0
        return [{} for _ in range(count)]
    return [dict(zip(kept, values, strict=True)) for values in zip(*kept.values(), strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        return None if not items else items[0] if len(items) == 1 else items
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
