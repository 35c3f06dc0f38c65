"""What is measured for each constraint: small states that take batches, and that join those of other workers.

A state is bounded whatever the number of rows: a few numbers, or a sample of at most `SAMPLE_ROWS` values (quantiles).
Only keys need room for each row; they are counted apart (keys.py).
"""

import dataclasses
import datetime
import hashlib
import math
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.expression import column_of, is_in, parse
from components.data_quality_gate.settings import Constraint, whole

SAMPLE_ROWS = 65_536
"""Values kept for a quantile: exact up to here; beyond, the rank is off by at most 0.6 % (three standard errors)."""


class Measure(Protocol):
    """A measurement under way."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch, those that the constraint looks at."""

    def join(self, other: Self) -> None:
        """Takes what another measurement of the same thing found."""

    @property
    def rows(self) -> int:
        """The rows that it was measured on."""

    @property
    def value(self) -> float | None:
        """What was measured, None if there was nothing to measure."""


def looked_at(constraint: Constraint, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of the batch that fulfil the constraint's `where`."""
    if constraint.where is None:
        return batch
    return batch.filter(pc.fill_null(parse(constraint.where).holds(batch), False))


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
        answers = row_answers(self.constraint, batch)
        self.rows += len(answers) - answers.null_count
        self.kept += answers.true_count

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
    text = values if _is_text(values) else values.cast(pa.large_string())
    return pc.match_substring_regex(text, whole(constraint.regex or ""))


def _is_text(values: pa.Array) -> bool:
    return bool(pa.types.is_large_string(values.type) or pa.types.is_string(values.type))


def numbers_of(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64]:
    """The column's numbers, float64; missing and infinite values and texts are left out."""
    values = column_of(batch, name)
    if _is_text(values) or pa.types.is_null(values.type):
        return np.empty(0)
    found: npt.NDArray[np.float64] = pc.drop_null(values).cast(pa.float64()).to_numpy(zero_copy_only=False)
    finite: npt.NDArray[np.float64] = found[np.isfinite(found)]
    return finite


@dataclasses.dataclass
class Moments:
    """Count, mean, sum of squared distances from it, smallest and largest number of a column (Chan et al. 1979)."""

    column: str
    wanted: str = "mean"
    rows: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        found = numbers_of(batch, self.column)
        if len(found):
            mean = float(found.mean())
            squares = float(((found - mean) ** 2).sum())
            self._join(len(found), mean, squares, float(found.min()), float(found.max()))

    def join(self, other: Self) -> None:
        """See Measure."""
        if other.rows:
            self._join(other.rows, other.mean, other.squares, other.low, other.high)

    def _join(self, rows: int, mean: float, squares: float, low: float, high: float) -> None:
        total, distance = self.rows + rows, mean - self.mean
        self.squares += squares + distance**2 * self.rows * rows / total
        self.mean += distance * rows / total
        self.rows, self.low, self.high = total, min(self.low, low), max(self.high, high)

    @property
    def standard_deviation(self) -> float | None:
        """Of the sample (divided by rows - 1); None for fewer than two rows."""
        return math.sqrt(self.squares / (self.rows - 1)) if self.rows > 1 else None

    @property
    def value(self) -> float | None:
        """See Measure."""
        if not self.rows:
            return None
        found = {"mean": self.mean, "minimum": self.low, "maximum": self.high}
        return self.standard_deviation if self.wanted == "standard_deviation" else found[self.wanted]


@dataclasses.dataclass
class Correlation:
    """Pearson's correlation of two columns, on rows that have both."""

    columns: tuple[str, ...]
    rows: int = 0
    means: npt.NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(2))
    products: npt.NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros((2, 2)))

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        pair = [_as_floats(column_of(batch, name)) for name in self.columns]
        both = np.isfinite(pair[0]) & np.isfinite(pair[1])
        found = np.stack([values[both] for values in pair])
        if found.shape[1]:
            means = found.mean(axis=1)
            distances = found - means[:, None]
            self._join(found.shape[1], means, distances @ distances.T)

    def join(self, other: Self) -> None:
        """See Measure."""
        if other.rows:
            self._join(other.rows, other.means, other.products)

    def _join(self, rows: int, means: npt.NDArray[np.float64], products: npt.NDArray[np.float64]) -> None:
        total, distance = self.rows + rows, means - self.means
        self.products = self.products + products + np.outer(distance, distance) * (self.rows * rows / total)
        self.means = self.means + distance * (rows / total)
        self.rows = total

    @property
    def value(self) -> float | None:
        """See Measure."""
        scale = math.sqrt(self.products[0, 0] * self.products[1, 1])
        return float(self.products[0, 1] / scale) if self.rows > 1 and scale > 0 else None


def _as_floats(values: pa.Array) -> npt.NDArray[np.float64]:
    """A number for each row, NaN where there is none."""
    if _is_text(values) or pa.types.is_null(values.type):
        return np.full(len(values), np.nan)
    found: npt.NDArray[np.float64] = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


@dataclasses.dataclass
class Quantile:
    """A quantile, from a uniform sample: of every value a random number is drawn, the smallest are kept.

    The numbers come from the values of the batch themselves, so that the same data gives the same sample.
    """

    column: str
    quantile: float
    rows: int = 0
    values: npt.NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.empty(0))
    draws: npt.NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.empty(0))

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        found = numbers_of(batch, self.column)
        seed = int.from_bytes(hashlib.blake2b(found.tobytes(), digest_size=8).digest(), "little")
        self._keep(found, np.random.default_rng(seed).random(len(found)))
        self.rows += len(found)

    def join(self, other: Self) -> None:
        """See Measure."""
        self._keep(other.values, other.draws)
        self.rows += other.rows

    def _keep(self, values: npt.NDArray[np.float64], draws: npt.NDArray[np.float64]) -> None:
        values, draws = np.concatenate([self.values, values]), np.concatenate([self.draws, draws])
        if len(values) > SAMPLE_ROWS:
            chosen = np.argpartition(draws, SAMPLE_ROWS)[:SAMPLE_ROWS]
            values, draws = values[chosen], draws[chosen]
        self.values, self.draws = values, draws

    @property
    def value(self) -> float | None:
        """See Measure."""
        return float(np.quantile(self.values, self.quantile)) if len(self.values) else None


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
        if _is_text(values):
            texts = pc.unique(values).to_pylist()
            found = [_seconds(text) for text in texts]
            self.unreadable += sum(second is None for second in found)
            seconds = [second for second in found if second is not None]
        else:
            seconds = numbers_of(batch, self.column).tolist()
        self.rows += len(values)
        self.newest_s = max([self.newest_s, *seconds])

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
    """One row as plain JSON: bytes as text, numbers that JSON does not know as text."""
    row = {name: column_of(batch.slice(index, 1), name)[0].as_py() for name in batch.schema.names}
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
