import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from components.distribution_validator.distances import jensen_shannon, jensen_shannon_of_values, l_infinity
from components.evaluator.analysis import Interval
from pipeline.diff.measures import (
    chance_of_jensen_shannon,
    chance_of_kolmogorov_smirnov,
    difference_of,
    do_means_differ,
    do_shares_differ,
    jensen_shannon_of_numbers,
    kolmogorov_smirnov,
)
from pipeline.readers.statistics import Bucket

GENERATOR = np.random.default_rng(3)


def histogram(values, edges):
    counts, edges = np.histogram(values, edges)
    return [Bucket(float(a), float(b), float(n)) for a, b, n in zip(edges, edges[1:], counts, strict=False)]


def test_the_divergence_is_scipys_distance_squared():
    for _ in range(20):
        one, other = GENERATOR.integers(0, 50, (2, 7)) + np.eye(2, 7, dtype=int)
        expected = distance.jensenshannon(one, other, base=2) ** 2
        assert jensen_shannon(one.tolist(), other.tolist()) == pytest.approx(expected)


def test_like_distributions_do_not_diverge_and_foreign_ones_diverge_wholly():
    assert jensen_shannon_of_values({"a": 3, "b": 1}, {"b": 10, "a": 30}) == 0.0
    assert jensen_shannon_of_values({"a": 3}, {"b": 10}) == 1.0
    assert jensen_shannon_of_values({}, {"b": 10}) is None


def test_histograms_are_put_on_each_others_boundaries():
    one, other = [Bucket(0, 2, 4.0)], [Bucket(0, 1, 1.0), Bucket(1, 4, 3.0)]
    # On the boundaries 0, 1, 2, 4: 2, 2, 0 and 1, 1, 2.
    expected = distance.jensenshannon([2, 2, 0], [1, 1, 2], base=2) ** 2
    assert jensen_shannon_of_numbers(one, other) == pytest.approx(expected)


def test_nan_is_a_bin_of_its_own():
    same = [Bucket(0, 1, 5.0)]
    expected = distance.jensenshannon([5, 0], [5, 5], base=2) ** 2
    assert jensen_shannon_of_numbers(same, same, 0, 5) == pytest.approx(expected)


def test_a_constant_is_a_point_and_not_spread_out():
    assert jensen_shannon_of_numbers([Bucket(1, 1, 5.0)], [Bucket(1, 1, 9.0)]) == 0.0
    assert jensen_shannon_of_numbers([Bucket(1, 1, 5.0)], [Bucket(2, 2, 9.0)]) == 1.0


def test_no_numbers_have_no_divergence():
    assert jensen_shannon_of_numbers([], [Bucket(0, 1, 1.0)]) is None
    assert kolmogorov_smirnov([], [Bucket(0, 1, 1.0)]) is None


def test_the_largest_change_of_a_share_is_named():
    assert l_infinity({"a": 8, "b": 2}, {"a": 3, "b": 2, "c": 5}) == (pytest.approx(0.5), "a")
    assert l_infinity({}, {"a": 1}) is None


def test_cumulative_distances_are_scipys_where_buckets_are_fine():
    one, other = GENERATOR.normal(0, 1, 4_000), GENERATOR.normal(0.4, 1.3, 3_000)
    edges = np.linspace(-8, 8, 1601)
    expected = stats.ks_2samp(one, other).statistic
    assert kolmogorov_smirnov(histogram(one, edges), histogram(other, edges)) == pytest.approx(expected, abs=0.008)


def test_cumulative_distances_see_a_value_that_takes_its_share_at_once():
    half_zero = [Bucket(0, 0, 5.0), Bucket(1, 10, 5.0)]
    no_zero = [Bucket(1, 5, 5.0), Bucket(5, 10, 5.0)]
    assert kolmogorov_smirnov(half_zero, no_zero) == pytest.approx(0.5)
    assert kolmogorov_smirnov(half_zero, half_zero) == 0.0


def test_what_quantiles_do_not_prove_is_no_distance():
    """69 and 71 of 100 values are 1, so that the seventh decile ends at 2 or at 1: no more than 0.02 moved."""
    deciles = [Bucket(1, 1, 10.0)] * 6
    one = [*deciles, Bucket(1, 2, 10.0), *[Bucket(2, 9, 10.0)] * 3]
    other = [*deciles, Bucket(1, 1, 10.0), Bucket(1, 2, 10.0), *[Bucket(2, 9, 10.0)] * 2]
    assert kolmogorov_smirnov(one, other) <= 0.02


def test_chance_is_exceeded_by_about_one_in_a_thousand_pairs_of_samples():
    shares, sizes = [0.5, 0.3, 0.15, 0.05], (800, 500)
    limit = chance_of_jensen_shannon(4, *sizes)
    pairs = [[GENERATOR.multinomial(size, shares).tolist() for size in sizes] for _ in range(10_000)]
    exceeded = np.mean([jensen_shannon(*pair) > limit for pair in pairs])
    assert exceeded == pytest.approx(0.001, abs=0.001)


def test_chance_of_cumulative_distances_is_scipys():
    limit = chance_of_kolmogorov_smirnov(800, 500) - 0.02  # what TFDV's sketches may be off
    assert stats.kstwobign.sf(limit * math.sqrt(800 * 500 / 1300)) == pytest.approx(0.001, abs=1e-5)


def test_shares_and_means_differ_as_by_scipy():
    assert do_shares_differ(10, 1000, 40, 1000)
    for other, expected in ((32, True), (25, False)):
        p_value = stats.chi2_contingency([[10, 990], [other, 1000 - other]], correction=False).pvalue
        assert bool(p_value < 0.001) is expected
        assert do_shares_differ(10, 1000, other, 1000) is expected
    assert not do_shares_differ(0, 0, 1, 5)
    assert not do_shares_differ(0, 10, 0, 5)
    for change in (0.2, 0.3):
        p_value = 2 * stats.norm.sf(change / math.hypot(0.05, 0.05))
        assert do_means_differ(change, 0.05, 0.05) is bool(p_value < 0.001)


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 400])
def test_chance_of_divergence_is_from_scipys_chi_squared(freedom):
    expected = stats.chi2.ppf(0.999, freedom) * (1 / 800 + 1 / 500) / (8 * math.log(2))
    assert chance_of_jensen_shannon(freedom + 1, 800, 500) == pytest.approx(expected, rel=0.04)


def test_nothing_is_beyond_chance_without_rows():
    assert chance_of_jensen_shannon(5, 0, 10) == 0.0
    assert chance_of_kolmogorov_smirnov(0, 10) == 1.0


def test_the_difference_of_two_shares_is_newcombes():
    # Newcombe 1998, Statistics in Medicine 17, table II, example (a), method 10: 56/70 and 48/80.
    from components.evaluator.intervals import wilson

    found = difference_of(wilson(48, 80), wilson(56, 70))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


def test_a_difference_without_intervals_has_none():
    assert difference_of(Interval(0.5), Interval(0.75, 0.7, 0.8)) == Interval(0.25)
    assert difference_of(Interval(None), Interval(0.75)) == Interval(None)
