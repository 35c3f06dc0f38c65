"""What a row weighs by its class: the one formula, for the Trainer itself and for what balances before it.

Pure data, no TensorFlow.
"""

import json
import math
from collections.abc import Sequence
from pathlib import PurePosixPath

WEIGHTS_FILE = "class_weights.json"
"""Stands in an Examples artifact beside its splits where the rows are to be weighed: `{"format": 1, "weights": […]}`,
a weight per class index."""

_FORMAT = 1


def balanced_weights(counts: Sequence[int], target: float = 1.0, max_factor: float = math.inf) -> list[float]:
    """Per class the weight of its rows; 0 for a class without a row.

    Rows of a class that is rarer than `target` times the most frequent one are raised by the factor that is missing,
    at most by `max_factor`; then all are scaled so that the weights of the rows sum to the number of rows, which
    leaves the size of a training step what it was. With the defaults this is rows / (classes * rows of the class).

    >>> balanced_weights([6, 2, 0, 1])
    [0.5, 1.5, 0.0, 3.0]

    Args:
      counts: rows per class.
      target: 0 < target ≤ 1; 1 = every class weighs the same in total.
      max_factor: at least 1.
    """
    most = max(counts, default=0)
    factors = [min(max(1.0, target * most / count), max_factor) if count else 0.0 for count in counts]
    total = sum(factor * count for factor, count in zip(factors, counts, strict=True))
    return [factor * sum(counts) / total for factor in factors] if total else factors


def weights_document(weights: Sequence[float]) -> str:
    """What stands in `WEIGHTS_FILE`."""
    return json.dumps({"format": _FORMAT, "weights": list(weights)}, allow_nan=False)


def parse_weights(text: str) -> tuple[float, ...]:
    """The inverse of `weights_document`.

    Raises:
      ValueError: it is no such document.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise ValueError(f"not a document of class weights of format {_FORMAT}: {text[:80]}")
    weights = tuple(float(weight) for weight in data["weights"])
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"a class weight is no number of at least 0: {text[:80]}")
    return weights


def weights_path(split_pattern: str) -> str:
    """Where the weights of an Examples artifact are, if it has any, going by the pattern of a split's files.

    >>> weights_path("/runs/examples/7/Split-train/*")
    '/runs/examples/7/class_weights.json'
    """
    scheme, mark, path = split_pattern.rpartition("://")
    return f"{scheme}{mark}{PurePosixPath(path).parents[1] / WEIGHTS_FILE}"
