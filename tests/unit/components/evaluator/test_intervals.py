import math

import numpy as np
import pytest
from scipy import stats

from components.evaluator.analysis import Interval
from components.evaluator.intervals import Bootstrap, mean_interval, wilson


@pytest.mark.parametrize(("successes", "rows"), [(0, 1), (8, 10), (10, 10), (0, 7), (899, 1000), (1, 3)])
def test_wilsons_interval_is_scipys(successes, rows):
    expected = stats.binomtest(successes, rows).proportion_ci(0.95, method="wilson")
    found = wilson(successes, rows)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert found.value == successes / rows


def test_a_share_of_nothing_is_unknown():
    assert wilson(0, 0) == Interval(None)


@pytest.mark.parametrize("rows", [1, 3, 10, 49, 1000])
def test_an_interval_holds_its_own_value(rows):
    for successes in (0, rows):
        found = wilson(successes, rows)
        assert found.low <= found.value <= found.high


def test_a_mean_has_the_normal_interval():
    values = np.array([1.0, 2.0, 3.0, 6.0])
    found = mean_interval(values)
    reach = 1.959964 * np.std(values, ddof=1) / 2
    assert found.value == 3.0
    assert (found.low, found.high) == (pytest.approx(3 - reach, abs=1e-5), pytest.approx(3 + reach, abs=1e-5))
    assert mean_interval(values[:1]) == Interval(1.0)
    assert mean_interval(values[:0]) == Interval(None)


def mean_of(values):
    def measure(chosen, weights):
        taken = values if chosen is None else values[chosen]
        return {"mean": weights @ taken / weights.sum(axis=1)}

    return measure


def test_a_bootstrapped_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(10, 3, 2_000)
    found = Bootstrap(replicates=2_000).intervals(values.size, mean_of(values))["mean"]
    expected = mean_interval(values)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(expected.high - expected.low, rel=0.06)


def test_a_sampled_bootstrap_is_as_wide_as_one_of_all_rows():
    values = np.random.default_rng(1).exponential(1, 20_000)
    found = Bootstrap(replicates=1_000, max_rows=2_000).intervals(values.size, mean_of(values))["mean"]
    expected = mean_interval(values)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(expected.high - expected.low, rel=0.12)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    """300 samples of 60 rows of a known mean: the share that holds it is 0.95, give or take three standard errors."""
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        values = generator.normal(5, 2, 60)
        found = Bootstrap(replicates=300).intervals(60, mean_of(values))["mean"]
        hits += found.low <= 5 <= found.high
    assert hits / 300 == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / 300))


def test_the_same_rows_give_the_same_interval():
    values = np.arange(50.0)
    assert Bootstrap().intervals(50, mean_of(values)) == Bootstrap().intervals(50, mean_of(values))


def test_replicates_do_not_depend_on_how_many_are_held_at_a_time(monkeypatch):
    values = np.arange(40.0)
    at_once = Bootstrap(replicates=30).intervals(40, mean_of(values))["mean"]
    monkeypatch.setattr("components.evaluator.intervals._CHUNK_ELEMENTS", 100)
    piecewise = Bootstrap(replicates=30).intervals(40, mean_of(values))["mean"]
    assert (piecewise.low, piecewise.high) == (pytest.approx(at_once.low), pytest.approx(at_once.high))


def test_one_row_has_a_value_and_no_interval_and_no_row_has_nothing():
    assert Bootstrap().intervals(1, mean_of(np.array([4.0]))) == {"mean": Interval(4.0)}
    assert Bootstrap().intervals(0, mean_of(np.array([]))) == {}


def test_what_is_undefined_in_too_many_replicates_has_no_interval():
    def measure(chosen, weights):
        found = np.where(weights[:, 0] > 0, 1.0, np.nan)  # the first row is left out of about one in three
        return {"seldom": found, "never": np.full(weights.shape[0], np.nan)}

    found = Bootstrap().intervals(20, measure)
    assert found["seldom"] == Interval(1.0)
    assert found["never"] == Interval(None)
