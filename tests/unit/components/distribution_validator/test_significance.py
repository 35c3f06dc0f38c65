"""The tests: which is chosen when, and their p by hand and by SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from components.distribution_validator.significance import (
    any_share,
    kolmogorov_smirnov,
    same_shares,
    two_shares,
)

NUMBERS = st.lists(st.integers(-20, 20), min_size=2, max_size=40)


@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful")
@given(NUMBERS, NUMBERS)
def test_the_distance_of_numbers_is_scipys_and_symmetric(one: list[int], other: list[int]) -> None:
    before, after = np.array(one, float), np.array(other, float)
    found, _ = kolmogorov_smirnov(before, after)
    expected = stats.ks_2samp(before, after)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.statistic == pytest.approx(kolmogorov_smirnov(after, before)[0].statistic)


def test_the_distance_of_numbers_is_by_hand_and_says_where() -> None:
    # Up to 2 lie all of the first and a quarter of the second.
    found, place = kolmogorov_smirnov(np.array([1.0, 1.0, 2.0, 2.0]), np.array([2.0, 5.0, 6.0, 7.0]))
    assert (found.statistic, place) == (0.75, 2.0)


def test_large_samples_are_tested_by_the_limit() -> None:
    generator = np.random.default_rng(2)
    before, after = generator.normal(0, 1, 3000), generator.normal(0.05, 1, 3000)
    found, _ = kolmogorov_smirnov(before, after)
    assert found.p == pytest.approx(stats.ks_2samp(before, after, method="asymp").pvalue)


def test_chi_square_is_by_hand() -> None:
    # Expected 25 in each cell: four times 5² / 25.
    found = same_shares([30, 20], [20, 30])
    assert (found.name, found.statistic) == ("chi-square", pytest.approx(4.0))
    assert found.p == pytest.approx(math.erfc(math.sqrt(4 / 2)))


def test_rare_values_are_put_together_until_five_are_expected() -> None:
    # Three values with 2 rows each on either side expect 2; together 6.
    found = same_shares([50, 50, 2, 2, 2], [40, 60, 2, 2, 2])
    expected = stats.chi2_contingency([[50, 50, 6], [40, 60, 6]], correction=False)
    assert (found.name, found.statistic, found.p) == (
        "chi-square",
        pytest.approx(expected.statistic),
        pytest.approx(expected.pvalue),
    )


def test_two_small_cells_are_tested_by_fisher() -> None:
    # The lady who tastes tea: 3 of 4 right has p = 34/70 both ways.
    found = same_shares([3, 1], [1, 3])
    assert (found.name, found.p) == ("Fisher", pytest.approx(34 / 70))


def test_small_tables_of_more_values_are_tested_by_permutation() -> None:
    found = same_shares([2, 2, 2], [2, 2, 2])
    assert (found.name, found.statistic, found.p) == ("permutation", 0.0, 1.0)
    # All of one value against none of it: 2 of the C(8, 4) = 70 ways to deal out are as far.
    apart = same_shares([4, 0, 0], [0, 2, 2])
    assert apart.name == "permutation"
    assert apart.p == pytest.approx(2 / 70, abs=0.015)
    assert apart == same_shares([4, 0, 0], [0, 2, 2])


def test_one_value_alone_cannot_differ() -> None:
    assert same_shares([10], [20]).p == 1
    assert same_shares([10, 0], [20, 0]).p == 1


def test_under_no_change_p_is_seldom_small() -> None:
    generator = np.random.default_rng(9)
    for sizes, shares in (((400, 500), [0.7, 0.2, 0.07, 0.03]), ((12, 9), [0.4, 0.3, 0.3]), ((30, 9), [0.9, 0.1])):
        tested = [same_shares(*(generator.multinomial(size, shares) for size in sizes)).p for _ in range(400)]
        # 5 % of 400 are 20; more than 33 by chance once in a thousand times.
        assert sum(p <= 0.05 for p in tested) <= 33


def test_two_shares_are_a_table_of_two_by_two() -> None:
    assert two_shares(30, 50, 20, 50) == same_shares([30, 20], [20, 30])


def test_of_several_shares_the_largest_change_counts_as_often_as_there_are_shares() -> None:
    # 30 % and 50 % of 100: pooled 40 %, error sqrt(0.24 · 2 / 100), z = 2.887; the other share did not move.
    z = 0.2 / math.sqrt(0.4 * 0.6 * 0.02)
    found = any_share([30, 10], 100, [50, 10], 100)
    assert found.statistic == pytest.approx(z)
    assert found.p == pytest.approx(2 * math.erfc(z / math.sqrt(2)))
    assert any_share([0], 100, [0], 100).p == 1
