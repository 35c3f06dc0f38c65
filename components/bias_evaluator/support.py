"""How many rows each metric rests on, and why one has no value. NumPy only."""

import numpy as np

from components.bias_evaluator.counts import Floats, labels_of, predicted_labels, true_labels
from components.bias_evaluator.names import Stage

_PREDICTED = {"DCA": 1, "DAR": 1, "DCR": 0, "DRR": 0}
"""Metrics that divide by the rows predicted positive (1) or negative (0) of each facet."""

_LABELLED = {"RD": 1, "SD": 0}
"""Metrics that divide by the rows labelled so."""

_ZEROS = {
    "KL": "facet d has no row with a label that facet a has",
    "CDDL": "no row, or every row, has a positive label",
    "DI": "facet a was given no positive answer",
    "DCA": "a facet was given no positive answer",
    "DCR": "a facet was given no negative answer",
    "RD": "a facet has no row with a positive label",
    "DAR": "a facet was given no positive answer",
    "DRR": "a facet was given no negative answer",
    "SD": "a facet has no row with a negative label",
    "TE": "a facet has no false positive",
    "CDDPL": "no row, or every row, was given a positive answer",
    "GE": "every row is a false negative",
}


def support_of(metric: str, counts: Floats) -> int:
    """The smallest number of rows that the metric divides by, both facets considered.

    Where it is small an interval from resampling is too narrow: of two rows that were both missed, every sample misses
    both. So it, not the facet's size, is what `min_rows` is compared with. TE divides by false positives; it is held to
    the rows labelled negative, of which those are a share.

    Args:
      metric: its name.
      counts: [groups, facet, label] or [groups, facet, label, prediction].
    """
    labels = counts if counts.ndim == 3 else true_labels(counts)
    if metric in _PREDICTED:
        by_answer, answer = predicted_labels(counts).sum(axis=0), _PREDICTED[metric]
    elif metric in (*_LABELLED, "TE"):
        by_answer, answer = labels.sum(axis=0), _LABELLED.get(metric, 0)
    else:
        of = labels_of(labels)
        return int(min(of.a, of.d))
    return int(by_answer[:, answer].min())


def why_not_finite(metric: str, stage: Stage, value: float) -> str:
    """Why there is no number, a sentence."""
    where = "training rows" if stage == "pre_training" else "evaluated rows"
    reason = _ZEROS.get(metric, "a facet has no rows")
    return f"{'Infinite' if np.isinf(value) else 'Not defined'} on the {where}: {reason}."
