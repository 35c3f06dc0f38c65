"""NDCG by hand, against scikit-learn, and what must not change it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from components.attribution_drift.ndcg import aligned, ndcg, ndcg_interval


def test_a_turned_ranking_of_three_by_hand():
    # Earlier: 3, 2, 1. The new ranking puts them the other way round.
    turned = 1 / 1 + 2 / math.log2(3) + 3 / 2
    ideal = 3 / 1 + 2 / math.log2(3) + 1 / 2
    assert float(ndcg(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0]))) == pytest.approx(turned / ideal)


def test_the_same_ranking_is_one_whatever_the_sizes():
    assert float(ndcg(np.array([5.0, 1.0, 0.2]), np.array([900.0, 0.3, 0.1]))) == 1.0


def test_a_swap_at_the_top_costs_more_than_one_at_the_bottom():
    earlier = np.array([8.0, 4.0, 2.0, 1.0])
    top, bottom = (float(ndcg(earlier, np.array(now))) for now in ([4.0, 8.0, 2.0, 1.0], [8.0, 4.0, 1.0, 2.0]))
    assert top < bottom < 1


def test_a_model_that_ranked_nothing_cannot_be_departed_from():
    assert float(ndcg(np.zeros(3), np.array([1.0, 2.0, 3.0]))) == 1.0


distinct = st.lists(st.integers(0, 10_000), min_size=2, max_size=8, unique=True)


@given(distinct, st.data())
def test_it_is_what_scikit_learn_computes(earlier, data):
    now = data.draw(st.permutations(range(len(earlier))))
    # sklearn takes the relevance as "true" and the scores that rank; both discounts are log2(place + 1).
    expected = ndcg_score([earlier], [now])
    assert float(ndcg(np.array(earlier, float), np.array(now, float))) == pytest.approx(expected)


@given(distinct, st.data(), st.floats(0.001, 1000), st.floats(0.001, 1000))
def test_units_do_not_count(earlier, data, one, other):
    now = np.array(data.draw(st.permutations(range(len(earlier)))), float)
    before = np.array(earlier, float)
    assert float(ndcg(one * before, other * now)) == pytest.approx(float(ndcg(before, now)))


@given(distinct, st.data())
def test_the_order_of_the_columns_does_not_count(earlier, data):
    now = np.array(data.draw(st.permutations(range(len(earlier)))), float)
    order = data.draw(st.permutations(range(len(earlier))))
    before = np.array(earlier, float)
    assert float(ndcg(before[order], now[order])) == pytest.approx(float(ndcg(before, now)))


def test_the_interval_holds_the_value_and_narrows_with_rows():
    random = np.random.default_rng(0)

    def reach(rows):
        earlier, now = (
            random.normal(size=(rows, 4)) * [4, 3.8, 1, 0.9],
            random.normal(size=(rows, 4)) * [3.8, 4, 0.9, 1],
        )
        value, low, high = ndcg_interval(earlier, now, 0.95, seed=1)
        assert low <= value <= high
        return high - low

    assert reach(20_000) < reach(50)


def test_features_of_one_model_only_count_nothing_for_the_other():
    names, before, after = aligned(
        (["a", "b"], np.array([[1.0, 2.0]])), (["c", "a"], np.array([[3.0, 4.0], [5.0, 6.0]]))
    )
    assert names == ("a", "b", "c")
    np.testing.assert_array_equal(before, [[1.0, 2.0, 0.0]])
    np.testing.assert_array_equal(after, [[4.0, 0.0, 3.0], [6.0, 0.0, 5.0]])
