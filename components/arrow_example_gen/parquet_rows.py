"""Parquet files as batches of columns."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from components.arrow_example_gen import columns
from components.arrow_example_gen.bad_rows import BadRow
from components.arrow_example_gen.raw_batch import Cuttable, RawBatch, Source, Stretch
from components.arrow_example_gen.source_files import cuttable_bytes, file_bytes, open_seekable
from components.arrow_example_gen.text import decode_columns
from components.errors import BadData

MAX_BATCH_ROWS = 16_384
BATCH_BYTES = 4 << 20
_BUFFER_BYTES = 1 << 20  # per column; without it a column chunk is read whole


class ParquetRows(Cuttable):
    """A Parquet file; see `raw_batch.Source`. Its types are the schema's, nothing is inferred."""

    values_are_text = False

    def __init__(self, path: str) -> None:
        """Reads the schema.

        Raises:
          BadData: the file is no Parquet file, holds no rows, or its columns cannot become features.
        """
        self.path = path
        with self._open() as file:
            schema, rows, size = file.schema_arrow, file.metadata.num_rows, _decoded_bytes(file.metadata)
        _check_schema(path, schema)
        if not rows:
            raise BadData(f"{path}: the file holds columns and no rows. Take it out of the input or fill it.")
        self.names: tuple[str, ...] | None = tuple(schema.names)
        self._batch_rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * rows // max(1, size)))

    def parts(self, part_bytes: int) -> Sequence[tuple[Source, int]]:
        """Stretches of whole row groups, by their size before compression."""
        if cuttable_bytes(self.path) is None:
            return [(self, file_bytes(self.path))]
        with self._open() as file:
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        parts: list[tuple[Source, int]] = []
        begin, first, rows, size = 0, 1, 0, 0
        for end, group in enumerate(groups, 1):
            rows, size = rows + group.num_rows, size + group.total_byte_size
            if size >= part_bytes or end == len(groups):
                parts.append((self.part(Stretch(begin, end, first)), size))
                begin, first, rows, size = end, first + rows, 0, 0
        return parts

    def batches(self) -> Iterator[RawBatch]:
        """All rows in the order of the file."""
        with self._open() as file:
            first = self.stretch.first
            groups = range(self.stretch.begin, min(self.stretch.end, file.metadata.num_row_groups))
            for batch in file.iter_batches(batch_size=self._batch_rows, row_groups=groups, use_threads=False):
                if batch.num_rows:
                    yield self._raw_batch(batch, first)
                first += batch.num_rows

    def _open(self) -> "_OpenParquet":
        return _OpenParquet(self.path)

    def _raw_batch(self, batch: pa.RecordBatch, first: int) -> RawBatch:
        names = batch.schema.names
        arrays = [columns.canonical(array, name, self.path) for array, name in zip(batch.columns, names, strict=True)]
        # Arrow does not check the UTF-8 of strings that it reads from Parquet.
        text = [a.cast(pa.binary()) if pa.types.is_string(a.type) else a for a in arrays]
        decoded, bad = decode_columns(pa.table(text, names=names))
        kept = [i for i in range(batch.num_rows) if i not in bad] if bad else range(batch.num_rows)

        def raw(index: int) -> str:
            return str(batch.slice(index, 1).to_pylist()[0]) if index not in bad else "(not UTF-8)"

        return RawBatch(
            file=self.path,
            unit="row",
            columns=decoded,
            rows=len(kept),
            bad=[BadRow(self.path, "row", first + i, column, reason, raw(i)) for i, (column, reason) in bad.items()],
            locate=lambda index: (first + kept[index], raw(kept[index])),
        )


class _OpenParquet:
    """A context that yields `pq.ParquetFile` and turns what goes wrong with the file into BadData."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream = open_seekable(path)

    def __enter__(self) -> pq.ParquetFile:
        stream = self._stream.__enter__()
        try:
            return pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as error:
            self._stream.__exit__(None, None, None)
            raise self._damaged(error) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._stream.__exit__(None, None, None)
        if isinstance(error, (pa.ArrowInvalid, OSError)):
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> BadData:
        return BadData(
            f"{self._path}: the Parquet file cannot be read; it is damaged, cut short or no Parquet file ({error}). "
            "Copy it again, or take it out of the input."
        )


def _decoded_bytes(metadata: pq.FileMetaData) -> int:
    return sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))


def _check_schema(path: str, schema: pa.Schema) -> None:
    problems = [f"{name!r} names {count} columns" for name, count in Counter(schema.names).items() if count > 1]
    problems += [
        f"column {field.name!r} is {field.type}, which no feature can hold"
        for field in schema
        if not columns.is_supported(field.type)
    ]
    if problems:
        raise BadData(
            f"{path}: {'; '.join(problems)}. Features are numbers, text, booleans, dates, times and flat lists of "
            "these: rename, flatten or drop the columns named."
        )
