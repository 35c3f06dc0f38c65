import math

import numpy as np
import pytest
from sklearn import metrics

from components.evaluator.tally import ClassTally, ErrorTally
from components.evaluator.weighted_metrics import ClassRows, NumberRows, group_sums

GENERATOR = np.random.default_rng(5)


def multiclass(rows=300, classes=4):
    scores = GENERATOR.dirichlet(np.ones(classes), rows)
    labels = np.where(GENERATOR.uniform(size=rows) < 0.6, scores.argmax(axis=1), GENERATOR.integers(0, classes, rows))
    labels[::50] = -1
    return ClassRows(labels.astype(np.int64), scores)


def binary(rows=400):
    positive = np.round(GENERATOR.uniform(size=rows), 2)  # rounded, so that there are ties
    labels = (GENERATOR.uniform(size=rows) < positive).astype(np.int64)
    return ClassRows(labels, np.stack([1 - positive, positive], axis=1))


def once(rows):
    return {name: float(value[0]) for name, value in rows.values(np.ones((1, len(rows)))).items()}


def repeated(rows, weights):
    return rows.taken(np.repeat(np.arange(len(rows)), weights.astype(int)))


def test_classes_are_measured_as_the_evaluator_measures_them():
    rows = multiclass()
    tally = ClassTally()
    for label, scores in zip(rows.labels, rows.scores, strict=True):
        tally.add(int(label), scores)
    assert once(rows) == pytest.approx(tally.values())


def test_numbers_are_measured_as_the_evaluator_measures_them():
    labels = GENERATOR.normal(1e6, 2, 200)
    rows = NumberRows(labels, labels + GENERATOR.normal(0, 1, 200))
    tally = ErrorTally()
    for label, prediction in zip(rows.labels, rows.predictions, strict=True):
        tally.add(float(label), float(prediction))
    found = once(rows)
    assert {name: found[name] for name in tally.values()} == pytest.approx(tally.values())
    assert found["mean_absolute_error"] == pytest.approx(np.mean(np.abs(rows.predictions - labels)))
    assert found["mean_label"] == pytest.approx(labels.mean(), rel=1e-12)


def test_positives_are_measured_as_scikit_learn_measures_them():
    rows = binary()
    labels, score = rows.labels, rows.scores[:, 1]
    found = once(rows)
    called = score > 0.5
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, score))
    assert found["auc_precision_recall"] == pytest.approx(metrics.average_precision_score(labels, score))
    assert found["precision"] == pytest.approx(metrics.precision_score(labels, called))
    assert found["recall"] == pytest.approx(metrics.recall_score(labels, called))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, called))
    assert found["calibration"] == pytest.approx(score.mean() / labels.mean())


@pytest.mark.parametrize("make", [multiclass, binary])
def test_a_row_of_weight_two_counts_like_two_rows(make):
    rows = make()
    weights = GENERATOR.integers(0, 3, (2, len(rows))).astype(float)
    found = rows.values(weights)
    for i in range(2):
        expected = once(repeated(rows, weights[i]))
        assert {name: value[i] for name, value in found.items()} == pytest.approx(expected)


def test_a_number_of_weight_two_counts_like_two_numbers():
    rows = NumberRows(GENERATOR.normal(size=50), GENERATOR.normal(size=50))
    weights = GENERATOR.integers(0, 3, (1, 50)).astype(float)
    expected = once(repeated(rows, weights[0]))
    assert {name: value[0] for name, value in rows.values(weights).items()} == pytest.approx(expected)


def test_what_cannot_be_divided_is_no_number():
    only_negatives = ClassRows(np.zeros(3, np.int64), np.array([[0.9, 0.1]] * 3))
    found = once(only_negatives)
    assert math.isnan(found["auc"])
    assert math.isnan(found["recall"])
    assert math.isnan(found["skill"])
    assert found["accuracy"] == 1.0
    assert math.isnan(once(NumberRows(np.ones(3), np.zeros(3)))["r2"])


def test_group_sums_are_sums_by_group():
    weights = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 1.0]])
    assert group_sums(weights, np.array([2, 0, 2]), 4).tolist() == [[2, 0, 4, 0], [1, 0, 1, 0]]
    assert group_sums(np.ones((2, 0)), np.array([], np.int64), 2).tolist() == [[0, 0], [0, 0]]
