"""Confusion matrix and ROC curve of an Evaluator, in the metadata of kfp's ClassificationMetrics.

The UI checks the shape and shows an error in place of the whole task's metrics if it is another
(frontend/src/components/viewers/MetricsVisualizations.tsx of kubeflow/pipelines).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluator.analysis import Confusion
from components.evaluator.weighted_metrics import ClassRows
from pipeline.readers.run_view import RunView
from pipeline.report.text import clipped, visible

MOST_CLASSES = 50
"""A larger matrix nobody reads; the card lists the commonest mistakes."""

MOST_POINTS = 100
"""Of the curve, whatever the number of rows."""

MOST_ROWS = 1_000_000
"""That a curve is drawn of: every answer is read for it, in the memory that the node was given for its own work."""

_LABEL = 60


def classification_of(view: RunView) -> dict[str, Any]:
    """The metadata; empty for a regression and for any other node."""
    found: dict[str, Any] = {}
    evaluation = view.evaluation.value
    if evaluation is None or (confusion := evaluation.confusion) is None:
        return found
    if 0 < len(confusion.classes) <= MOST_CLASSES:
        found["confusionMatrix"] = matrix_of(confusion)
    if len(confusion.classes) == 2 and evaluation.rows <= MOST_ROWS and (points := _curve(view)):
        found["confidenceMetrics"] = points
    return found


def _curve(view: RunView) -> list[dict[str, float]]:
    answers = view.predictions.value.rows if view.predictions.value else None
    return roc_points(answers.labels, answers.scores[:, 1]) if isinstance(answers, ClassRows) else []


def matrix_of(confusion: Confusion) -> dict[str, Any]:
    """Rows are the true classes, columns the model's answers."""
    return {
        "annotationSpecs": [{"displayName": visible(clipped(name, _LABEL))} for name in confusion.classes],
        "rows": [{"row": [int(count) for count in row]} for row in confusion.counts],
    }


def roc_points(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> list[dict[str, float]]:
    """The curve from (0, 0) to (1, 1), at most `MOST_POINTS` points; empty without rows of both classes.

    Args:
      labels: 1 for positive, 0 for negative, int64 [rows]; rows with any other label are left out.
      scores: of the positive class, float64 [rows]; a row counts as positive from the threshold on.
    """
    known = ((labels == 0) | (labels == 1)) & np.isfinite(scores)
    order = np.argsort(-scores[known], kind="stable")
    positive, falling = labels[known][order] == 1, scores[known][order]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return []
    last_of_score = np.flatnonzero(np.diff(falling, append=-np.inf))
    kept = last_of_score[np.unique(np.linspace(0, len(last_of_score) - 1, MOST_POINTS - 1).round().astype(int))]
    recall, fall_out = np.cumsum(positive)[kept] / positives, np.cumsum(~positive)[kept] / negatives
    above_all = float(np.nextafter(falling[0], np.inf))
    rows = [(above_all, 0.0, 0.0), *zip(falling[kept].tolist(), recall.tolist(), fall_out.tolist(), strict=True)]
    return [
        {"confidenceThreshold": threshold, "recall": true_rate, "falsePositiveRate": false_rate}
        for threshold, true_rate, false_rate in rows
    ]
