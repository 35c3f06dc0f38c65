import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from components.bias_evaluator.bootstrap import Resampling
from components.bias_evaluator.post_training import METRICS, recall_difference
from components.bias_evaluator.pre_training import difference_in_labels, jensen_shannon

COUNTS = np.array([[[[20, 10], [10, 60]], [[15, 5], [10, 20]]]], float)


@given(st.lists(st.integers(1, 30), min_size=8, max_size=8))
@settings(max_examples=20)
def test_every_interval_holds_its_value(cells):
    counts = np.array(cells, float).reshape(1, 2, 2, 2)
    resampling = Resampling(replicates=200)
    samples = resampling.samples(counts, "facet")
    for name, metric in METRICS.items():
        value = float(metric(counts))
        found = resampling.interval(value, metric(samples))
        assert found is None or found[0] <= value <= found[1], name


def test_intervals_shrink_with_the_root_of_the_rows():
    def width(times):
        low, high = Resampling(replicates=4000).interval(
            float(recall_difference(COUNTS)),
            recall_difference(Resampling(replicates=4000).samples(times * COUNTS, "x")),
        )
        return high - low

    assert width(1) / width(100) == pytest.approx(10, rel=0.1)


def test_the_interval_of_a_difference_of_shares_is_close_to_the_normal_one():
    labelled = np.array([[[300, 700], [200, 300]]], float)
    low, high = Resampling(replicates=8000).interval(
        float(difference_in_labels(labelled)),
        difference_in_labels(Resampling(replicates=8000).samples(labelled, "x")),
    )
    error = np.sqrt(0.7 * 0.3 / 1000 + 0.6 * 0.4 / 500)
    expected = stats.norm.interval(0.95, loc=0.1, scale=error)
    assert (low, high) == (pytest.approx(expected[0], abs=0.004), pytest.approx(expected[1], abs=0.004))


def test_most_intervals_hold_the_truth():
    rng = np.random.default_rng(4)
    shares = np.array([0.2, 0.4, 0.16, 0.24])  # of facets a and d 2/3 and 0.6 are positive
    truth = 0.4 / 0.6 - 0.24 / 0.4
    held = 0
    for trial in range(200):
        counts = rng.multinomial(600, shares).reshape(1, 2, 2).astype(float)
        resampling = Resampling(replicates=400, seed=trial)
        low, high = resampling.interval(
            float(difference_in_labels(counts)), difference_in_labels(resampling.samples(counts, "x"))
        )
        held += low <= truth <= high
    assert stats.binomtest(held, 200, 0.95).pvalue > 0.001


def test_a_distance_of_nothing_has_an_interval_from_nothing_on():
    equal = np.array([[[50, 50], [50, 50]]], float)
    resampling = Resampling()
    low, high = resampling.interval(float(jensen_shannon(equal)), jensen_shannon(resampling.samples(equal, "x")))
    assert low == 0 < high


def test_samples_are_the_same_for_the_same_seed_and_name_and_others_otherwise():
    first = Resampling(seed=1).samples(COUNTS, "x")
    np.testing.assert_array_equal(first, Resampling(seed=1).samples(COUNTS, "x"))
    assert (first != Resampling(seed=2).samples(COUNTS, "x")).any()
    assert (first != Resampling(seed=1).samples(COUNTS, "y")).any()
    assert (first.reshape(1000, -1).sum(axis=1) == COUNTS.sum()).all()


def test_where_samples_have_no_value_there_is_no_interval():
    resampling = Resampling(replicates=100)
    sampled = np.r_[np.full(6, np.nan), np.linspace(0, 1, 94)]
    assert resampling.interval(0.5, sampled) is None
    assert resampling.interval(0.5, sampled[2:]) is not None
    assert resampling.interval(np.nan, np.linspace(0, 1, 100)) is None


def test_no_rows_leave_samples_of_no_rows():
    assert Resampling(replicates=100).samples(np.zeros((1, 2, 2)), "x").sum() == 0
