"""The metrics of METRICS for many weightings of the same rows at once: what a bootstrap asks for. NumPy only.

Values agree with TFMA's and `tally.py`'s, except that areas under curves are exact, where TFMA interpolates between
10,000 thresholds.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from components.evaluator.tally import MIN_PROBABILITY

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class ClassRows:
    """A classifier's answers.

    Attributes:
      labels: int64 [rows], the class's index, -1 for a label that the model does not know.
      scores: float [rows, n_classes].
    """

    labels: Ints
    scores: Floats

    def taken(self, rows: Ints | None) -> "ClassRows":
        """Some of the rows; None = all."""
        return self if rows is None else ClassRows(self.labels[rows], self.scores[rows])

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.labels.size)

    @property
    def n_classes(self) -> int:
        """Number of classes that the model knows."""
        return int(self.scores.shape[1])

    @functools.cached_property
    def called(self) -> Ints:
        """The most probable class, int64 [rows]."""
        return np.asarray(self.scores.argmax(axis=1), np.int64)

    @functools.cached_property
    def right(self) -> Floats:
        """1 where the most probable class is the right one, float64 [rows]."""
        return np.asarray(self.called == self.labels, np.float64)

    @functools.cached_property
    def top_score(self) -> Floats:
        """The probability of the most probable class, float64 [rows]."""
        return np.asarray(self.scores.max(axis=1), np.float64)

    @functools.cached_property
    def loss(self) -> Floats:
        """-ln(probability of the right class), float64 [rows]."""
        known = (self.labels >= 0) & (self.labels < self.n_classes)
        index = np.where(known, self.labels, 0)
        probability = np.where(known, self.scores[np.arange(len(self)), index], 0.0)
        return np.asarray(-np.log(np.maximum(probability, MIN_PROBABILITY)), np.float64)

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric [replicates] for weights [replicates, rows]; NaN where there is nothing to divide by."""
        rows = weights.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = self._of_classes(weights, rows)
            values["cross_entropy"] = weights @ self.loss / rows
            if self.n_classes == 2:
                values |= self._of_positives(weights, rows)
        return values

    def _of_classes(self, weights: Floats, rows: Floats) -> dict[str, Floats]:
        known = np.where(self.labels >= 0, self.labels, self.n_classes)
        of_class = group_sums(weights, known, self.n_classes + 1)[:, :-1]
        called = group_sums(weights, self.called, self.n_classes)
        right = group_sums(weights * self.right, self.called, self.n_classes)
        accuracy, majority = right.sum(axis=1) / rows, of_class.max(axis=1) / rows
        present = of_class > 0
        f1 = np.where(present, 2 * right / (of_class + called), 0.0)
        return {
            "accuracy": accuracy,
            "majority_share": majority,
            "skill": (accuracy - majority) / (1 - majority),
            "macro_f1": f1.sum(axis=1) / present.sum(axis=1),
        }

    def _of_positives(self, weights: Floats, rows: Floats) -> dict[str, Floats]:
        score, positive = self.scores[:, 1], (self.labels == 1).astype(np.float64)
        called = (score > 0.5).astype(np.float64)  # TFMA's threshold
        true_positives, positives, calls = (weights @ (called * positive), weights @ positive, weights @ called)
        area, average_precision = _areas(weights, score, positive)
        return {
            "auc": area,
            "auc_precision_recall": average_precision,
            "precision": true_positives / calls,
            "recall": true_positives / positives,
            "f1": 2 * true_positives / (calls + positives),
            "calibration": (weights @ score / rows) / (positives / rows),
        }


@dataclasses.dataclass(frozen=True)
class NumberRows:
    """A regression's answers: labels and predictions, float64 [rows]."""

    labels: Floats
    predictions: Floats

    def taken(self, rows: Ints | None) -> "NumberRows":
        """Some of the rows; None = all."""
        return self if rows is None else NumberRows(self.labels[rows], self.predictions[rows])

    def __len__(self) -> int:
        """Number of rows."""
        return int(self.labels.size)

    def values(self, weights: Floats) -> dict[str, Floats]:
        """Every metric [replicates] for weights [replicates, rows]; NaN where there is nothing to divide by."""
        rows = weights.sum(axis=1)
        error = self.predictions - self.labels
        centre = self.labels.mean() if len(self) else 0.0  # so that large labels with a small spread keep their digits
        centred = self.labels - centre
        with np.errstate(divide="ignore", invalid="ignore"):
            squared = weights @ error**2 / rows
            mean = weights @ centred / rows
            spread = weights @ centred**2 / rows - mean**2
            return {
                "mean_squared_error": squared,
                "root_mean_squared_error": np.sqrt(squared),
                "mean_absolute_error": weights @ np.abs(error) / rows,
                "r2": np.where(spread > 0, 1 - squared / np.where(spread > 0, spread, 1), np.nan),
                "mean_label": mean + centre,
                "mean_prediction": weights @ self.predictions / rows,
            }


def group_sums(weights: Floats, groups: Ints, n_groups: int) -> Floats:
    """The weights [replicates, rows] summed by group [rows] to [replicates, n_groups]."""
    sums = np.zeros((weights.shape[0], n_groups))
    if groups.size:
        order = np.argsort(groups, kind="stable")
        present, starts = np.unique(groups[order], return_index=True)
        sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def _areas(weights: Floats, score: Floats, positive: Floats) -> tuple[Floats, Floats]:
    """The areas under the ROC curve and the precision-recall curve (as average precision), rows of equal score as one.

    Both float64 [replicates].
    """
    values, groups = np.unique(-score, return_inverse=True)  # the highest score first
    hits = group_sums(weights * positive, groups, values.size)
    misses = group_sums(weights * (1 - positive), groups, values.size)
    found, passed = hits.cumsum(axis=1), misses.cumsum(axis=1)
    positives, negatives = found[:, -1], passed[:, -1]
    beaten = (hits * (negatives[:, None] - passed + misses / 2)).sum(axis=1)
    precision = np.where(found + passed > 0, found / np.maximum(found + passed, 1e-12), 0.0)
    return beaten / (positives * negatives), (hits * precision).sum(axis=1) / positives
