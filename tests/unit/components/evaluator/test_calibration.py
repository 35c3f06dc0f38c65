import numpy as np
import pytest

from components.evaluator.analysis import Interval
from components.evaluator.calibration import MAX_CLASSES, OTHER_CLASSES, calibration_of, confusion_of
from components.evaluator.intervals import wilson
from components.evaluator.weighted_metrics import ClassRows, NumberRows


def binary(scores, labels):
    scores = np.array(scores)
    return ClassRows(np.array(labels, np.int64), np.stack([1 - scores, scores], axis=1))


def test_scores_are_compared_with_the_share_of_positives():
    found = calibration_of(binary([0.05, 0.05, 0.95, 0.95, 1.0], [0, 1, 1, 1, 0]))
    assert found.kind == "positive_score"
    low, high = found.bins
    assert (low.low, low.high, low.rows, low.predicted) == (0.0, pytest.approx(0.1), 2, pytest.approx(0.05))
    assert low.observed == wilson(1, 2)
    assert (high.rows, high.predicted, high.observed.value) == (3, pytest.approx(2.9 / 3), pytest.approx(2 / 3))
    # Two rows are 0.45 off, three rows 0.3.
    assert found.error == pytest.approx((2 * 0.45 + 3 * 0.3) / 5)


def test_the_answers_probability_is_compared_with_how_often_it_is_right():
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.85, 0.05], [0.2, 0.2, 0.6]])
    found = calibration_of(ClassRows(np.array([0, 2, 2]), scores))
    assert found.kind == "top_label"
    assert [(item.rows, item.observed.value) for item in found.bins] == [(1, 1.0), (2, 0.5)]
    assert found.error == pytest.approx((1 * 0.4 + 2 * abs(0.825 - 0.5)) / 3)


def test_predicted_numbers_are_compared_with_the_labels_in_bins_of_equal_count():
    predictions = np.arange(100.0)
    found = calibration_of(NumberRows(predictions + 3, predictions))
    assert found.kind == "prediction"
    assert len(found.bins) == 10
    assert all(item.rows in (9, 10, 11) for item in found.bins)
    assert found.error == pytest.approx(3.0)
    assert found.bins[0].observed.low < found.bins[0].observed.value < found.bins[0].observed.high


def test_a_constant_prediction_is_one_bin():
    (item,) = calibration_of(NumberRows(np.array([1.0, 3.0]), np.array([2.0, 2.0]))).bins
    assert (item.low, item.high, item.rows, item.observed.value) == (2.0, 2.0, 2, 2.0)


def test_without_rows_nothing_is_said():
    assert calibration_of(binary([], [])) is None


def test_the_intervals_are_plain_numbers():
    (item,) = calibration_of(NumberRows(np.array([1.0]), np.array([2.0]))).bins
    assert item.observed == Interval(1.0)
    assert type(item.observed.value) is float


def test_rows_are_counted_by_class_and_answer():
    scores = np.eye(3)[[0, 1, 1, 2, 0]]
    found = confusion_of(ClassRows(np.array([0, 0, 1, 2, -1]), scores), ["a", "<b>", "c"])
    assert found.classes == ("a", "<b>", "c")
    assert found.counts == ((1, 1, 0), (0, 1, 0), (0, 0, 1))
    assert found.unknown == (1, 0, 0)


def test_classes_without_names_are_numbered():
    assert confusion_of(binary([0.9], [1]), ()).classes == ("0", "1")


def test_the_rarest_of_very_many_classes_are_put_together():
    classes = 60
    labels = np.repeat(np.arange(classes), np.arange(classes, 0, -1))  # class 0 is the most frequent
    found = confusion_of(ClassRows(labels, np.eye(classes)[labels]), [str(i) for i in range(classes)])
    assert len(found.classes) == len(found.counts) == MAX_CLASSES
    assert found.classes[:2] == ("0", "1")
    assert found.classes[-1] == OTHER_CLASSES
    assert sum(map(sum, found.counts)) == labels.size
    assert found.counts[-1][-1] == sum(range(1, 12))  # classes 49 to 59 have 11 to 1 rows
