"""How sure a classifier is of each answer. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TOP_CLASSES = 5


def confidences(scores: Floats) -> Floats:
    """The probability of the most probable class, float [rows].

    For two classes this is max(p, 1 - p).

    Args:
      scores: [rows, n_classes], n_classes ≥ 2, probabilities of each class.
    """
    highest: Floats = scores.max(axis=1) if len(scores) else np.empty(0)
    return highest


def top_classes(scores: Floats, names: Sequence[str], at_most: int = TOP_CLASSES) -> tuple[tuple[str, float], ...]:
    """The most probable classes of one row with their probabilities, ties in the order of the classes.

    Args:
      scores: [n_classes].
      names: of the classes, in the order of the scores.
      at_most: number of classes.

    >>> top_classes(np.array([0.25, 0.5, 0.25]), ["a", "b", "c"], at_most=2)
    (('b', 0.5), ('a', 0.25))
    """
    order = np.argsort(-scores, kind="stable")[:at_most]
    return tuple((names[index], float(scores[index])) for index in order)
