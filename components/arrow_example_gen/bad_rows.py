"""Rows that cannot be used: what is wrong with each, and the message about all of them."""

import dataclasses
from collections.abc import Iterable, Iterator

from components.mirror import original_uri

SHOWN_BAD_ROWS = 10
MAX_RAW_CHARACTERS = 100_000  # of one quarantined row; a row that a stray quote glued together can be megabytes


@dataclasses.dataclass(frozen=True)
class BadRow:
    """A row that cannot be used.

    Attributes:
      file: its file.
      unit: what `number` counts: "line" (CSV, TSV), "row" (Parquet) or "record" (TFRecord), from 1.
      number: where the row begins.
      column: the column at fault, None if it is the row as a whole.
      reason: what is wrong and what was seen.
      raw: the row as it stands in the file, or its values where the file is binary.
    """

    file: str
    unit: str
    number: int
    column: str | None
    reason: str
    raw: str

    def __str__(self) -> str:
        """`file:line 12, column 'x': reason`."""
        column = "" if self.column is None else f", column {self.column!r}"
        return f"{self.file}, {self.unit} {self.number}{column}: {self.reason}"

    def to_json(self) -> dict[str, str | int | None]:
        """One line of the quarantine file."""
        return {
            "file": original_uri(self.file),
            self.unit: self.number,
            "column": self.column,
            "reason": self.reason,
            "raw": self.raw[:MAX_RAW_CHARACTERS],
        }


@dataclasses.dataclass
class BadRowTally:
    """How many bad rows there were, and the first few."""

    count: int = 0
    first: list[BadRow] = dataclasses.field(default_factory=list)

    def add(self, rows: Iterable[BadRow]) -> None:
        """Counts rows; keeps the first ten."""
        for row in rows:
            self.count += 1
            if len(self.first) < SHOWN_BAD_ROWS:
                self.first.append(row)

    def merge(self, other: "BadRowTally") -> None:
        """Takes in another tally, its first rows after the own ones."""
        self.first = [*self.first, *other.first][:SHOWN_BAD_ROWS]
        self.count += other.count

    def lines(self) -> Iterator[str]:
        """The first bad rows, one line each, and how many more there are."""
        yield from (f"  {row}" for row in self.first)
        if self.count > len(self.first):
            yield f"  ... and {self.count - len(self.first)} more"


def shown(text: str, limit: int = 60) -> str:
    """A value quoted for a message, cut to `limit` characters."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
