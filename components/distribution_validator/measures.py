"""How far two distributions are apart, and how far chance alone would put two samples of one. Pure."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Counts = Mapping[str, float]
Floats = npt.NDArray[np.float64]

EXPECTED_PER_CELL = 5.0
"""Below this expectation in any cell chi-square's distribution is no good approximation (Cochran 1954)."""
PERMUTATIONS = 2_000
EXACT_SIZE = 500
"""Up to this many numbers on each side the Kolmogorov-Smirnov test's p is exact, beyond asymptotic: they then agree in
two digits, and the exact one costs seconds."""
PSI_BINS = 10

TestName = Literal["Kolmogorov-Smirnov", "chi-square", "Fisher", "permutation", "words"]


@dataclasses.dataclass(frozen=True)
class Tested:
    """A test that both samples are of one distribution: its name, statistic and p."""

    name: TestName
    statistic: float
    p: float


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


def chance_of_psi(bins: int, before: float, after: float) -> float:
    """The PSI that two samples of one distribution have in the mean: it is about chi² (bins - 1) (1/before + 1/after).

    Source: B. Yurdakul, Statistical Properties of Population Stability Index, 2018.
    """
    return max(bins - 1, 0) * (1 / before + 1 / after) if before > 0 and after > 0 else 0.0


def chance_of_divergence(bins: int, before: float, after: float) -> float:
    """The Jensen-Shannon divergence that two samples of one distribution have in the mean: PSI / (8 ln 2) if small."""
    return chance_of_psi(bins, before, after) / (8 * math.log(2))


def quantile_edges(values: Floats, bins: int = PSI_BINS) -> Floats:
    """Ends of bins that hold about equally many of the values, the last bin open; repeated ends are one."""
    return np.asarray(np.unique(np.quantile(values, np.arange(1, bins) / bins)))


def bin_counts(values: Floats, edges: Floats) -> list[int]:
    """How many values lie in each bin; a bin holds its upper end."""
    found: list[int] = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).tolist()
    return found


def kolmogorov_smirnov(before: Floats, after: Floats) -> tuple[Tested, float]:
    """The largest distance between the cumulative shares, its test, and the number at which it is largest."""
    method = "exact" if max(len(before), len(after)) <= EXACT_SIZE else "asymp"
    found = stats.ks_2samp(before, after, method=method)
    return Tested("Kolmogorov-Smirnov", float(found.statistic), float(found.pvalue)), float(found.statistic_location)


def same_shares(before: Sequence[int], after: Sequence[int]) -> Tested:
    """A test that both lists of counts are of one distribution over the bins.

    Chi-square, after bins that expect fewer than five are put together. Where that would leave a single bin: Fisher's
    exact test of two bins, otherwise a permutation test of chi-square (seeded).
    """
    table = np.array([before, after], np.int64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return Tested("chi-square", 0.0, 1.0)
    pooled = _pooled(table)
    if pooled.shape[1] >= 2:
        found = stats.chi2_contingency(pooled, correction=False)
        return Tested("chi-square", float(found.statistic), float(found.pvalue))
    if table.shape[1] == 2:
        odds, p = stats.fisher_exact(table)
        return Tested("Fisher", float(odds) if math.isfinite(odds) else 0.0, float(p))
    return _permuted(table)


def _pooled(table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The table with the columns that expect too little in one, joined by the next smallest until that is enough."""
    sums = table.sum(axis=0)
    smaller = table.sum(axis=1).min() / table.sum()
    order = np.argsort(sums, kind="stable")
    table, expected = table[:, order], sums[order] * smaller
    if expected[0] >= EXPECTED_PER_CELL:
        return table
    # At least all that are too small, and then as many as it takes.
    count = int(max((expected < EXPECTED_PER_CELL).sum(), np.argmax(np.cumsum(expected) >= EXPECTED_PER_CELL) + 1))
    if expected.sum() < EXPECTED_PER_CELL:
        count = len(expected)
    return np.column_stack([table[:, :count].sum(axis=1), table[:, count:]])


def _permuted(table: npt.NDArray[np.int64]) -> Tested:
    """Chi-square among tables with the same sums, drawn as if rows had been dealt out by chance."""
    columns, first = table.sum(axis=0), int(table[0].sum())
    drawn = np.random.default_rng(0).multivariate_hypergeometric(columns, first, PERMUTATIONS)
    expected = columns * first / columns.sum()

    def statistic(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        other = columns - expected
        squares = (counts - expected) ** 2
        return np.asarray((squares / expected + squares / other).sum(axis=-1))

    seen = statistic(table[0])
    as_far = int((statistic(drawn) >= seen - 1e-9).sum())
    return Tested("permutation", float(seen), (as_far + 1) / (PERMUTATIONS + 1))


def two_shares(before: int, rows_before: int, after: int, rows_after: int) -> Tested:
    """A test that so many of so many rows are of one share."""
    return same_shares([before, rows_before - before], [after, rows_after - after])


def any_share(before: Sequence[float], rows_before: int, after: Sequence[float], rows_after: int) -> Tested:
    """A test that none of several shares of the same rows moved: the largest z, its p times their number (Bonferroni).

    Holds whether or not the shares depend on each other, as those of words do. Counts may be fractions.
    """
    p, q = np.asarray(before) / rows_before, np.asarray(after) / rows_after
    share = (np.asarray(before) + np.asarray(after)) / (rows_before + rows_after)
    error = np.sqrt(share * (1 - share) * (1 / rows_before + 1 / rows_after))
    z = np.divide(np.abs(p - q), error, out=np.zeros_like(error), where=error > 0)
    largest = float(z.max(initial=0.0))
    return Tested("words", largest, min(1.0, float(2 * stats.norm.sf(largest)) * max(len(z), 1)))


def unseen_by_chance(counts: Sequence[int], rest: int) -> float:
    """The share of occurrences whose value was never seen before, if nothing moved: that of values seen once.

    Source: Good, The Population Frequencies of Species, 1953 (Good-Turing). What a summary gave up counts as well.
    """
    total = sum(counts) + rest
    return (sum(count == 1 for count in counts) + rest) / total if total else 0.0
