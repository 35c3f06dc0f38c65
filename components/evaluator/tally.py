"""Running counts from which our own metrics come: mergeable, so that Beam can combine them. NumPy only."""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

#: Probabilities are not taken below this, so that one sure mistake does not make the mean infinite.
MIN_PROBABILITY = 1e-7


@dataclasses.dataclass
class ClassTally:
    """What a classifier got right and wrong.

    Attributes:
      confusion: int64 [n_classes + 1, n_classes], true class by predicted class; the last row is for labels that the
        model does not know (index -1), which no answer can get right. None before the first row.
      log_loss: sum over the rows of -ln(probability of the true class).
    """

    confusion: npt.NDArray[np.int64] | None = None
    log_loss: float = 0.0

    def add(self, label: int, scores: npt.NDArray[Any]) -> None:
        """Counts one row; `scores` is [n_classes], or [1] holding the probability of class 1 of 2."""
        if scores.size == 1:
            scores = np.array([1.0 - scores[0], scores[0]])
        if self.confusion is None:
            self.confusion = np.zeros((scores.size + 1, scores.size), np.int64)
        known = 0 <= label < scores.size
        self.confusion[label if known else -1, int(np.argmax(scores))] += 1
        # `max` would hide a NaN, and then a broken model would look good.
        probability = float(scores[label]) if known else 0.0
        self.log_loss -= math.log(MIN_PROBABILITY if probability < MIN_PROBABILITY else probability)

    def merge(self, other: "ClassTally") -> None:
        """Adds what another tally counted."""
        if self.confusion is None:
            self.confusion = None if other.confusion is None else other.confusion.copy()
        elif other.confusion is not None:
            self.confusion += other.confusion
        self.log_loss += other.log_loss

    def values(self) -> dict[str, float]:
        """accuracy, majority_share, skill, macro_f1 and cross_entropy; NaN where there is nothing to divide by."""
        confusion = np.zeros((1, 0), np.int64) if self.confusion is None else self.confusion
        rows = int(confusion.sum())
        of_class, called, right = confusion.sum(axis=1)[:-1], confusion.sum(axis=0), np.diagonal(confusion)
        if rows == 0:
            return dict.fromkeys(("accuracy", "majority_share", "skill", "macro_f1", "cross_entropy"), math.nan)
        accuracy, majority = float(right.sum() / rows), float(of_class.max() / rows)
        present = of_class > 0
        f1 = 2 * right[present] / (of_class[present] + called[present])
        return {
            "accuracy": accuracy,
            "majority_share": majority,
            "skill": (accuracy - majority) / (1 - majority) if majority < 1 else math.nan,
            "macro_f1": float(f1.mean()) if present.any() else math.nan,
            "cross_entropy": self.log_loss / rows,
        }


@dataclasses.dataclass
class ErrorTally:
    """How far a regression was off, and how far the mean would have been.

    Attributes:
      rows: number of rows.
      mean: of the labels.
      spread: sum of the squared distances of the labels from their mean (Welford's, so that large labels with a
        small spread keep their digits).
      error: sum of the squared errors.
    """

    rows: int = 0
    mean: float = 0.0
    spread: float = 0.0
    error: float = 0.0

    def add(self, label: float, prediction: float) -> None:
        """Counts one row."""
        self.merge(ErrorTally(1, label, 0.0, (prediction - label) ** 2))

    def merge(self, other: "ErrorTally") -> None:
        """Adds what another tally counted (Chan, Golub and LeVeque 1979, parallel variance)."""
        rows = self.rows + other.rows
        if rows:
            distance = other.mean - self.mean
            self.mean += distance * other.rows / rows
            self.spread += other.spread + distance**2 * self.rows * other.rows / rows
        self.rows = rows
        self.error += other.error

    def values(self) -> dict[str, float]:
        """r2 and root_mean_squared_error; NaN where there is nothing to divide by."""
        return {
            "r2": 1 - self.error / self.spread if self.spread else math.nan,
            "root_mean_squared_error": math.sqrt(self.error / self.rows) if self.rows else math.nan,
        }
