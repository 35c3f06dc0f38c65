"""What every reader yields: a batch of rows before their types are settled."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

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


class Source(Protocol):
    """One input file that can be read from the start any number of times.

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
