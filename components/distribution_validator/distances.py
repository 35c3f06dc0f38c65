"""How far two distributions are apart, and how far two samples of one are in the mean. Pure, without SciPy."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Counts = Mapping[str, float]
Floats = npt.NDArray[np.float64]

PSI_BINS = 10


def jensen_shannon(before: Sequence[float], after: Sequence[float]) -> float | None:
    """The Jensen-Shannon divergence, base 2, of two lists of counts over the same bins; None without counts.

    0 for equal shares, 1 where no bin is shared (Lin 1991; TFDV's comparator of this name).
    """
    total_before, total_after = sum(before), sum(after)
    if total_before <= 0 or total_after <= 0:
        return None
    divergence = 0.0
    for p, q in zip((n / total_before for n in before), (n / total_after for n in after), strict=True):
        middle = (p + q) / 2
        divergence += sum(part * math.log2(part / middle) / 2 for part in (p, q) if part > 0)
    return min(max(divergence, 0.0), 1.0)


def jensen_shannon_of_values(before: Counts, after: Counts) -> float | None:
    """The divergence of two distributions over values."""
    values = list(dict.fromkeys([*before, *after]))
    return jensen_shannon([before.get(v, 0.0) for v in values], [after.get(v, 0.0) for v in values])


def l_infinity(before: Counts, after: Counts) -> tuple[float, str] | None:
    """The largest change of a value's share (TFDV's comparator of this name), and the value; None without counts."""
    total_before, total_after = sum(before.values()), sum(after.values())
    if total_before <= 0 or total_after <= 0:
        return None
    changes = {
        value: abs(before.get(value, 0.0) / total_before - after.get(value, 0.0) / total_after)
        for value in dict.fromkeys([*before, *after])
    }
    value = max(changes, key=lambda name: changes[name])
    return changes[value], value


def psi(before: Sequence[float], after: Sequence[float]) -> float | None:
    """The population stability index of two lists of counts over the same bins; None without counts.

    Sum of (p - q) ln(p / q), which is Jeffreys' divergence; half a row is added to each bin on both sides, so that an
    empty bin gives a large number and not an infinite one.
    """
    if sum(before) <= 0 or sum(after) <= 0:
        return None
    p, q = (np.asarray(counts, np.float64) + 0.5 for counts in (before, after))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((p - q) * np.log(p / q)))


def quantile_edges(values: Floats, bins: int = PSI_BINS) -> Floats:
    """Ends of bins that hold about equally many of the values, the last bin open; repeated ends are one."""
    return np.asarray(np.unique(np.quantile(values, np.arange(1, bins) / bins)))


def bin_counts(values: Floats, edges: Floats) -> list[int]:
    """How many values lie in each bin; a bin holds its upper end."""
    found: list[int] = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).tolist()
    return found


def unseen_by_chance(counts: Sequence[int], rest: int) -> float:
    """The share of occurrences whose value was never seen before, if nothing moved: that of values seen once.

    Source: Good, The Population Frequencies of Species, 1953 (Good-Turing). What a summary gave up counts as well.
    """
    total = sum(counts) + rest
    return (sum(count == 1 for count in counts) + rest) / total if total else 0.0


def chance_of_psi(bins: int, before: float, after: float) -> float:
    """The PSI that two samples of one distribution have in the mean: it is about chi² (bins - 1) (1/before + 1/after).

    Source: B. Yurdakul, Statistical Properties of Population Stability Index, 2018.
    """
    return max(bins - 1, 0) * (1 / before + 1 / after) if before > 0 and after > 0 else 0.0


def chance_of_divergence(bins: int, before: float, after: float) -> float:
    """The Jensen-Shannon divergence that two samples of one distribution have in the mean: PSI / (8 ln 2) if small."""
    return chance_of_psi(bins, before, after) / (8 * math.log(2))
