"""A copy of a Parquet file with some labels changed and rows added; schema, types and all other values stay."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import ConfigError
from pipeline.reviewing.delimited_copy import Change, Copied


def copy_parquet(path: str, target: str, change: Change) -> Copied:
    """Writes the copy, a row group at a time.

    Raises:
      ConfigError: a value does not fit the column's type.
    """
    source = pq.ParquetFile(path)
    before = after = 0
    with pq.ParquetWriter(target, source.schema_arrow, compression=_compression(source)) as writer:
        for group in range(source.num_row_groups):
            table = source.read_row_group(group)
            numbers = range(before + 1, before + 1 + table.num_rows)
            before += table.num_rows
            table = _with_labels(table, numbers, change, path)
            if change.only is not None:
                table = table.filter(pa.array([number in change.only for number in numbers]))
            after += table.num_rows
            if table.num_rows:
                writer.write_table(table)
        if change.added:
            writer.write_table(_table(change.added, source.schema_arrow, path))
    return Copied(before, after + len(change.added))


def _with_labels(table: pa.Table, numbers: Sequence[int], change: Change, path: str) -> pa.Table:
    label, labels = change.label, change.labels
    changed = [number in labels for number in numbers]
    if not any(changed):
        return table
    field = table.schema.field(label)
    texts = [labels[number] for number, is_changed in zip(numbers, changed, strict=True) if is_changed]
    column = table.column(label).combine_chunks()
    old = column.dictionary_decode() if pa.types.is_dictionary(field.type) else column
    new = _typed(texts, old.type, label, path)
    place = np.cumsum(changed) - 1
    spread = new.take(pa.array(np.where(changed, place, 0)))
    replaced = pc.if_else(pa.array(changed), spread, old)
    if pa.types.is_dictionary(field.type):
        replaced = replaced.dictionary_encode().cast(field.type)
    return table.set_column(table.schema.get_field_index(label), field, replaced)


def _table(rows: Sequence[Mapping[str, str | None]], schema: pa.Schema, path: str) -> pa.Table:
    """Rows of text in the types of the schema."""
    arrays = []
    for field in schema:
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        array = _typed([row.get(field.name) for row in rows], plain, field.name, path)
        arrays.append(array.dictionary_encode().cast(field.type) if pa.types.is_dictionary(field.type) else array)
    return pa.table(arrays, schema=schema)


def _typed(texts: Sequence[str | None], wanted: pa.DataType, name: str, path: str) -> pa.Array:
    """Text in a column's type; the empty text is missing in a column that holds no text."""
    is_text = pa.types.is_string(wanted) or pa.types.is_large_string(wanted)
    values = pa.array([text if is_text or text != "" else None for text in texts], pa.string())
    try:
        return values.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ConfigError(
            [f"{path}: column {name!r} is {wanted}, and an answered row has a value that does not fit it ({error})."]
        ) from error


def _compression(source: pq.ParquetFile) -> str:
    groups = source.metadata.num_row_groups
    return source.metadata.row_group(0).column(0).compression if groups else "SNAPPY"
