"""Distances between distributions, by hand, by SciPy and by what must hold for any counts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from components.distribution_validator.distances import (
    bin_counts,
    chance_of_divergence,
    chance_of_psi,
    jensen_shannon,
    jensen_shannon_of_values,
    l_infinity,
    psi,
    quantile_edges,
    unseen_by_chance,
)

COUNTS = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(lambda counts: sum(counts) > 0)


def test_the_divergence_of_a_half_and_a_quarter_is_by_hand() -> None:
    # Shares 1/2, 1/2 and 1/4, 3/4, middles 3/8 and 5/8:
    # half of (1/2 log2 4/3 + 1/2 log2 4/5) and half of (1/4 log2 2/3 + 3/4 log2 6/5).
    first = (math.log2(4 / 3) + math.log2(4 / 5)) / 2
    second = math.log2(2 / 3) / 4 + 3 * math.log2(6 / 5) / 4
    assert jensen_shannon([5, 5], [1, 3]) == pytest.approx((first + second) / 2)
    assert jensen_shannon_of_values({"a": 5, "b": 5}, {"b": 3, "a": 1}) == pytest.approx((first + second) / 2)


@given(COUNTS, COUNTS)
def test_the_divergence_is_scipys_symmetric_and_between_0_and_1(one: list[int], other: list[int]) -> None:
    found = jensen_shannon(one, other)
    assert found == pytest.approx(jensen_shannon(other, one))
    assert found is not None
    assert 0 <= found <= 1
    assert found == pytest.approx(distance.jensenshannon(one, other, base=2) ** 2, abs=1e-9)


@given(COUNTS, st.integers(2, 9))
def test_equal_shares_are_no_distance_apart(counts: list[int], times: int) -> None:
    more = [count * times for count in counts]
    names = [str(place) for place in range(len(counts))]
    assert jensen_shannon(counts, more) == pytest.approx(0, abs=1e-12)
    moved = l_infinity(dict(zip(names, counts, strict=True)), dict(zip(names, more, strict=True)))
    assert moved is not None
    assert moved[0] == pytest.approx(0, abs=1e-12)
    assert psi(counts, counts) == 0


@given(COUNTS, COUNTS)
def test_unequal_shares_are_some_distance_apart(one: list[int], other: list[int]) -> None:
    shares = [np.array(counts) / sum(counts) for counts in (one, other)]
    if np.abs(shares[0] - shares[1]).max() > 0.001:
        assert (jensen_shannon(one, other) or 0) > 0


@given(COUNTS, COUNTS)
def test_the_largest_change_does_not_depend_on_the_order(one: list[int], other: list[int]) -> None:
    before, after = (dict(zip("abcd", counts, strict=True)) for counts in (one, other))
    forth, back = l_infinity(before, after), l_infinity(after, before)
    assert forth is not None
    assert back is not None
    assert forth[0] == pytest.approx(back[0])
    assert 0 <= forth[0] <= 1


def test_the_largest_change_is_named() -> None:
    # a: 0.5 to 0.2, b: 0.5 to 0.4, c: 0 to 0.4.
    assert l_infinity({"a": 5, "b": 5}, {"a": 2, "b": 4, "c": 4}) == (pytest.approx(0.4), "c")
    assert l_infinity({}, {"a": 1}) is None


@given(COUNTS, COUNTS)
def test_psi_is_symmetric_and_never_negative(one: list[int], other: list[int]) -> None:
    found = psi(one, other)
    assert found is not None
    assert found >= 0
    assert found == pytest.approx(psi(other, one))


def test_psi_is_by_hand() -> None:
    # Half a row more in each bin: 1/4, 3/4 and 1/2, 1/2.
    expected = (1 / 4 - 1 / 2) * math.log(1 / 2) + (3 / 4 - 1 / 2) * math.log(3 / 2)
    assert psi([2, 7], [4, 4]) == pytest.approx(expected, abs=1e-12)
    assert psi([], []) is None


def test_an_empty_bin_gives_a_finite_psi() -> None:
    found = psi([100, 0], [0, 100])
    assert found is not None
    assert found == pytest.approx(2 * (100 / 101) * math.log(201))


def test_chance_is_what_samples_of_one_distribution_have_in_the_mean() -> None:
    generator = np.random.default_rng(5)
    shares, sizes = [0.1, 0.2, 0.3, 0.4], (4000, 6000)
    samples = [[generator.multinomial(size, shares) for size in sizes] for _ in range(400)]
    psis = [psi(*pair) or 0 for pair in samples]
    divergences = [jensen_shannon(*pair) or 0 for pair in samples]
    # Relative standard error of a mean of 400 chi² with 3 degrees of freedom: sqrt(2 / 3 / 400) = 4 %.
    assert np.mean(psis) == pytest.approx(chance_of_psi(4, *sizes), rel=0.15)
    assert np.mean(divergences) == pytest.approx(chance_of_divergence(4, *sizes), rel=0.15)


def test_bins_hold_about_equally_many_and_their_upper_ends() -> None:
    values = np.arange(1, 101, dtype=np.float64)
    edges = quantile_edges(values)
    assert len(edges) == 9
    assert bin_counts(values, edges) == [10] * 10
    assert bin_counts(np.array([1.0, 2.0, 2.5, 3.0]), np.array([1.0, 2.0])) == [1, 1, 2]


def test_a_constant_has_two_bins_and_others_fall_into_the_other() -> None:
    edges = quantile_edges(np.full(50, 7.0))
    assert edges.tolist() == [7.0]
    assert bin_counts(np.array([7.0, 8.0, 9.0]), edges) == [1, 2]


def test_values_seen_once_tell_how_many_will_be_new() -> None:
    # Of 10 occurrences two are of values seen once; of 20 with ten given up twelve.
    assert unseen_by_chance([5, 3, 1, 1], 0) == pytest.approx(0.2)
    assert unseen_by_chance([5, 3, 1, 1], 10) == pytest.approx(0.6)
    assert unseen_by_chance([], 0) == 0
