import math

import numpy as np
import pytest

from components.bias_evaluator.pre_training import METRICS


def measured(counts):
    return {name: float(metric(np.array(counts, float))) for name, metric in METRICS.items()}


def test_every_metric_is_as_computed_by_hand():
    # Facet a: 30 negative and 70 positive labels, facet d: 20 and 30.
    found = measured([[[30, 70], [20, 30]]])
    assert found == {
        "CI": pytest.approx((100 - 50) / 150),
        "DPL": pytest.approx(0.7 - 0.6),
        "KL": pytest.approx(0.3 * math.log(0.3 / 0.4) + 0.7 * math.log(0.7 / 0.6)),
        "JS": pytest.approx(
            (
                0.3 * math.log(0.3 / 0.35)
                + 0.7 * math.log(0.7 / 0.65)
                + 0.4 * math.log(0.4 / 0.35)
                + 0.6 * math.log(0.6 / 0.65)
            )
            / 2
        ),
        "LP": pytest.approx(0.1 * math.sqrt(2)),
        "TVD": pytest.approx(0.1),
        "KS": pytest.approx(0.1),
        "CDDL": pytest.approx(20 / 50 - 30 / 100),
    }


@pytest.mark.parametrize(
    ("labels_a", "labels_d", "expected"),
    [
        # The book's 450 rows in three categories of 150; the answers are smclarify 0.5's.
        ((143, 157), (107, 43), {"CI": 0.3333, "DPL": 0.2367, "KL": 0.1228, "JS": 0.0294, "LP": 0.3347}),
        ((156, 144), (94, 56), {"CI": 0.3333, "DPL": 0.1067, "KL": 0.0236, "JS": 0.0058, "LP": 0.1508}),
        ((201, 99), (49, 101), {"CI": 0.3333, "DPL": -0.3433, "KL": 0.2459, "JS": 0.0602, "LP": 0.4855}),
    ],
)
def test_the_books_rows_give_amazons_answers(labels_a, labels_d, expected):
    found = measured([[labels_a, labels_d]])
    assert {name: round(found[name], 4) for name in expected} == expected
    assert round(found["TVD"], 4) == round(found["KS"], 4) == abs(expected["DPL"])


def test_conditional_disparity_is_the_mean_over_groups_by_their_rows():
    # 100 rows with 30/50 - 20/50, and 70 rows with 10/20 - 10/50.
    counts = [[[20, 30], [30, 20]], [[10, 40], [10, 10]]]
    assert measured(counts)["CDDL"] == pytest.approx((100 * 0.2 + 70 * 0.3) / 170)


def test_a_group_without_rejected_rows_counts_as_none_of_them_in_facet_d():
    # The first group has only positive labels, 10 of 40 in facet d: 0 - 10/40; the second has 5/10 - 5/10.
    counts = [[[0, 30], [0, 10]], [[5, 5], [5, 5]]]
    assert measured(counts)["CDDL"] == pytest.approx((40 * (0 - 0.25) + 20 * 0) / 60)


def test_a_label_that_facet_d_lacks_is_infinitely_far_and_the_other_distances_keep_it():
    found = measured([[[50, 50], [0, 20]]])
    assert found["KL"] == math.inf
    assert found["JS"] == pytest.approx((0.5 * math.log(2) + 0.5 * math.log(2 / 3) + math.log(4 / 3)) / 2)
    assert (found["TVD"], found["KS"]) == (0.5, 0.5)


def test_a_label_that_facet_a_lacks_adds_nothing():
    assert measured([[[0, 50], [10, 10]]])["KL"] == pytest.approx(math.log(2))


def test_without_rows_in_a_facet_shares_are_not_defined():
    found = measured([[[3, 4], [0, 0]]])
    assert found["CI"] == 1
    assert all(math.isnan(found[name]) for name in ("DPL", "JS", "LP", "TVD", "KS"))


def test_where_every_label_is_positive_conditional_disparity_is_not_defined():
    assert math.isnan(measured([[[0, 4], [0, 4]]])["CDDL"])


def test_leading_axes_are_kept_so_that_bootstrap_samples_go_through_as_one_array():
    one, other = [[[30, 70], [20, 30]]], [[[3, 7], [6, 4]]]
    both = np.array([one, other], float)
    for name, metric in METRICS.items():
        assert metric(both).tolist() == [measured(one)[name], measured(other)[name]], name
