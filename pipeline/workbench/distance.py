"""How far two distributions of one feature are apart, from their statistics alone. The measures are TFDV's.

- L-infinity of categories: the largest difference between the shares of a value. 0 = alike, 1 = nothing in common.
- Jensen-Shannon divergence of numbers, to base 2, over the two histograms cut at all their edges: values lie evenly
  inside a bin. 0 = alike, 1 = nothing in common. Very skewed numbers are compared by their quantiles on a logarithmic
  axis, as the report draws them: in bins of equal width, one extreme value would decide how far apart they are.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

from pipeline.readers.statistics import Bucket, FeatureStatistics, NumericStatistics
from pipeline.report.histogram import is_skewed

MOST_VALUES = 1000
"""TFDV lists no more values than this: of more, shares are not known."""


def distance(before: FeatureStatistics, after: FeatureStatistics) -> tuple[str, float] | None:
    """The measure's name and value; None where there is nothing to measure, such as texts that are all different."""
    if before.numeric is not None and after.numeric is not None:
        found = jensen_shannon(*_bars(before.numeric, after.numeric))
        return None if found is None else ("Jensen-Shannon", found)
    if before.string is None or after.string is None or max(before.string.unique, after.string.unique) > MOST_VALUES:
        return None
    one, other = ({item.value: item.count for item in of.values} for of in (before.string, after.string))
    shared = l_infinity(one, other)
    return None if shared is None else ("L-infinity", shared)


def _bars(before: NumericStatistics, after: NumericStatistics) -> tuple[Sequence[Bucket], Sequence[Bucket]]:
    """What to compare: the histograms, or the quantiles on a logarithmic axis."""
    if (is_skewed(before) or is_skewed(after)) and min(before.min or 0.0, after.min or 0.0) >= 0:
        one, other = (
            [Bucket(math.log1p(bar.low), math.log1p(bar.high), bar.count) for bar in of.quantiles]
            for of in (before, after)
        )
        return one, other
    return before.histogram, after.histogram


def l_infinity(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """The largest difference between the shares of a value; None if one side has no values.

    >>> l_infinity({"a": 3, "b": 1}, {"a": 1, "c": 1})
    0.5
    """
    whole, other = sum(before.values()), sum(after.values())
    if not whole or not other:
        return None
    return max(abs(before.get(value, 0) / whole - after.get(value, 0) / other) for value in {**before, **after})


def jensen_shannon(before: Sequence[Bucket], after: Sequence[Bucket]) -> float | None:
    """The divergence of two histograms, 0 to 1; None if one side has no values.

    >>> jensen_shannon([Bucket(0, 1, 4)], [Bucket(5, 6, 2)])
    1.0
    """
    edges = sorted({edge for bar in (*before, *after) for edge in (bar.low, bar.high)})
    cells = list(itertools.pairwise(edges)) or [(edge, edge) for edge in edges]
    points = [edge for edge in edges if any(bar.low == bar.high == edge for bar in (*before, *after))]
    one, other = (_shares(bars, cells, points) for bars in (before, after))
    if one is None or other is None:
        return None
    parts = (_part(p, q) + _part(q, p) for p, q in zip(one, other, strict=True))
    return min(max(sum(parts) / 2, 0.0), 1.0)


def _shares(
    bars: Sequence[Bucket], cells: Sequence[tuple[float, float]], points: Sequence[float]
) -> list[float] | None:
    """The share of the values in each cell, and at each point that a bin without width stands for."""
    whole = sum(bar.count for bar in bars)
    if not whole:
        return None
    wide = [bar for bar in bars if bar.high > bar.low]
    inside = [sum(bar.count * _overlap(bar, *cell) for bar in wide) / whole for cell in cells]
    at = [sum(bar.count for bar in bars if bar.low == bar.high == point) / whole for point in points]
    return [*inside, *at]


def _overlap(bar: Bucket, low: float, high: float) -> float:
    """The part of the bar that lies between the bounds."""
    return max(min(bar.high, high) - max(bar.low, low), 0.0) / (bar.high - bar.low)


def _part(p: float, q: float) -> float:
    return p * math.log2(2 * p / (p + q)) if p else 0.0
