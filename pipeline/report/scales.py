"""From values to places in a drawing, and the round numbers to write beside them."""

import dataclasses
import math
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Linear:
    """Maps [low, high] to [start, stop] in pixels; a range of one value is widened."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The place of a value; values outside are put at the nearer end.

        >>> Linear(0, 10, 100, 0)(2.5)
        75.0
        """
        low, high = self.bounds
        inside = min(max(value, low), high)
        return self.start + (inside - low) / (high - low) * (self.stop - self.start)

    @property
    def bounds(self) -> tuple[float, float]:
        """The range, widened if it holds one value only."""
        if self.high > self.low:
            return self.low, self.high
        half = abs(self.low) / 10 or 0.5
        return self.low - half, self.low + half

    def ticks(self, most: int = 5) -> list[float]:
        """Round values inside the range, at most `most`.

        >>> Linear(0, 0.93, 0, 1).ticks(5)
        [0.0, 0.2, 0.4, 0.6, 0.8]
        """
        low, high = self.bounds
        step = _round_step((high - low) / max(most, 1))
        while math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1 > most:
            step = _round_step(step * 1.01)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


def covering(low: float, high: float, steps: int = 4) -> list[float]:
    """Round values from below the range to above it, about `steps` apart: an axis that ends with numbers.

    >>> covering(0.37, 0.94)
    [0.2, 0.4, 0.6, 0.8, 1.0]
    """
    low, high = Linear(low, high, 0, 1).bounds
    step = _round_step((high - low) / steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not less.

    >>> _round_step(0.3), _round_step(20), _round_step(21)
    (0.5, 20.0, 50.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))


def extent(values: Iterable[float | None]) -> tuple[float, float] | None:
    """The least and the greatest finite value, None if there is none.

    >>> extent([3, None, float("nan"), 1])
    (1, 3)
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return (min(finite), max(finite)) if finite else None
