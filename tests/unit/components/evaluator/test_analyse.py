import json
import math

import numpy as np
import pytest

from components.evaluator.analyse import Evaluated, analyse
from components.evaluator.analysis import Interval, harm_of
from components.evaluator.intervals import Bootstrap, wilson
from components.evaluator.weighted_metrics import ClassRows, NumberRows
from models.tabular_text.features import LabelKind

RED, BLUE = (("colour", "red"),), (("colour", "blue"),)


def answers(labels, right):
    """Two classes; a score of 0.9 for the right one, or for the wrong one."""
    labels, right = np.array(labels), np.array(right, bool)
    called = np.where(right, labels, 1 - labels)
    return ClassRows(labels, np.where(np.arange(2) == called[:, None], 0.9, 0.1))


def evaluated(rows, slices, kind=LabelKind.BINARY, baseline=None):
    return Evaluated("left", kind, ("no", "yes"), "test", rows, baseline, slices)


@pytest.fixture
def biased():
    """100 rows; of the 80 red ones 72 are answered rightly, of the 20 blue ones 8."""
    right = [True] * 72 + [False] * 8 + [True] * 8 + [False] * 12
    rows = answers([0, 1] * 50, right)
    return evaluated(rows, {RED: np.arange(80), BLUE: np.arange(80, 100)})


def test_the_slice_that_loses_most_answers_comes_first(biased):
    blue, red = analyse(biased, ["accuracy"]).slices
    assert (blue.slice, blue.rows) == ({"colour": "blue"}, 20)
    # All rows: 80 of 100. Blue: 8 of 20, where 16 would be as good as all rows: 8 answers too few.
    assert blue.harm.amount == pytest.approx(8)
    assert blue.harm.deficit == pytest.approx(0.4)
    assert blue.harm.is_certain
    assert red.harm.amount == pytest.approx(-8)


def test_shares_have_wilsons_interval_and_say_so(biased):
    found = analyse(biased, ["accuracy", "majority_share", "precision", "recall"])
    assert found.overall.metrics["accuracy"] == wilson(80, 100)
    assert found.overall.metrics["majority_share"] == wilson(50, 100)
    assert found.methods["accuracy"].startswith("Wilson")
    assert found.overall.harm is None


def test_everything_else_is_bootstrapped_and_says_so(biased):
    found = analyse(biased, ["cross_entropy", "example_count"])
    interval = found.overall.metrics["cross_entropy"]
    assert interval.value == pytest.approx(-0.8 * math.log(0.9) - 0.2 * math.log(0.1))
    assert interval.low < interval.value < interval.high
    assert found.methods["cross_entropy"] == "percentiles of 500 bootstrap samples of the rows"
    assert "example_count" not in found.overall.metrics


def test_the_harm_metric_is_measured_even_if_nobody_asked_for_it(biased):
    assert "accuracy" in analyse(biased, ["cross_entropy"]).overall.metrics


def test_the_harm_of_a_regression_is_in_the_labels_unit():
    labels = np.zeros(10)
    rows = NumberRows(labels, np.array([1.0] * 5 + [3.0] * 5))
    found = analyse(
        evaluated(rows, {RED: np.arange(5), BLUE: np.arange(5, 10)}, LabelKind.REGRESSION), ["mean_squared_error"]
    )
    assert found.harm_metric == "mean_absolute_error"
    assert found.slices[0].slice == {"colour": "blue"}
    assert found.slices[0].harm.amount == pytest.approx((3 - 2) * 5)
    assert found.confusion is None


def test_a_change_is_measured_on_the_same_rows():
    """Both models err on the same hard rows and differ on few, so the change is known better than either value."""
    labels = np.zeros(1000, int)
    before = np.arange(1000) % 2 == 0
    after = before.copy()
    after[1:40:2] = True  # 20 more
    found = analyse(evaluated(answers(labels, after), {}, baseline=answers(labels, before)), ["accuracy"])
    change = found.overall.changes["accuracy"]
    assert change.value == pytest.approx(0.02)
    assert 0 < change.low < 0.02 < change.high
    width = found.overall.metrics["accuracy"].high - found.overall.metrics["accuracy"].low
    assert change.high - change.low < width / 2


def test_very_many_rows_are_sampled_and_the_document_says_so(biased):
    found = analyse(biased, ["cross_entropy"], Bootstrap(replicates=50, max_rows=60))
    assert found.interval_rows == 60
    assert "of 60 of them" in found.methods["cross_entropy"]
    assert found.overall.rows == 100


def test_the_document_is_json_without_gaps(biased):
    text = json.dumps(analyse(biased, ["accuracy", "auc", "skill"]).to_json(), allow_nan=False)
    assert json.loads(text)["format"] == 1


def test_an_empty_split_has_an_analysis_that_says_nothing():
    rows = ClassRows(np.empty(0, np.int64), np.empty((0, 2)))
    found = analyse(evaluated(rows, {}), ["accuracy", "auc"])
    assert (found.overall.rows, found.overall.metrics, found.slices, found.calibration) == (0, {}, (), None)


def test_a_slice_of_one_row_and_one_without_positives_have_what_can_be_said():
    rows = answers([1, 0, 0, 0, 1, 0], [True] * 6)
    found = analyse(evaluated(rows, {RED: np.array([0]), BLUE: np.array([1, 2, 3])}), ["auc", "accuracy"])
    by_slice = {item.slice["colour"]: item for item in found.slices}
    assert by_slice["red"].metrics["auc"] == Interval(None)
    assert by_slice["blue"].metrics["auc"] == Interval(None)
    assert by_slice["blue"].metrics["accuracy"] == wilson(3, 3)


def test_a_change_between_two_infinities_is_unknown():
    rows = answers([0, 0, 1, 0], [True] * 4)
    found = analyse(evaluated(rows, {RED: np.array([0, 1, 3])}, baseline=rows), ["calibration"])
    assert found.slices[0].metrics["calibration"] == Interval(None)
    assert found.slices[0].changes["calibration"] == Interval(None)


def test_where_lower_is_better_more_is_harm():
    assert harm_of("mean_absolute_error", Interval(3.0, 2.5, 3.5), 2.0, 10, higher_is_better=False).amount == 10
    assert harm_of("accuracy", Interval(0.5, 0.1, 0.9), 0.75, 8, higher_is_better=True).amount == 2
    assert not harm_of("accuracy", Interval(0.5, 0.1, 0.9), 0.75, 8, higher_is_better=True).is_certain
    assert not harm_of("accuracy", Interval(0.5), 0.75, 8, higher_is_better=True).is_certain
    assert harm_of("accuracy", Interval(None), 0.75, 8, higher_is_better=True) is None
