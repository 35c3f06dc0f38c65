"""Bias of the labels, before any model: SageMaker Clarify's pre-training metrics. NumPy only.

Each takes counts [..., groups, facet, label] (counts.py) and gives float64 [...]. n_a, n_d are rows of facets a and d,
q_a, q_d their shares of positive labels, P_a = (1 - q_a, q_a), P_d likewise. Source: Amazon SageMaker Developer Guide,
"Measure pre-training bias"; labels of several classes are first made positive or negative, as smclarify 0.5 does.
"""

from collections.abc import Callable, Mapping

import numpy as np

from components.bias_evaluator.counts import Floats, demographic_disparity, divide, labels_of


def class_imbalance(labelled: Floats) -> Floats:
    """CI = (n_a - n_d) / (n_a + n_d), -1 to 1; positive where facet d has fewer rows."""
    of = labels_of(labelled)
    return divide(of.a - of.d, of.a + of.d)


def difference_in_labels(labelled: Floats) -> Floats:
    """DPL = q_a - q_d, -1 to 1; positive where facet d has the smaller share of positive labels."""
    of = labels_of(labelled)
    return np.asarray(of.share_a - of.share_d)


def kullback_leibler(labelled: Floats) -> Floats:
    """KL = sum P_a ln(P_a / P_d), 0 to infinity: infinite where facet d lacks a label that facet a has."""
    of_a, of_d = _distributions(labelled)
    return _relative_entropy(of_a, of_d)


def jensen_shannon(labelled: Floats) -> Floats:
    """JS = (KL(P_a, P) + KL(P_d, P)) / 2 with P = (P_a + P_d) / 2, 0 to ln 2."""
    of_a, of_d = _distributions(labelled)
    middle = (of_a + of_d) / 2
    return np.asarray((_relative_entropy(of_a, middle) + _relative_entropy(of_d, middle)) / 2)


def lp_norm(labelled: Floats) -> Floats:
    """LP = Euclidean length of P_a - P_d, 0 to the root of 2."""
    of_a, of_d = _distributions(labelled)
    return np.asarray(np.sqrt(((of_a - of_d) ** 2).sum(axis=-1)))


def total_variation(labelled: Floats) -> Floats:
    """TVD = half the sum of |P_a - P_d|, 0 to 1."""
    of_a, of_d = _distributions(labelled)
    return np.asarray(np.abs(of_a - of_d).sum(axis=-1) / 2)


def kolmogorov_smirnov(labelled: Floats) -> Floats:
    """KS = the largest |P_a - P_d|, 0 to 1."""
    of_a, of_d = _distributions(labelled)
    return np.asarray(np.abs(of_a - of_d).max(axis=-1))


METRICS: Mapping[str, Callable[[Floats], Floats]] = {
    "CI": class_imbalance,
    "DPL": difference_in_labels,
    "KL": kullback_leibler,
    "JS": jensen_shannon,
    "LP": lp_norm,
    "TVD": total_variation,
    "KS": kolmogorov_smirnov,
    "CDDL": demographic_disparity,
}


def _distributions(labelled: Floats) -> tuple[Floats, Floats]:
    """P_a and P_d, float64 [..., label]."""
    of = labels_of(labelled)
    of_a = np.stack([divide(of.negative_a, of.a), of.share_a], axis=-1)
    of_d = np.stack([divide(of.negative_d, of.d), of.share_d], axis=-1)
    return of_a, of_d


def _relative_entropy(of: Floats, against: Floats) -> Floats:
    """sum of p ln(p / q) over the last axis, with 0 ln 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(of == 0, 0.0, of * np.log(of / against))
    return np.asarray(terms.sum(axis=-1))
