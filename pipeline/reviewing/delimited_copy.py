"""A copy of a CSV or TSV file with some labels changed and rows added; every other byte stays as it is."""

import csv
import dataclasses
import io
import re
from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO

from components.arrow_example_gen.delimited import CSV, DelimitedFile, Dialect
from components.arrow_example_gen.record_blocks import read_blocks
from components.arrow_example_gen.source_files import open_bytes
from pipeline.errors import ConfigError

_BOM = b"\xef\xbb\xbf"

#: One field and what ends it, by the rules of record_blocks: a quote opens only at the beginning of a field.
_FIELD = re.compile(rb'("[^"]*(?:""[^"]*)*"[^,]*|[^,]*)(,|\Z)', re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Copied:
    """Rows of the file that was copied, and rows of the copy."""

    before: int
    after: int


def copy_delimited(
    path: str,
    dialect: Dialect,
    out: BinaryIO,
    label: str,
    labels: Mapping[int, str],
    *,
    only: Collection[int] | None = None,
    added: Sequence[Mapping[str, str | None]] = (),
) -> Copied:
    """Writes the copy.

    Args:
      path: the file; gzip or not.
      dialect: CSV or TSV.
      out: gets the bytes, not compressed.
      label: name of the column to change.
      labels: line on which a row begins → its new label.
      only: lines of the rows to keep; None = all, blank lines too.
      added: rows to put at the end, by column; a column that a row lacks is empty.

    Raises:
      ConfigError: a value of an added row cannot stand in a TSV file.
    """
    names = DelimitedFile(path, dialect).names or ()
    position, end, before, after, header_is_due = names.index(label), b"\n", 0, 0, True
    with open_bytes(path) as stream:
        if stream.read(3) == _BOM:
            out.write(_BOM)
        else:
            stream.seek(0)
        last = b""
        for block in read_blocks(stream, delimiter=dialect.delimiter, quoted=dialect.quoted):
            filled = set(block.filled().tolist())
            for index in range(len(block.ends)):
                record, line = block.record(index), block.line(index)
                if index in filled and header_is_due:
                    header_is_due, end = False, _line_end(record)
                elif index in filled:
                    before += 1
                    if only is not None and line not in only:
                        continue
                    after += 1
                    if line in labels:
                        record = with_cell(record, position, labels[line], dialect)
                elif only is not None:
                    continue
                if last and not last.endswith((b"\n", b"\r")):
                    out.write(end)
                out.write(record)
                last = record
        if added and not last.endswith((b"\n", b"\r")):
            out.write(end)
        for row in added:
            out.write(_record([row.get(name) or "" for name in names], dialect, path) + end)
    return Copied(before, after + len(added))


def with_cell(record: bytes, position: int, value: str, dialect: Dialect) -> bytes:
    """The record with another value in one field, all other bytes unchanged.

    >>> with_cell(b'"a,b",1,x\\r\\n', 1, "2", CSV)
    b'"a,b",2,x\\r\\n'
    """
    body = record.rstrip(b"\r\n")
    ending = record[len(body) :]
    if dialect.quoted:
        body, ending = _without_line_end(record)
    cells = _cells(body) if dialect.quoted else body.split(dialect.delimiter.encode())
    cells[position] = _cell(value, dialect)
    return dialect.delimiter.encode().join(cells) + ending


def _without_line_end(record: bytes) -> tuple[bytes, bytes]:
    for ending in (b"\r\n", b"\n", b"\r"):
        if record.endswith(ending):
            return record[: -len(ending)], ending
    return record, b""


def _cells(body: bytes) -> list[bytes]:
    """The fields of a CSV record as they are written."""
    cells, position = [], 0
    while True:
        match = _FIELD.match(body, position)
        assert match is not None  # the second alternative takes anything
        cells.append(match[1])
        if not match[2]:
            return cells
        position = match.end()


def _cell(value: str, dialect: Dialect) -> bytes:
    """A value as it is written in a file of this dialect."""
    return _record([value], dialect, "").removesuffix(b"\n") if value else b""


def _record(cells: Sequence[str], dialect: Dialect, path: str) -> bytes:
    """A row without its line's end."""
    if dialect.quoted:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=dialect.delimiter, lineterminator="").writerow(cells)
        return out.getvalue().encode()
    for cell in cells:
        if any(mark in cell for mark in "\t\r\n"):
            raise ConfigError(
                [
                    f"{path}: a TSV file holds no tab and no line break in a value, and a row that was to be added "
                    f"has one: {cell[:60]!r}. Take it out of the file of rows to label."
                ]
            )
    return dialect.delimiter.join(cells).encode()


def _line_end(record: bytes) -> bytes:
    return _without_line_end(record)[1] or b"\n"


DIALECTS = {"csv": CSV, "tsv": Dialect("\t", quoted=False)}
