"""Whether two samples may be of one distribution: the test that fits their kind and size. Pure."""

import dataclasses
import math
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from components.distribution_validator.distances import Floats

EXPECTED_PER_CELL = 5.0
"""Below this expectation in any cell chi-square's distribution is no good approximation (Cochran 1954)."""
PERMUTATIONS = 2_000
EXACT_SIZE = 500
"""Up to this many numbers on each side the Kolmogorov-Smirnov test's p is exact, beyond asymptotic: they then agree in
two digits, and the exact one costs seconds."""

TestName = Literal["Kolmogorov-Smirnov", "chi-square", "Fisher", "permutation", "words"]


@dataclasses.dataclass(frozen=True)
class Tested:
    """A test that both samples are of one distribution: its name, statistic and p."""

    name: TestName
    statistic: float
    p: float


def kolmogorov_smirnov(before: Floats, after: Floats) -> tuple[Tested, float]:
    """The largest distance between the cumulative shares, its test, and the number at which it is largest."""
    method = "exact" if max(len(before), len(after)) <= EXACT_SIZE else "asymp"
    with warnings.catch_warnings():
        # Where SciPy's exact p does not come out (tiny samples with ties) it says so and takes the asymptotic one.
        warnings.simplefilter("ignore", RuntimeWarning)
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
