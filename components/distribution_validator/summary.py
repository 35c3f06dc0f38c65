"""What is kept of a table to compare it with others: a state for each compared column, in bounded memory. Pure.

No row and no text can be read back from a summary of text: words are counted on their own.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import as_text, column_of
from components.distribution_validator.cells import (
    days_since_1970,
    finite_numbers,
    rows_by_value,
    split_words,
    texts_by_word,
)
from components.distribution_validator.columns import ComparedColumn, Kind
from components.distribution_validator.states import NumberSample, ValueCounts

FORMAT = 1
"""Of `TableSummary.to_json`; a reader of another number says so."""

VALUES_KEPT = 10_000
WORDS_KEPT = 20_000


@dataclasses.dataclass
class ColumnSummary:
    """One column.

    Attributes:
      kind: how it is compared.
      rows: all rows.
      missing: rows without a (usable) value.
      counts: of `values` the rows by value, of `text` the texts by word that they hold.
      numbers: of `numbers` the numbers, of `dates` days since 1970, of `text` words a text.
    """

    kind: Kind
    rows: int = 0
    missing: int = 0
    counts: ValueCounts = dataclasses.field(default_factory=lambda: ValueCounts(0))
    numbers: NumberSample = dataclasses.field(default_factory=NumberSample)

    @classmethod
    def empty(cls, kind: Kind) -> Self:
        """Before any row."""
        return cls(kind, counts=ValueCounts(WORDS_KEPT if kind == "text" else VALUES_KEPT))

    @property
    def values(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    def add(self, column: pa.Array) -> None:
        """Takes a column of a batch; numbers that are not finite, and dates that are none, count as missing."""
        self.rows += len(column)
        self.missing += len(column) - self._add(pc.drop_null(column))

    def _add(self, present: pa.Array) -> int:
        """Takes the values that are there; returns how many could be used."""
        if self.kind == "values":
            self.counts.add(rows_by_value(present.cast(pa.large_string())))
            return len(present)
        if self.kind == "text":
            words, lengths = split_words(present)
            self.counts.add(texts_by_word(words, lengths))
            numbers = lengths.astype(np.float64)
        else:
            numbers = days_since_1970(present) if self.kind == "dates" else finite_numbers(present)
        self.numbers.add(numbers)
        return len(numbers)

    def join(self, other: Self) -> None:
        """Takes what was found in other rows."""
        self.rows += other.rows
        self.missing += other.missing
        self.counts.join(other.counts)
        self.numbers.join(other.numbers)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        self.counts.cut()
        return {
            "kind": self.kind,
            "rows": self.rows,
            "missing": self.missing,
            "counts": [list(item) for item in self.counts.ordered()],
            "rest": self.counts.rest,
            "numbers": self.numbers.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        found = cls.empty(data["kind"])
        found.rows, found.missing = data["rows"], data["missing"]
        found.counts.counts, found.counts.rest = dict(data["counts"]), data["rest"]
        found.numbers = NumberSample.from_json(data["numbers"])
        return found


@dataclasses.dataclass
class TableSummary:
    """Every compared column of a table, by name."""

    rows: int
    columns: dict[str, ColumnSummary]

    @classmethod
    def empty(cls, columns: Sequence[ComparedColumn]) -> Self:
        """Before any row."""
        return cls(0, {column.name: ColumnSummary.empty(column.kind) for column in columns})

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch; a column that it lacks is missing in all of them."""
        self.rows += batch.num_rows
        for name, column in self.columns.items():
            column.add(as_text(column_of(batch, name)))

    def join(self, other: Self) -> None:
        """Takes what was found in other rows, of the same columns."""
        self.rows += other.rows
        for name, column in other.columns.items():
            self.columns[name].join(column)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        columns = {name: column.to_json() for name, column in self.columns.items()}
        return {"format": FORMAT, "rows": self.rows, "columns": columns}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a distribution summary of format {data.get('format')!r}; this program reads {FORMAT}")
        return cls(data["rows"], {name: ColumnSummary.from_json(item) for name, item in data["columns"].items()})
