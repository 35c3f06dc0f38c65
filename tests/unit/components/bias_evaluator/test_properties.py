"""What must hold for any counts."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from components.bias_evaluator import post_training, pre_training
from components.bias_evaluator.settings import BiasSettings, Facet
from components.bias_evaluator.tally import counts_of, tally_of

COUNTS = hnp.arrays(np.float64, st.tuples(st.integers(1, 3), *[st.just(2)] * 3), elements=st.integers(1, 60).map(float))

ANTISYMMETRIC_PRE = ("CI", "DPL")
ANTISYMMETRIC_POST = ("DPPL", "DCA", "DCR", "RD", "DAR", "DRR", "AD", "SD", "TE")


def swapped(counts):
    """Facets a and d in each other's place."""
    return counts[:, ::-1]


def labels(counts):
    return counts.sum(axis=-1)


@given(COUNTS)
def test_when_facets_swap_differences_change_their_sign(counts):
    for name in ANTISYMMETRIC_PRE:
        metric = pre_training.METRICS[name]
        assert metric(labels(swapped(counts))) == pytest.approx(-metric(labels(counts)), abs=1e-12), name
    for name in ANTISYMMETRIC_POST:
        metric = post_training.METRICS[name]
        assert metric(swapped(counts)) == pytest.approx(-metric(counts), abs=1e-12), name


@given(COUNTS)
def test_when_facets_swap_symmetric_distances_and_the_entropy_stay_and_the_ratio_turns_over(counts):
    for name in ("JS", "LP", "TVD", "KS"):
        metric = pre_training.METRICS[name]
        assert metric(labels(swapped(counts))) == pytest.approx(metric(labels(counts)), abs=1e-12), name
    assert post_training.generalized_entropy(swapped(counts)) == pytest.approx(
        post_training.generalized_entropy(counts)
    )
    assert post_training.disparate_impact(swapped(counts)) == pytest.approx(1 / post_training.disparate_impact(counts))


@given(COUNTS)
def test_distances_are_bounded_and_of_one_yes_or_no_they_are_all_the_difference(counts):
    found = {name: float(metric(labels(counts))) for name, metric in pre_training.METRICS.items()}
    assert found["KL"] >= -1e-12
    assert -1e-12 <= found["JS"] <= math.log(2)
    assert found["TVD"] == pytest.approx(abs(found["DPL"]), abs=1e-12)
    assert found["KS"] == pytest.approx(found["TVD"], abs=1e-12)
    assert found["LP"] == pytest.approx(math.sqrt(2) * found["TVD"], abs=1e-12)
    assert found["KL"] >= 2 * found["TVD"] ** 2 - 1e-12  # Pinsker's inequality


@given(COUNTS)
def test_equal_facets_have_no_bias_within_any_group(counts):
    equal = counts.copy()
    equal[:, 1] = equal[:, 0]
    for name, metric in pre_training.METRICS.items():
        assert metric(labels(equal)) == pytest.approx(0, abs=1e-12), name
    for name, metric in post_training.METRICS.items():
        expected = {"DI": 1.0, "GE": float(post_training.generalized_entropy(equal))}.get(name, 0.0)
        assert metric(equal) == pytest.approx(expected, abs=1e-12), name


@given(COUNTS)
def test_a_model_that_is_always_right_is_as_biased_as_its_labels_and_treats_nobody_wrongly(counts):
    right = counts.copy()
    right[..., 0, 1] = right[..., 1, 0] = 0
    of_labels = {name: float(metric(labels(right))) for name, metric in pre_training.METRICS.items()}
    found = {name: float(metric(right)) for name, metric in post_training.METRICS.items()}
    assert found["DPPL"] == pytest.approx(of_labels["DPL"])
    assert found["CDDPL"] == pytest.approx(of_labels["CDDL"])
    for name in ("DCA", "DCR", "RD", "DAR", "DRR", "AD", "SD", "GE"):
        assert found[name] == pytest.approx(0, abs=1e-12), name


@given(COUNTS, st.integers(2, 9))
def test_copies_of_all_rows_change_nothing(counts, times):
    for name, metric in post_training.METRICS.items():
        assert metric(times * counts) == pytest.approx(metric(counts), abs=1e-9), name
    for name, metric in pre_training.METRICS.items():
        assert metric(labels(times * counts)) == pytest.approx(metric(labels(counts)), abs=1e-9), name


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", None]),
        st.sampled_from(["g", "h", None]),
        st.sampled_from([True, False, None]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 40))
def test_the_order_of_rows_and_their_batches_change_no_count(rows, random, cut):
    settings = BiasSettings(facets=(Facet("facet"),), group="group")

    def tally(part):
        columns = [pa.array([row[i] for row in part], kind) for i, kind in enumerate(KINDS)]
        return tally_of({"facet": columns[0], "group": columns[1]}, columns[2], columns[3], settings)

    shuffled = random.sample(rows, len(rows))
    whole, parts = tally(rows), tally(shuffled[:cut]) + tally(shuffled[cut:])
    expected = counts_of(whole.by_facet[0], "x", grouped=True, predicted=True)
    found = counts_of(parts.by_facet[0], "x", grouped=True, predicted=True)
    assert expected[0] == found[0]
    np.testing.assert_array_equal(expected[1], found[1])
    assert expected[1].sum() == sum(None not in row for row in rows)


KINDS = (pa.string(), pa.string(), pa.bool_(), pa.bool_())
