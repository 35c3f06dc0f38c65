"""Reviews as files: TSV without quoting as in the book, CSV by RFC 4180, Parquet; the first two also as .gz."""

import dataclasses
import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sample_data.broken_rows import broken_line, good_rows_before
from pipeline.sample_data.options import InvalidOptions, ReviewsOptions
from pipeline.sample_data.ratings import best_accuracy, majority_accuracy
from pipeline.sample_data.reviews import SCHEMA, generate_reviews

FileFormat = Literal["tsv", "csv", "parquet"]

_DELIMITERS = {"tsv": "\t", "csv": ","}
_FORMATS: tuple[str, ...] = get_args(FileFormat)


@dataclasses.dataclass(frozen=True)
class WriteReport:
    """What was written.

    Attributes:
      path: the file.
      rows: good rows.
      broken_rows: rows between them that cannot be parsed.
      size_bytes: of the file.
      best_accuracy: accuracy that nobody exceeds on new customers' rows in the long run, 0 to 1.
      majority_accuracy: accuracy of always answering the most frequent number of stars, 0 to 1.
    """

    path: Path
    rows: int
    broken_rows: int
    size_bytes: int
    best_accuracy: float
    majority_accuracy: float


def write_reviews(path: Path, options: ReviewsOptions, file_format: FileFormat | None = None) -> WriteReport:
    """Writes the file, which appears whole or not at all, with its folder if need be.

    Args:
      path: where to; an existing file is replaced. A name that ends in .gz is compressed.
      options: which reviews.
      file_format: None goes by the name's ending, through .gz.

    Raises:
      InvalidOptions: the format is unknown or cannot hold what is asked for.
    """
    chosen, is_gzip = file_format or _format_by_name(path), path.name.endswith(".gz")
    _check(path, chosen, is_gzip, options)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _whole_file(path) as raw:
        if chosen == "parquet":
            _write_parquet(raw, options)
        elif is_gzip:
            # No name and no time in the header: equal rows give equal bytes.
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as compressed:
                _write_delimited(cast("BinaryIO", compressed), options, _DELIMITERS[chosen])
        else:
            _write_delimited(raw, options, _DELIMITERS[chosen])
    return WriteReport(
        path=path,
        rows=options.rows,
        broken_rows=options.broken_rows,
        size_bytes=path.stat().st_size,
        best_accuracy=best_accuracy(options),
        majority_accuracy=majority_accuracy(options),
    )


def _format_by_name(path: Path) -> str:
    return path.name.removesuffix(".gz").rpartition(".")[2].lower()


def _check(path: Path, chosen: str, is_gzip: bool, options: ReviewsOptions) -> None:
    problems = []
    if chosen not in _FORMATS:
        problems.append(
            f"{path}: {chosen!r} is no format of ours; end the name in .tsv, .csv (also with .gz) or .parquet, "
            f"or choose from {', '.join(_FORMATS)}."
        )
    if chosen == "parquet" and is_gzip:
        problems.append(f"{path}: Parquet is compressed inside; leave out .gz.")
    if chosen == "parquet" and options.broken_rows:
        problems.append(
            f"{path}: Parquet cannot hold the {options.broken_rows} broken rows asked for; "
            "write TSV or CSV, or ask for none."
        )
    if path.is_dir():
        problems.append(f"{path} is a folder; name a file in it.")
    if problems:
        raise InvalidOptions(problems)


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place at the end, and disappears if anything fails."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_parquet(file: BinaryIO, options: ReviewsOptions) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, SCHEMA) as writer:
        for batch in generate_reviews(options):
            writer.write_batch(batch)


def _write_delimited(file: BinaryIO, options: ReviewsOptions, delimiter: str) -> None:
    file.write(delimiter.join(SCHEMA.names).encode() + b"\n")
    broken = _broken_lines(options, delimiter)
    place, line = next(broken)
    first = 0
    for batch in generate_reviews(options):
        lines = delimited_lines(batch, delimiter)
        start, stop = 0, len(lines)
        while place <= first + stop:
            file.write(_bytes(lines, start, place - first))
            file.write(line)
            start = place - first
            place, line = next(broken)
        file.write(_bytes(lines, start, stop))
        first += stop


def _broken_lines(options: ReviewsOptions, delimiter: str) -> Iterator[tuple[int, bytes]]:
    """Broken lines with the number of good rows before each; at last one that stands behind all rows."""
    for number in range(options.broken_rows):
        yield good_rows_before(number, options.rows, options.broken_rows), broken_line(number, delimiter.encode())
    yield options.rows + 1, b""


def delimited_lines(batch: pa.RecordBatch, delimiter: str) -> pa.StringArray:
    """One line with a line feed for each row; missing values are empty. Only CSV knows quotes."""
    quote = _quoted if delimiter == "," else _as_it_is
    fields = [pc.fill_null(quote(column.cast(pa.string())), "") for column in batch.columns]
    return pc.binary_join_element_wise(pc.binary_join_element_wise(*fields, delimiter), "", "\n")


def _as_it_is(column: pa.StringArray) -> pa.StringArray:
    return column


def _quoted(column: pa.StringArray) -> pa.StringArray:
    """Values that hold a comma, a quote or a line break in quotes, quotes within doubled (RFC 4180, section 2)."""
    needs_quotes = pc.match_substring_regex(column, '[,"\r\n]')
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs_quotes, pc.binary_join_element_wise('"', doubled, '"', ""), column)


def _bytes(lines: pa.StringArray, start: int, stop: int) -> memoryview:
    """The lines' UTF-8 from `start` to `stop`, one after the other."""
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[lines.offset :]
    return memoryview(data)[int(ends[start]) : int(ends[stop])]
