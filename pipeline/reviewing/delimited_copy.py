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


@dataclasses.dataclass(frozen=True)
class Change:
    """What is different in a copy.

    Attributes:
      label: name of the column whose values change.
      labels: place of a row (the line where it begins in CSV and TSV, its number in Parquet; from 1) → its new label.
      only: places of the rows to keep; None = all, blank lines too.
      added: rows to put at the end, by column, as text; a column that a row lacks is empty.
    """

    label: str
    labels: Mapping[int, str]
    only: Collection[int] | None = None
    added: Sequence[Mapping[str, str | None]] = ()


def copy_delimited(path: str, dialect: Dialect, out: BinaryIO, change: Change) -> Copied:
    """Writes the copy.

    Args:
      path: the file; gzip or not.
      dialect: CSV or TSV.
      out: gets the bytes, not compressed.
      change: what is different.

    Raises:
      ConfigError: a value of an added row cannot stand in a TSV file.
    """
    names = DelimitedFile(path, dialect).names or ()
    copier = _Copier(names, dialect, out, change)
    with open_bytes(path) as stream:
        if stream.read(3) == _BOM:
            out.write(_BOM)
        else:
            stream.seek(0)
        for block in read_blocks(stream, delimiter=dialect.delimiter, quoted=dialect.quoted):
            filled = set(block.filled().tolist())
            for index in range(len(block.ends)):
                copier.take(block.record(index), block.line(index), is_blank=index not in filled)
    copier.add_rows(path)
    return Copied(copier.before, copier.after)


class _Copier:
    """Writes the records of one file one after the other, the header first."""

    def __init__(self, names: Sequence[str], dialect: Dialect, out: BinaryIO, change: Change) -> None:
        self.before = self.after = 0
        self._names, self._dialect, self._out, self._change = names, dialect, out, change
        self._position = names.index(change.label)
        self._header_is_due = True
        self._line_end = self._last = b"\n"

    def take(self, record: bytes, line: int, *, is_blank: bool) -> None:
        """One record, its line's end included."""
        if is_blank:
            if self._change.only is None:
                self._write(record)
        elif self._header_is_due:
            self._header_is_due, self._line_end = False, _without_line_end(record)[1] or b"\n"
            self._write(record)
        else:
            self.before += 1
            if self._change.only is None or line in self._change.only:
                self.after += 1
                label = self._change.labels.get(line)
                self._write(record if label is None else with_cell(record, self._position, label, self._dialect))

    def add_rows(self, path: str) -> None:
        """The rows that the file did not have."""
        for row in self._change.added:
            cells = [row.get(name) or "" for name in self._names]
            self._write(_record(cells, self._dialect, path) + self._line_end)
            self.after += 1

    def _write(self, record: bytes) -> None:
        """Ends the line before, if the file's last one has no end and is no longer the last."""
        if not self._last.endswith((b"\n", b"\r")):
            self._out.write(self._line_end)
        self._out.write(record)
        self._last = record


def with_cell(record: bytes, position: int, value: str, dialect: Dialect) -> bytes:
    """The record with another value in one field, all other bytes unchanged.

    >>> with_cell(b'"a,b",1,x\\r\\n', 1, "2", CSV)
    b'"a,b",2,x\\r\\n'
    """
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
    return _record([value], dialect, "") if value else b""


def _record(cells: Sequence[str], dialect: Dialect, path: str) -> bytes:
    """A row without its line's end."""
    if dialect.quoted:
        out = io.StringIO(newline="")
        # The module quotes a line break only if it is in its own line's end.
        csv.writer(out, delimiter=dialect.delimiter, lineterminator="\r\n").writerow(cells)
        return out.getvalue().removesuffix("\r\n").encode()
    for cell in cells:
        if any(mark in cell for mark in "\t\r\n"):
            raise ConfigError(
                [
                    f"{path}: a TSV file holds no tab and no line break in a value, and a row that was to be added "
                    f"has one: {cell[:60]!r}. Take it out of the file of rows to label."
                ]
            )
    return dialect.delimiter.join(cells).encode()


DIALECTS = {"csv": CSV, "tsv": Dialect("\t", quoted=False)}
