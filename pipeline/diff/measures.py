"""How far two distributions are apart, and how far chance alone would put them apart.

The measures are TFDV's comparators (tensorflow_data_validation/anomalies/metrics.cc), computed from the same statistics
without TFDV; those of values are DistributionValidator's. Chance: what two samples of one distribution exceed once in a
thousand times.
"""

import math
import statistics
from collections.abc import Sequence

from components.distribution_validator.distances import jensen_shannon
from components.evaluator.analysis import Interval
from pipeline.readers.statistics import Bucket

_ONE_IN_THOUSAND = statistics.NormalDist().inv_cdf(0.999)
_ONE_IN_THOUSAND_EITHER_WAY = statistics.NormalDist().inv_cdf(0.9995)
#: Of the Kolmogorov distribution, once in a thousand times.
_KOLMOGOROV = 1.9495
#: How far TFDV's sketch may put a quantile from where it is.
_SKETCH_ERROR = 0.01


def jensen_shannon_of_numbers(
    before: Sequence[Bucket], after: Sequence[Bucket], nan_before: float = 0.0, nan_after: float = 0.0
) -> float | None:
    """The divergence of two histograms, put on each other's boundaries; NaN is a bin of its own."""
    edges = _edges(before, after)
    counts = [[*_counts_between(buckets, edges), nan] for buckets, nan in ((before, nan_before), (after, nan_after))]
    return jensen_shannon(*counts)


def kolmogorov_smirnov(before: Sequence[Bucket], after: Sequence[Bucket]) -> float | None:
    """The distance that two cumulative distributions have somewhere at least, by their histograms; None without counts.

    How the values lie within a bucket is not known, so ten quantiles prove less than the whole distance.
    """
    totals = [sum(bucket.count for bucket in buckets) for buckets in (before, after)]
    if min(totals) <= 0:
        return None
    distance = 0.0
    for edge in {edge for bucket in (*before, *after) for edge in (bucket.low, bucket.high)}:
        for including in (False, True):
            least_one, most_one = (count / totals[0] for count in _below(before, edge, including))
            least_other, most_other = (count / totals[1] for count in _below(after, edge, including))
            distance = max(distance, least_one - most_other, least_other - most_one)
    return distance


def chance_of_jensen_shannon(bins: int, before: float, after: float) -> float:
    """What two samples of these sizes from one distribution over so many bins seldom exceed.

    For small differences the divergence in nats is about chi² (bins - 1) (1/before + 1/after) / 8.
    """
    if bins < 2 or before <= 0 or after <= 0:
        return 0.0
    return _chi_squared(bins - 1) * (1 / before + 1 / after) / (8 * math.log(2))


def chance_of_kolmogorov_smirnov(before: float, after: float) -> float:
    """What two samples of these sizes from one distribution seldom exceed, by quantiles from TFDV's sketches."""
    if before <= 0 or after <= 0:
        return 1.0
    return _KOLMOGOROV * math.sqrt((before + after) / (before * after)) + 2 * _SKETCH_ERROR


def do_shares_differ(before: float, rows_before: float, after: float, rows_after: float) -> bool:
    """True if so many of so many rows differ by more than chance, from a pooled share."""
    if rows_before <= 0 or rows_after <= 0:
        return False
    share = (before + after) / (rows_before + rows_after)
    error = math.sqrt(max(share * (1 - share), 0.0) * (1 / rows_before + 1 / rows_after))
    return abs(before / rows_before - after / rows_after) > _ONE_IN_THOUSAND_EITHER_WAY * error


def do_means_differ(change: float, error_before: float, error_after: float) -> bool:
    """True if the change of a mean is more than chance, by the standard errors of both means."""
    return abs(change) > _ONE_IN_THOUSAND_EITHER_WAY * math.hypot(error_before, error_after)


def difference_of(before: Interval, after: Interval) -> Interval:
    """After less before of two independent numbers; for shares this is Newcombe's interval (1998, method 10)."""
    if before.value is None or after.value is None:
        return Interval(None)
    change = after.value - before.value
    if None in (before.low, before.high, after.low, after.high):
        return Interval(change)
    below = math.hypot(after.value - (after.low or 0.0), (before.high or 0.0) - before.value)
    above = math.hypot((after.high or 0.0) - after.value, before.value - (before.low or 0.0))
    return Interval(change, change - below, change + above)


def _chi_squared(freedom: int) -> float:
    """The value that chi² exceeds once in a thousand times, by Wilson and Hilferty's approximation (1931)."""
    spread = 2 / (9 * freedom)
    return freedom * float(1 - spread + _ONE_IN_THOUSAND * math.sqrt(spread)) ** 3


def _edges(*histograms: Sequence[Bucket]) -> list[float]:
    return sorted({edge for buckets in histograms for bucket in buckets for edge in (bucket.low, bucket.high)})


def _counts_between(buckets: Sequence[Bucket], edges: Sequence[float]) -> list[float]:
    """Counts of each gap between edges, and of each edge itself: values of a bucket lie evenly, or all on its edge."""
    gaps = [0.0] * max(len(edges) - 1, 0)
    points = [0.0] * len(edges)
    position = {edge: index for index, edge in enumerate(edges)}
    for bucket in buckets:
        first, last = position[bucket.low], position[bucket.high]
        if first == last:
            points[first] += bucket.count
        for index in range(first, last):
            gaps[index] += bucket.count * (edges[index + 1] - edges[index]) / (bucket.high - bucket.low)
    return gaps + points


def _below(buckets: Sequence[Bucket], edge: float, including: bool) -> tuple[float, float]:
    """How many values are below the edge (or at it) at least, and at most."""
    if including:
        least = sum(bucket.count for bucket in buckets if bucket.high <= edge)
        return least, sum(bucket.count for bucket in buckets if bucket.low <= edge)
    least = sum(bucket.count for bucket in buckets if bucket.high < edge)
    return least, sum(bucket.count for bucket in buckets if bucket.low < edge)
