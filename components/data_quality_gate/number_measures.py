"""Measures of columns of numbers. Missing values count for nothing; infinite ones make mean and deviation NaN."""

import dataclasses
import hashlib
import math
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.data_quality_gate.columns import is_single_precision, numbers_of

Floats = npt.NDArray[np.float64]

SAMPLE_ROWS = 65_536
"""Values kept for a quantile: exact up to here; beyond, the rank is off by at most 0.6 % (three standard errors)."""

_NO_SPREAD = 1e-12
"""A column whose values lie closer together than this, relative to their mean, does not vary: it is rounding."""


def as_written(value: float, *, single: bool) -> float:
    """The shortest decimal that is this float32: 0.1, which as a float64 would be 0.10000000149.

    >>> as_written(0.10000000149011612, single=True)
    0.1
    """
    return (float(str(np.float32(value))) if single else value) + 0.0  # no negative zero


@dataclasses.dataclass
class Moments:
    """Count, mean, sum of squared distances from it, smallest and largest number of a column (Chan et al. 1979)."""

    column: str
    wanted: str = "mean"
    finite: int = 0
    infinite: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    single: bool = False

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        self.single = self.single or is_single_precision(batch, self.column)
        self.take(numbers_of(batch, self.column))

    def take(self, numbers: Floats) -> None:
        """Takes numbers, of which NaN are missing."""
        found = numbers[~np.isnan(numbers)]
        if not len(found):
            return
        self.low, self.high = min(self.low, float(found.min())), max(self.high, float(found.max()))
        finite = found[np.isfinite(found)]
        self.infinite += len(found) - len(finite)
        if len(finite):
            mean = float(finite.mean())
            self._join(len(finite), mean, float(((finite - mean) ** 2).sum()))

    def join(self, other: Self) -> None:
        """See Measure."""
        self.single = self.single or other.single
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.infinite += other.infinite
        if other.finite:
            self._join(other.finite, other.mean, other.squares)

    def _join(self, rows: int, mean: float, squares: float) -> None:
        total, distance = self.finite + rows, mean - self.mean
        self.squares += squares + distance**2 * self.finite * rows / total
        self.mean += distance * rows / total
        self.finite = total

    @property
    def rows(self) -> int:
        """See Measure."""
        return self.finite + self.infinite

    @property
    def standard_deviation(self) -> float | None:
        """Of the sample (divided by rows - 1); None for fewer than two rows, NaN if some are infinite."""
        if self.rows < 2:
            return None
        return math.nan if self.infinite else math.sqrt(self.squares / (self.finite - 1))

    @property
    def value(self) -> float | None:
        """See Measure."""
        if not self.rows:
            return None
        if self.wanted == "standard_deviation":
            return self.standard_deviation
        if self.wanted == "mean":
            return math.nan if self.infinite else self.mean
        return as_written(self.low if self.wanted == "minimum" else self.high, single=self.single)


@dataclasses.dataclass
class Correlation:
    """Pearson's correlation of two columns, on rows that have both."""

    columns: tuple[str, ...]
    finite: int = 0
    infinite: int = 0
    means: Floats = dataclasses.field(default_factory=lambda: np.zeros(2))
    products: Floats = dataclasses.field(default_factory=lambda: np.zeros((2, 2)))

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        found = np.stack([numbers_of(batch, name) for name in self.columns])
        found = found[:, ~np.isnan(found).any(axis=0)]
        finite = found[:, np.isfinite(found).all(axis=0)]
        self.infinite += found.shape[1] - finite.shape[1]
        if finite.shape[1]:
            means = finite.mean(axis=1)
            distances = finite - means[:, None]
            self._join(finite.shape[1], means, distances @ distances.T)

    def join(self, other: Self) -> None:
        """See Measure."""
        self.infinite += other.infinite
        if other.finite:
            self._join(other.finite, other.means, other.products)

    def _join(self, rows: int, means: Floats, products: Floats) -> None:
        total, distance = self.finite + rows, means - self.means
        self.products = self.products + products + np.outer(distance, distance) * (self.finite * rows / total)
        self.means = self.means + distance * (rows / total)
        self.finite = total

    @property
    def rows(self) -> int:
        """See Measure."""
        return self.finite + self.infinite

    @property
    def value(self) -> float | None:
        """See Measure; None too for fewer than two rows or a column that does not vary."""
        if self.infinite:
            return math.nan
        squares = np.diag(self.products)
        if self.finite < 2 or (squares <= self.finite * (_NO_SPREAD * self.means) ** 2).any():
            return None
        return float(np.clip(self.products[0, 1] / np.sqrt(squares).prod(), -1, 1))


@dataclasses.dataclass
class Quantile:
    """A quantile, from a uniform sample: of every value a random number is drawn, the smallest are kept.

    The draws are seeded by the values and by how many came before, so that the same batches give the same sample.
    """

    column: str
    quantile: float
    rows: int = 0
    single: bool = False
    values: Floats = dataclasses.field(default_factory=lambda: np.empty(0))
    draws: Floats = dataclasses.field(default_factory=lambda: np.empty(0))

    def add(self, batch: pa.RecordBatch) -> None:
        """See Measure."""
        self.single = self.single or is_single_precision(batch, self.column)
        found = numbers_of(batch, self.column)
        found = found[~np.isnan(found)]
        digest = hashlib.blake2b(found.tobytes(), digest_size=8, salt=self.rows.to_bytes(16, "little")).digest()
        self._keep(found, np.random.default_rng(int.from_bytes(digest, "little")).random(len(found)))
        self.rows += len(found)

    def join(self, other: Self) -> None:
        """See Measure."""
        self.single = self.single or other.single
        self._keep(other.values, other.draws)
        self.rows += other.rows

    def _keep(self, values: Floats, draws: Floats) -> None:
        values, draws = np.concatenate([self.values, values]), np.concatenate([self.draws, draws])
        if len(values) > SAMPLE_ROWS:
            chosen = np.argpartition(draws, SAMPLE_ROWS)[:SAMPLE_ROWS]
            values, draws = values[chosen], draws[chosen]
        self.values, self.draws = values, draws

    @property
    def value(self) -> float | None:
        """See Measure; between two values of the sample interpolated linearly."""
        if not len(self.values):
            return None
        with np.errstate(invalid="ignore"):  # between infinite values there is no number
            return as_written(float(np.quantile(self.values, self.quantile)), single=self.single)
