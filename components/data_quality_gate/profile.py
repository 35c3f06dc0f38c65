"""What each column looks like: for the metrics, and for constraints to suggest. Bounded, and joined as measures are."""

import dataclasses
import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import is_text
from components.data_quality_gate.keys import key_hashes
from components.data_quality_gate.number_measures import Moments, as_written

MAX_VALUES = 100
"""Distinct values that are counted one by one; beyond, a column is known to have more."""

MAX_LENGTH = 100
"""Characters of a text that may be one of a few; a column with a longer one is prose, of which none is counted."""

UNIQUE_ROWS = 20_000
"""Values among which repeats are looked for, to suggest what may be an identifier.

Of a column with fifty million different values as many rows hold, by chance, no repeat in one case of fifty.
"""


@dataclasses.dataclass
class ColumnProfile:
    """One column.

    Attributes:
      rows: all rows.
      missing: rows without a value.
      kind: `text`, `whole` or `number`; None while no row had a value.
      numbers: of a column of numbers.
      lengths: characters of a column of text.
      values: rows by value, None once there are more than `MAX_VALUES`, or a longer one than `MAX_LENGTH`.
      firsts: hashes of the first `UNIQUE_ROWS` values, None once one of them occurred twice.
    """

    rows: int = 0
    missing: int = 0
    kind: str | None = None
    numbers: Moments = dataclasses.field(default_factory=lambda: Moments("value"))
    lengths: Moments = dataclasses.field(default_factory=lambda: Moments("value"))
    values: dict[Any, int] | None = dataclasses.field(default_factory=dict)
    firsts: npt.NDArray[np.uint64] | None = dataclasses.field(default_factory=lambda: np.empty(0, np.uint64))

    def add(self, values: pa.Array) -> None:
        """Takes a column of a batch."""
        self.rows += len(values)
        self.missing += values.null_count
        if values.null_count == len(values):
            return
        text = is_text(values)
        self.kind = "text" if text else "whole" if pa.types.is_integer(values.type) else "number"
        measured = pc.utf8_length(values) if text else values
        moments = self.lengths if text else self.numbers
        moments.single = moments.single or pa.types.is_float32(values.type)
        moments.take(measured.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        self._look_for_repeats(key_hashes([values])[0][:, 0] if self._wants_more() else np.empty(0, np.uint64))
        if text and self.lengths.high > MAX_LENGTH:
            self.values = None
        if self.values is not None:
            counts = pc.value_counts(pc.drop_null(values))
            self._count(dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)))

    def join(self, other: Self) -> None:
        """Takes what was found in other rows."""
        self.rows += other.rows
        self.missing += other.missing
        self.kind = self.kind or other.kind
        self.numbers.join(other.numbers)
        self.lengths.join(other.lengths)
        if other.firsts is None:
            self.firsts = None
        else:
            self._look_for_repeats(other.firsts)
        if other.values is None:
            self.values = None
        else:
            self._count(other.values)

    def _wants_more(self) -> bool:
        return self.firsts is not None and len(self.firsts) < UNIQUE_ROWS

    def _look_for_repeats(self, hashes: npt.NDArray[np.uint64]) -> None:
        if self.firsts is None:
            return
        together = np.concatenate([self.firsts, hashes])
        self.firsts = together[:UNIQUE_ROWS] if len(np.unique(together)) == len(together) else None

    @property
    def firsts_seen(self) -> int:
        """How many values repeats were looked for among, 0 after one was found."""
        return 0 if self.firsts is None else len(self.firsts)

    @property
    def is_unique(self) -> bool:
        """True if, as far as was looked, each value occurs once; fractions are no identifiers."""
        return self.firsts_seen > 0 and self.kind != "number"

    def _count(self, counts: dict[Any, int]) -> None:
        if self.values is None:
            return
        for value, count in counts.items():
            self.values[value] = self.values.get(value, 0) + count
        if len(self.values) > MAX_VALUES:
            self.values = None

    @property
    def completeness(self) -> float | None:
        """The share of rows with a value."""
        return 1 - self.missing / self.rows if self.rows else None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, strings and numbers; what is not known is left out."""
        found: dict[str, Any] = {"rows": self.rows, "missing": self.missing, "completeness": self.completeness}
        if self.kind is not None:
            found["kind"] = self.kind
        if self.values is not None:
            found["distinct"] = len(self.values)
        for name, moments in (("number", self.numbers), ("length", self.lengths)):
            if moments.rows:
                found[name] = _plain(moments)
        return found


def _plain(moments: Moments) -> dict[str, float | None]:
    found = {
        "minimum": as_written(moments.low, single=moments.single),
        "maximum": as_written(moments.high, single=moments.single),
        "mean": math.nan if moments.infinite else moments.mean,
        "standard_deviation": moments.standard_deviation,
    }
    return {name: value if value is not None and math.isfinite(value) else None for name, value in found.items()}


@dataclasses.dataclass
class TableProfile:
    """Every column; a readable batch without a column has no values there."""

    rows: int = 0
    columns: dict[str, ColumnProfile] = dataclasses.field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch."""
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            self._column(name).add(values)
        self._end(batch.num_rows)

    def join(self, other: Self) -> None:
        """Takes what was found in other rows."""
        for name, column in other.columns.items():
            self._column(name).join(column)
        self._end(other.rows)

    def _column(self, name: str) -> ColumnProfile:
        return self.columns.setdefault(name, ColumnProfile(self.rows, self.rows))

    def _end(self, rows: int) -> None:
        """Counts the rows; a column that they do not have misses in all of them."""
        self.rows += rows
        for column in self.columns.values():
            absent = self.rows - column.rows
            column.rows += absent
            column.missing += absent

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, strings and numbers."""
        return {"rows": self.rows, "columns": {name: self.columns[name].to_json() for name in sorted(self.columns)}}
