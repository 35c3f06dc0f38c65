"""Intervals for metrics: Wilson's for shares of rows, a bootstrap over rows for everything else. NumPy only.

A bootstrap cannot see what did not happen: where no row was answered wrongly, its interval has no width.
"""

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from components.evaluator.analysis import Interval

CONFIDENCE = 0.95
SEED = 20_261_122
REPLICATES = 500

#: More rows than these are sampled, and the interval is narrowed to what all rows would give.
MAX_BOOTSTRAP_ROWS = 100_000

#: Weights held in memory at a time.
_CHUNK_ELEMENTS = 2_000_000
#: Below this share of replicates in which a metric is defined, it has no interval.
_MIN_DEFINED = 0.9

Weights = npt.NDArray[np.float64]
Values = Mapping[str, npt.NDArray[np.float64]]

_Z = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def wilson(successes: float, rows: float) -> Interval:
    """The share of successes with Wilson's score interval; unknown without rows.

    Source: E. B. Wilson, JASA 22 (1927), equation for p.
    """
    if rows <= 0:
        return Interval(None)
    share, z2 = successes / rows, _Z**2 / rows
    centre = (share + z2 / 2) / (1 + z2)
    reach = _Z * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows)) / (1 + z2)
    # Exactly 0 and 1 where rounding would leave the share itself just outside.
    return Interval(share, min(max(centre - reach, 0.0), share), max(min(centre + reach, 1.0), share))


def mean_interval(values: npt.NDArray[np.float64]) -> Interval:
    """The mean with its interval by the normal approximation; only the mean for a single value."""
    if values.size == 0:
        return Interval(None)
    mean = float(values.mean())
    if values.size == 1:
        return Interval(mean)
    reach = _Z * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Interval(mean, mean - reach, mean + reach)


@dataclasses.dataclass(frozen=True)
class Bootstrap:
    """Percentile intervals from resampled rows; the same rows and seed give the same intervals.

    Attributes:
      replicates: how often the rows are drawn anew.
      max_rows: more rows than these are sampled first.
      seed: of the draws.
    """

    replicates: int = REPLICATES
    max_rows: int = MAX_BOOTSTRAP_ROWS
    seed: int = SEED

    def intervals(
        self, rows: int, measure: Callable[[npt.NDArray[np.int64] | None, Weights], Values]
    ) -> dict[str, Interval]:
        """The interval of every value that `measure` gives.

        Args:
          rows: how many there are.
          measure: from the rows to look at (None = all) and weights [replicates, their number] to values [replicates].
        """
        if rows == 0:
            return {}
        points = {name: float(value[0]) for name, value in measure(None, np.ones((1, rows))).items()}
        if rows == 1:
            return {name: Interval(_finite(point)) for name, point in points.items()}
        replicates = self._replicates(rows, measure)
        narrowing = math.sqrt(min(1.0, self.max_rows / rows))
        return {name: _percentiles(point, replicates[name], narrowing) for name, point in points.items()}

    def _replicates(
        self, rows: int, measure: Callable[[npt.NDArray[np.int64] | None, Weights], Values]
    ) -> dict[str, npt.NDArray[np.float64]]:
        generator = np.random.default_rng(self.seed)
        chosen = None if rows <= self.max_rows else np.sort(generator.choice(rows, self.max_rows, replace=False))
        drawn = [measure(chosen, weights) for weights in self._weights(generator, min(rows, self.max_rows))]
        return {name: np.concatenate([values[name] for values in drawn]) for name in drawn[0]}

    def _weights(self, generator: np.random.Generator, rows: int) -> Iterator[Weights]:
        """How often each row was drawn, for some replicates at a time."""
        at_a_time = max(1, min(self.replicates, _CHUNK_ELEMENTS // rows))
        for first in range(0, self.replicates, at_a_time):
            count = min(at_a_time, self.replicates - first)
            drawn = generator.integers(0, rows, size=(count, rows)) + np.arange(count)[:, None] * rows
            yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)


def _percentiles(point: float, replicates: npt.NDArray[np.float64], narrowing: float) -> Interval:
    defined = replicates[np.isfinite(replicates)]
    if not math.isfinite(point) or defined.size < _MIN_DEFINED * replicates.size:
        return Interval(_finite(point))
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(value) for value in np.quantile(defined, [tail, 1 - tail]))
    # Narrowed about the middle of what was drawn, which for a sample is not the point itself.
    middle = point if narrowing == 1.0 else float(np.median(defined))
    low, high = point + (low - middle) * narrowing, point + (high - middle) * narrowing
    return Interval(point, min(low, point), max(high, point))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
