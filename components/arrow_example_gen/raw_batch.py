"""What every reader yields: a batch of rows before their types are settled."""

import copy
import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, Self

import pyarrow as pa

from components.arrow_example_gen.bad_rows import BadRow


@dataclasses.dataclass(frozen=True)
class RawBatch:
    """Rows as a reader found them.

    Attributes:
      file: where they come from.
      unit: what row numbers count: "line", "row" or "record".
      columns: one array [rows] per column, in one of the types that `columns.canonical` returns.
      rows: number of rows in `columns`.
      bad: rows that could not even be cut into columns; they are not in `columns`.
      locate: number (from 1, in units) and raw text of a row, by its index in `columns`.
    """

    file: str
    unit: str
    columns: Mapping[str, pa.Array]
    rows: int
    bad: Sequence[BadRow]
    locate: Callable[[int], tuple[int, str]]

    def bad_row(self, index: int, column: str, reason: str) -> BadRow:
        """The row at `index` as a bad row."""
        number, raw = self.locate(index)
        return BadRow(self.file, self.unit, number, column, reason, raw)


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A part of a file that can be read by itself.

    Attributes:
      begin: the first byte, or the first row group of a Parquet file.
      end: the first byte, or row group, behind it.
      first: the number, from 1, of the line, row or record that it begins with.
    """

    begin: int = 0
    end: int = sys.maxsize
    first: int = 1


class Cuttable:
    """A reader of a file that can read stretches of it.

    Attributes:
      stretch: what it reads.
    """

    stretch = Stretch()

    def part(self, stretch: Stretch) -> Self:
        """The same reader, of a stretch."""
        part = copy.copy(self)
        part.stretch = stretch
        return part


def stretches(beginnings: Iterable[tuple[int, int]], end: int, part_bytes: int) -> Iterator[Stretch]:
    """Stretches of `part_bytes` or little more, to the file's end.

    Args:
      beginnings: where a stretch may begin, in order: byte, and number of the line or record there.
    """
    begin, first = 0, 1
    for offset, number in beginnings:
        if offset - begin >= part_bytes:
            yield Stretch(begin, offset, first)
            begin, first = offset, number
    yield Stretch(begin, end, first)


class Source(Protocol):
    """One input file, or a stretch of one, that can be read from its start any number of times, in any process.

    Attributes:
      path: the file.
      names: its columns in order; None if only reading it tells (TFRecord).
      values_are_text: True if columns come as text whose type has to be inferred.
    """

    path: str
    names: tuple[str, ...] | None
    values_are_text: bool

    def batches(self) -> Iterator[RawBatch]:
        """All rows in the order of the file, in bounded memory."""
        ...

    def parts(self, part_bytes: int) -> Sequence[tuple["Source", int]]:
        """The whole file as stretches of about `part_bytes`, in order, each with its size; one if it cannot be cut."""
        ...
