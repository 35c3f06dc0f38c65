"""Shapley values against their definition, summed over every order by brute force, and against their axioms."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.explainer.shapley import exact_plan, plan_for, plan_of


def brute_force(game, features):
    """The mean contribution over every order of the features; `game` is a dictionary from frozenset to value."""
    total = np.zeros(features)
    orders = list(itertools.permutations(range(features)))
    for order in orders:
        before = frozenset()
        for feature in order:
            total[feature] += game[before | {feature}] - game[before]
            before |= {feature}
    return total / len(orders)


def random_game(features, seed):
    random = np.random.default_rng(seed)
    members = [frozenset(c) for size in range(features + 1) for c in itertools.combinations(range(features), size)]
    return {coalition: float(random.normal()) for coalition in members}


def answers(plan, game):
    return np.array([[game[frozenset(np.flatnonzero(coalition).tolist())] for coalition in plan.coalitions]])


def test_the_glove_game_has_its_known_answer():
    # One left glove (feature 0), two right ones; a pair is worth 1. Shapley: 2/3, 1/6, 1/6.
    game = {
        frozenset(c): float(0 in c and len(c) > 1) for size in range(4) for c in itertools.combinations(range(3), size)
    }
    plan = exact_plan(3)
    np.testing.assert_allclose(plan.values(answers(plan, game))[0], [2 / 3, 1 / 6, 1 / 6])


@given(features=st.integers(1, 5), seed=st.integers(0, 2**31))
def test_every_coalition_gives_the_mean_over_every_order(features, seed):
    game, plan = random_game(features, seed), exact_plan(features)
    np.testing.assert_allclose(plan.values(answers(plan, game))[0], brute_force(game, features), atol=1e-12)


@pytest.mark.parametrize("features", [3, 4])
def test_all_orders_drawn_give_the_same(features):
    game = random_game(features, 5)
    plan = plan_of([np.array(order) for order in itertools.permutations(range(features))])
    np.testing.assert_allclose(plan.values(answers(plan, game))[0], brute_force(game, features), atol=1e-12)


@given(features=st.integers(2, 8), pairs=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_however_few_orders_are_drawn_values_sum_to_the_difference(features, pairs, seed):
    game = random_game(features, seed)
    plan = plan_for(features, pairs, np.random.default_rng(seed))
    total = plan.values(answers(plan, game))[0].sum()
    assert total == pytest.approx(game[frozenset(range(features))] - game[frozenset()], abs=1e-9)


@given(features=st.integers(2, 7), pairs=st.integers(1, 3), seed=st.integers(0, 2**31))
def test_a_feature_that_changes_nothing_is_worth_nothing(features, pairs, seed):
    without = random_game(features - 1, seed)
    game = {
        coalition: without[coalition - {features - 1}]
        for size in range(features + 1)
        for coalition in map(frozenset, itertools.combinations(range(features), size))
    }
    plan = plan_for(features, pairs, np.random.default_rng(seed))
    assert plan.values(answers(plan, game))[0, -1] == pytest.approx(0.0, abs=1e-12)


@given(features=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_features_that_do_the_same_are_worth_the_same(features, seed):
    sizes = np.random.default_rng(seed).normal(size=features + 1)
    game = {
        frozenset(c): float(sizes[size])
        for size in range(features + 1)
        for c in itertools.combinations(range(features), size)
    }
    found = exact_plan(features)
    values = found.values(answers(found, game))[0]
    np.testing.assert_allclose(values, np.full(features, (sizes[-1] - sizes[0]) / features), atol=1e-12)


@given(features=st.integers(2, 8), pairs=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_a_sum_of_features_is_taken_apart_exactly(features, pairs, seed):
    parts = np.random.default_rng(seed).normal(size=features)
    plan = plan_for(features, pairs, np.random.default_rng(seed))
    np.testing.assert_allclose(plan.values((plan.coalitions @ parts)[np.newaxis])[0], parts, atol=1e-12)


def test_few_features_are_asked_about_in_full_and_many_are_drawn():
    assert plan_for(3, 4, np.random.default_rng(0)).is_exact
    drawn = plan_for(12, 4, np.random.default_rng(0))
    assert not drawn.is_exact
    assert len(drawn.coalitions) <= 2 * 4 * 11 + 2
    assert len(np.unique(drawn.coalitions, axis=0)) == len(drawn.coalitions)
