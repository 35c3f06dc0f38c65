import math

import numpy as np
import pytest

from components.bias_evaluator.names import POST_TRAINING, PRE_TRAINING
from components.bias_evaluator.post_training import METRICS
from components.bias_evaluator.pre_training import METRICS as OF_LABELS

#: [group][facet a, d][label negative, positive][prediction negative, positive]
ONE_GROUP = [[[[20, 10], [10, 60]], [[15, 5], [10, 20]]]]
TWO_GROUPS = [[[[10, 10], [5, 25]], [[20, 10], [8, 12]]], [[[4, 6], [2, 38]], [[9, 1], [6, 4]]]]


def measured(counts):
    return {name: float(metric(np.array(counts, float))) for name, metric in METRICS.items()}


def test_every_metric_is_as_computed_by_hand():
    # Of 100 rows of facet a 70 are positive, 70 predicted so, 60 both; of 50 of facet d 30, 25 and 20.
    mean_benefit = (135 - 20 + 2 * 15) / 150  # 20 misses have benefit 0, 115 right answers 1, 15 false alarms 2
    assert measured(ONE_GROUP) == {
        "DPPL": pytest.approx(70 / 100 - 25 / 50),
        "DI": pytest.approx(0.5 / 0.7),
        "DCA": pytest.approx(70 / 70 - 30 / 25),
        "DCR": pytest.approx(20 / 25 - 30 / 30),
        "RD": pytest.approx(60 / 70 - 20 / 30),
        "DAR": pytest.approx(60 / 70 - 20 / 25),
        "DRR": pytest.approx(15 / 25 - 20 / 30),
        "AD": pytest.approx(80 / 100 - 35 / 50),
        "SD": pytest.approx(15 / 20 - 20 / 30),
        "TE": pytest.approx(10 / 5 - 10 / 10),
        "CDDPL": pytest.approx(25 / 55 - 25 / 95),
        "GE": pytest.approx(((115 * 1 + 15 * 4) / mean_benefit**2 / 150 - 1) / 2),
    }


def test_two_groups_give_amazons_answers():
    # Computed by smclarify 0.5; `make oracle` prints them anew.
    expected = {
        "DPPL": 0.404285714286,
        "DI": 0.488245931284,
        "DCA": -0.225035161744,
        "DCR": -0.498338870432,
        "RD": 0.366666666667,
        "DAR": 0.204875761838,
        "DRR": 0.0077519379845,
        "AD": 0.127142857143,
        "SD": 0.258333333333,
        "TE": 0.835227272727,
        "CDDPL": 0.408099592346,
        "GE": 0.131133780992,
    }
    assert measured(TWO_GROUPS) == {name: pytest.approx(value, abs=1e-11) for name, value in expected.items()}


def test_the_labels_of_two_groups_give_amazons_answers():
    expected = {"CI": 0.176470588235, "DPL": 0.271428571429, "KL": 0.150128936597, "JS": 0.0379727473783}
    expected |= {"LP": 0.38385796693, "TVD": 0.271428571429, "KS": 0.271428571429, "CDDL": 0.241176470588}
    labelled = np.array(TWO_GROUPS, float).sum(axis=-1)
    found = {name: float(metric(labelled)) for name, metric in OF_LABELS.items()}
    assert found == {name: pytest.approx(value, abs=1e-11) for name, value in expected.items()}


def test_a_ratio_to_nothing_is_infinite_and_of_nothing_to_nothing_not_defined():
    none_for_a = measured([[[[5, 0], [5, 0]], [[5, 0], [1, 4]]]])
    assert none_for_a["DI"] == math.inf
    none_for_both = measured([[[[5, 0], [5, 0]], [[5, 0], [5, 0]]]])
    assert all(math.isnan(none_for_both[name]) for name in ("DI", "DAR", "DCA", "TE", "CDDPL"))
    assert none_for_both["RD"] == 0


def test_a_model_that_only_misses_leaves_no_benefit_to_share():
    assert math.isnan(measured([[[[0, 0], [5, 0]], [[0, 0], [5, 0]]]])["GE"])


def test_every_metric_that_has_a_name_has_a_formula():
    assert METRICS.keys() == POST_TRAINING.keys()
    assert OF_LABELS.keys() == PRE_TRAINING.keys()
