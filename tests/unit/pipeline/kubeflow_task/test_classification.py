import numpy as np
import pytest
from sklearn import metrics

from components.evaluator.analysis import Confusion
from pipeline.kubeflow_task.classification import MOST_POINTS, matrix_of, roc_points


def curve(points):
    return [tuple(point[key] for key in ("falsePositiveRate", "recall", "confidenceThreshold")) for point in points]


def test_the_matrix_is_the_one_that_kfp_itself_logs():
    from kfp.dsl import ClassificationMetrics

    expected = ClassificationMetrics()
    expected.log_confusion_matrix(["no", "yes", "<b>?"], [[9, 1, 0], [2, 8, 3], [0, 0, 4]])
    found = matrix_of(Confusion(("no", "yes", "<b>?"), ((9, 1, 0), (2, 8, 3), (0, 0, 4)), (0, 0, 1)))
    assert found == expected.metadata["confusionMatrix"]


def test_the_curve_is_the_one_that_kfp_itself_logs_and_scikit_learn_computes():
    from kfp.dsl import ClassificationMetrics

    labels, scores = np.array([0, 1, 1, 0, 1, 0]), np.array([0.1, 0.9, 0.4, 0.4, 0.8, 0.2])
    false_rates, true_rates, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    expected = ClassificationMetrics()
    above_all = float(np.nextafter(0.9, 1))  # scikit-learn's first threshold is infinite, which no JSON holds
    expected.log_roc_curve(false_rates.tolist(), true_rates.tolist(), [above_all, *thresholds[1:].tolist()])
    assert roc_points(labels, scores) == expected.metadata["confidenceMetrics"]


def test_a_curve_of_very_many_rows_is_short_and_has_nearly_the_same_area():
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 20_000)
    scores = random.normal(labels, 1.0)
    points = curve(roc_points(labels, scores))
    assert len(points) <= MOST_POINTS
    assert (points[0][:2], points[-1][:2]) == ((0.0, 0.0), (1.0, 1.0))
    area = metrics.auc([x for x, _, _ in points], [y for _, y, _ in points])
    assert area == pytest.approx(metrics.roc_auc_score(labels, scores), abs=0.001)


@pytest.mark.parametrize("labels", [[], [1, 1], [0, 0], [-1, 1]])
def test_without_rows_of_both_classes_there_is_no_curve(labels):
    assert roc_points(np.array(labels, np.int64), np.full(len(labels), 0.5)) == []
