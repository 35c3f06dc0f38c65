"""What is measured for each constraint: small states that take batches, and that join those of other workers.

A state is bounded whatever the number of rows. Only keys need room for each row; they are kept apart (key_store.py).
Batches are readable ones (columns.py).
"""

import dataclasses
import datetime
import math
from typing import Any, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import column_of, is_in, is_text, numbers_of
from components.data_quality_gate.expression import parse
from components.data_quality_gate.number_measures import Correlation, Moments, Quantile, as_written
from components.data_quality_gate.settings import Constraint, whole


class Measure(Protocol):
    """A measurement under way."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch, those that the constraint looks at; raises DoesNotFit if a type is wrong."""

    def join(self, other: Self) -> None:
        """Takes what another measurement of the same thing found."""

    @property
    def rows(self) -> int:
        """The rows that it was measured on."""

    @property
    def value(self) -> float | None:
        """What was measured, None if there was nothing to measure."""


@dataclasses.dataclass
class Size:
    """The number of rows."""

    rows: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        self.rows += batch.num_rows

    def join(self, other: Self) -> None:
        """See Measure."""
        self.rows += other.rows

    @property
    def value(self) -> float | None:
        """See Measure."""
        return float(self.rows)


@dataclasses.dataclass
class Share:
    """The share of rows that keep to the constraint, among those that it can be asked of."""

    constraint: Constraint
    rows: int = 0
    kept: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        self.broken(batch)

    def broken(self, batch: pa.RecordBatch) -> list[int]:
        """Takes the rows of a batch; returns the indexes of those that break the constraint."""
        answers = row_answers(self.constraint, batch)
        self.rows += len(answers) - answers.null_count
        self.kept += answers.true_count
        found: list[int] = np.flatnonzero(pc.equal(answers, False).fill_null(False)).tolist()
        return found

    def join(self, other: Self) -> None:
        """See Measure."""
        self.rows += other.rows
        self.kept += other.kept

    @property
    def value(self) -> float | None:
        """See Measure."""
        return self.kept / self.rows if self.rows else None


def row_answers(constraint: Constraint, batch: pa.RecordBatch) -> pa.Array:
    """For each row whether it keeps to the constraint; null where that cannot be asked, as of a missing value."""
    if constraint.kind == "compliance":
        return parse(constraint.expression or "").holds(batch)
    values = column_of(batch, constraint.column or "")
    if constraint.kind == "completeness":
        return pc.is_valid(values)
    if constraint.kind == "allowed_values":
        return is_in(values, constraint.values)
    text = values if is_text(values) else values.cast(pa.large_string())
    return pc.match_substring_regex(text, whole(constraint.regex or ""))


@dataclasses.dataclass
class Newest:
    """The newest moment of a column, as seconds since 1970: ISO 8601 texts, or numbers of seconds."""

    column: str
    rows: int = 0
    unreadable: int = 0
    newest_s: float = -math.inf

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        values = pc.drop_null(column_of(batch, self.column))
        self.rows += len(values)
        if not is_text(values):
            numbers = numbers_of(batch, self.column)
            self.newest_s = max([self.newest_s, *numbers[np.isfinite(numbers)].tolist()])
            return
        for item in pc.value_counts(values).to_pylist():
            seconds = _seconds(item["values"])
            if seconds is None:
                self.unreadable += item["counts"]
            else:
                self.newest_s = max(self.newest_s, seconds)

    def join(self, other: Self) -> None:
        """See Measure."""
        self.rows += other.rows
        self.unreadable += other.unreadable
        self.newest_s = max(self.newest_s, other.newest_s)

    @property
    def value(self) -> float | None:
        """See Measure."""
        return self.newest_s if math.isfinite(self.newest_s) else None


def _seconds(text: str) -> float | None:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def measure_of(constraint: Constraint) -> Measure | None:
    """The measurement that a constraint needs, None for those that are counted apart: keys, and spans."""
    column = constraint.column or ""
    if constraint.kind in ("completeness", "compliance", "allowed_values", "pattern"):
        return Share(constraint)
    if constraint.kind in ("minimum", "maximum", "mean", "standard_deviation"):
        return Moments(column, constraint.kind)
    if constraint.kind == "quantile":
        return Quantile(column, constraint.quantile or 0.5)
    if constraint.kind == "correlation":
        return Correlation(constraint.columns)
    if constraint.kind == "freshness":
        return Newest(column)
    return Size() if constraint.kind == "size" else None


def plain_row(batch: pa.RecordBatch, index: int) -> dict[str, Any]:
    """One row of a readable batch as plain JSON without what is missing; infinite numbers as text."""
    values = {name: column_of(batch, name)[index] for name in batch.schema.names}
    return {name: _plain(value) for name, value in values.items() if value.is_valid}


def _plain(value: pa.Scalar) -> Any:
    found = value.as_py()
    if not isinstance(found, float):
        return found
    return as_written(found, single=pa.types.is_float32(value.type)) if math.isfinite(found) else str(found)
