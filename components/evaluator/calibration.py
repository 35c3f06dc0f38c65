"""Whether predictions come true as often, or as much, as they say; and what was taken for what. NumPy only."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.evaluator.analysis import Calibration, CalibrationBin, Confusion, Interval
from components.evaluator.intervals import mean_interval, wilson
from components.evaluator.weighted_metrics import ClassRows, NumberRows

BINS = 10

#: A confusion matrix of more classes cannot be read; the rarest are put together.
MAX_CLASSES = 50
OTHER_CLASSES = "(other classes)"

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def calibration_of(rows: ClassRows | NumberRows) -> Calibration | None:
    """The reliability of the answers; None without rows.

    Probabilities are put into ten bins of equal width, a regression's predictions into ten of about equal count.
    """
    if len(rows) == 0:
        return None
    if isinstance(rows, NumberRows):
        return _calibration("prediction", rows.predictions, rows.labels, _quantile_edges(rows.predictions))
    edges = np.linspace(0.0, 1.0, BINS + 1)
    if rows.n_classes == 2:
        return _calibration("positive_score", rows.scores[:, 1], (rows.labels == 1).astype(np.float64), edges)
    return _calibration("top_label", rows.top_score, rows.right, edges)


def _quantile_edges(predictions: Floats) -> Floats:
    return np.asarray(np.unique(np.quantile(predictions, np.linspace(0.0, 1.0, BINS + 1))), np.float64)


def _calibration(kind: str, predicted: Floats, outcome: Floats, edges: Floats) -> Calibration:
    if edges.size == 1:  # every prediction is the same number
        edges = np.repeat(edges, 2)
    index = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, edges.size - 2)
    bins = [
        _bin(kind, float(edges[i]), float(edges[i + 1]), predicted[index == i], outcome[index == i])
        for i in np.unique(index)
    ]
    distances = [abs(item.predicted - (item.observed.value or 0.0)) * item.rows for item in bins]
    return Calibration(kind, tuple(bins), sum(distances) / predicted.size)


def _bin(kind: str, low: float, high: float, predicted: Floats, outcome: Floats) -> CalibrationBin:
    observed: Interval = mean_interval(outcome) if kind == "prediction" else wilson(outcome.sum(), outcome.size)
    return CalibrationBin(low, high, int(predicted.size), float(predicted.mean()), _plain(observed))


def _plain(interval: Interval) -> Interval:
    """The interval in Python's own numbers."""
    bounds = (interval.value, interval.low, interval.high)
    return Interval(*(None if bound is None else float(bound) for bound in bounds))


def confusion_of(rows: ClassRows, classes: Sequence[str]) -> Confusion:
    """How many rows of each class were taken for which; the rarest of very many classes are put together.

    Args:
      rows: the answers.
      classes: their names; none = numbered.
    """
    n_classes = rows.n_classes
    classes = classes or [str(index) for index in range(n_classes)]
    true = np.where(rows.labels >= 0, rows.labels, n_classes)
    counts = np.bincount(true * n_classes + rows.called, minlength=(n_classes + 1) * n_classes)
    return _readable(list(classes), counts.reshape(n_classes + 1, n_classes).astype(np.int64))


def _readable(classes: list[str], counts: Ints) -> Confusion:
    if len(classes) > MAX_CLASSES:
        frequency = counts[:-1].sum(axis=1)
        kept = np.sort(np.argsort(-frequency, kind="stable")[: MAX_CLASSES - 1])
        group = np.full(len(classes), kept.size)
        group[kept] = np.arange(kept.size)
        into = np.eye(kept.size + 1, dtype=np.int64)[group]
        counts = np.vstack([into.T @ counts[:-1] @ into, counts[-1:] @ into])
        classes = [*(classes[index] for index in kept), OTHER_CLASSES]
    return Confusion(tuple(classes), tuple(map(tuple, counts[:-1].tolist())), tuple(counts[-1].tolist()))
