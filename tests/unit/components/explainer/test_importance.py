"""Importances by hand, what their intervals hold, completeness, and which words are named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.explainer.importance import completeness, groups, importances, words_of

ATTRIBUTIONS = np.array([[1.0, -4.0, 0.0], [-3.0, 2.0, 0.0]])


def test_importance_is_the_mean_size_whatever_the_sign():
    first, second, third = importances(ATTRIBUTIONS, ["a", "b", "c"], seed=1)
    assert (first.feature, first.importance, first.mean, first.share) == ("b", 3.0, -1.0, 3 / 5)
    assert (second.feature, second.importance, second.mean, second.share) == ("a", 2.0, -1.0, 2 / 5)
    assert (third.feature, third.importance, third.low, third.high, third.share) == ("c", 0.0, 0.0, 0.0, 0.0)


def test_two_rows_redrawn_have_the_smaller_and_the_larger_as_bounds():
    # Each of the two rows comes twice in a quarter of the draws, more than 2.5 %.
    first = importances(ATTRIBUTIONS, ["a", "b", "c"], seed=1)[0]
    assert (first.low, first.high) == (2.0, 4.0)


def test_the_interval_is_that_of_a_mean():
    sizes = np.random.default_rng(3).exponential(size=(2000, 1))
    (found,) = importances(sizes, ["a"], seed=2)
    reach = 1.96 * sizes.std(ddof=1) / np.sqrt(2000)
    assert found.low == pytest.approx(sizes.mean() - reach, rel=0.01)
    assert found.high == pytest.approx(sizes.mean() + reach, rel=0.01)


def test_a_model_that_answers_always_alike_has_no_shares():
    assert [item.share for item in importances(np.zeros((5, 2)), ["a", "b"], seed=0)] == [0.0, 0.0]


@given(scale=st.floats(0.01, 100), seed=st.integers(0, 1000))
def test_a_change_of_unit_changes_no_share_and_no_rank(scale, seed):
    found = np.random.default_rng(seed).normal(size=(30, 4))
    before, after = importances(found, list("abcd"), 0), importances(scale * found, list("abcd"), 0)
    assert [item.feature for item in before] == [item.feature for item in after]
    np.testing.assert_allclose([item.share for item in after], [item.share for item in before])


@given(st.permutations(range(25)))
def test_the_order_of_rows_changes_no_importance(order):
    found = np.random.default_rng(0).normal(size=(25, 3))
    before, after = importances(found, list("abc"), 0), importances(found[order], list("abc"), 0)
    np.testing.assert_allclose([i.importance for i in before], [i.importance for i in after])


def test_small_groups_are_left_out_and_others_have_their_own_rows():
    found = np.vstack([np.full((20, 1), 2.0), np.full((19, 1), 8.0)])
    members = [({"shop": "a"}, np.arange(20)), ({"shop": "b"}, np.arange(20, 39))]
    (group,) = groups(members, found, ["x"], seed=0)
    assert (group.name, group.rows, group.features[0].importance) == ("shop = a", 20, 2.0)


def test_completeness_is_the_share_of_rows_within_the_tolerance():
    outputs, baselines = np.array([10.0, 10.0, 0.0, 0.0]), np.zeros(4)
    # The spread is 5, so that 10 % allow 1 for the first two rows and 0.5 for the others.
    sums = np.array([9.1, 8.9, 0.4, 0.6])
    found = completeness(sums, outputs, baselines, tolerance=0.1, demanded=0.6)
    assert (found.share, found.rows, found.scale) == (0.5, 4, 5.0)
    assert found.largest_gap == pytest.approx(1.1)
    assert not found.is_kept
    assert completeness(sums, outputs, baselines, tolerance=0.1, demanded=0.5).is_kept


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_attributions_that_are_no_numbers_do_not_sum_up(bad):
    found = completeness(np.array([bad, 1.0]), np.array([1.0, 1.0]), np.zeros(2), tolerance=0.1, demanded=0.9)
    assert found.share == 0.5
    assert not found.is_kept
    assert np.isfinite(found.largest_gap)


def test_without_rows_nothing_is_shown():
    found = completeness(np.empty(0), np.empty(0), np.empty(0), tolerance=0.1, demanded=0.0)
    assert found.share is None
    assert not found.is_kept
    assert "No row" in found.sentence()


def test_a_constant_model_sums_up():
    assert completeness(np.zeros(3), np.full(3, 5.0), np.full(3, 5.0), tolerance=0.05, demanded=1.0).is_kept


def test_words_are_averaged_over_their_occurrences_and_rare_ones_left_out():
    texts = [[("good", 1.0), ("good", 4.0)], [("good", 1.0), ("bad", -1.0)], [("bad", -3.0)], [("bad", -2.0)]]
    raising, lowering = words_of([*texts, [("good", 2.0), ("rare", 9.0)]], most=5)
    assert [(word.word, word.attribution, word.rows) for word in raising] == [("good", 2.0, 3)]
    assert [(word.word, word.attribution, word.rows) for word in lowering] == [("bad", -2.0, 3)]


def test_no_more_words_are_named_than_asked_for():
    raising, lowering = words_of([[(word, number) for word, number in zip("abcd", (4, 3, -2, -5), strict=True)]] * 3, 1)
    assert [word.word for word in raising] == ["a"]
    assert [word.word for word in lowering] == ["d"]
