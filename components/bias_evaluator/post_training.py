"""Bias of a model's predictions: SageMaker Clarify's post-training metrics. NumPy only.

Each takes counts [..., groups, facet, label, prediction] (counts.py) and gives float64 [...], with Clarify's signs.
n and n' count labels and predictions, (1) positive, (0) negative ones, a and d the facets. Source: Amazon SageMaker
Developer Guide, "Measure post-training data and model bias". Clarify's flip test is left out: it needs a second model.
"""

from collections.abc import Callable, Mapping

import numpy as np

from components.bias_evaluator.counts import (
    Floats,
    confusions_of,
    demographic_disparity,
    divide,
    labels_of,
    minus,
    predicted_labels,
    true_labels,
)


def difference_in_predictions(predicted: Floats) -> Floats:
    """DPPL = n'_a(1)/n_a - n'_d(1)/n_d; positive where facet d is given fewer positive answers."""
    of = labels_of(predicted_labels(predicted))
    return np.asarray(of.share_a - of.share_d)


def disparate_impact(predicted: Floats) -> Floats:
    """DI = (n'_d(1)/n_d) / (n'_a(1)/n_a); below 1 where facet d is given fewer positive answers."""
    of = labels_of(predicted_labels(predicted))
    return divide(of.share_d, of.share_a)


def conditional_acceptance(predicted: Floats) -> Floats:
    """DCA = n_a(1)/n'_a(1) - n_d(1)/n'_d(1)."""
    true, given = labels_of(true_labels(predicted)), labels_of(predicted_labels(predicted))
    return minus(divide(true.positive_a, given.positive_a), divide(true.positive_d, given.positive_d))


def conditional_rejection(predicted: Floats) -> Floats:
    """DCR = n_d(0)/n'_d(0) - n_a(0)/n'_a(0)."""
    true, given = labels_of(true_labels(predicted)), labels_of(predicted_labels(predicted))
    return minus(divide(true.negative_d, given.negative_d), divide(true.negative_a, given.negative_a))


def recall_difference(predicted: Floats) -> Floats:
    """RD = TP_a/(TP_a + FN_a) - TP_d/(TP_d + FN_d)."""
    a, d = confusions_of(predicted)
    return minus(divide(a.tp, a.tp + a.fn), divide(d.tp, d.tp + d.fn))


def acceptance_difference(predicted: Floats) -> Floats:
    """DAR = TP_a/n'_a(1) - TP_d/n'_d(1): the difference in precision."""
    a, d = confusions_of(predicted)
    return minus(divide(a.tp, a.tp + a.fp), divide(d.tp, d.tp + d.fp))


def rejection_difference(predicted: Floats) -> Floats:
    """DRR = TN_d/n'_d(0) - TN_a/n'_a(0)."""
    a, d = confusions_of(predicted)
    return minus(divide(d.tn, d.tn + d.fn), divide(a.tn, a.tn + a.fn))


def accuracy_difference(predicted: Floats) -> Floats:
    """AD = accuracy of facet a - accuracy of facet d."""
    a, d = confusions_of(predicted)
    return minus(divide(a.tp + a.tn, a.tp + a.tn + a.fp + a.fn), divide(d.tp + d.tn, d.tp + d.tn + d.fp + d.fn))


def specificity_difference(predicted: Floats) -> Floats:
    """SD = TN_d/(TN_d + FP_d) - TN_a/(TN_a + FP_a)."""
    a, d = confusions_of(predicted)
    return minus(divide(d.tn, d.tn + d.fp), divide(a.tn, a.tn + a.fp))


def treatment_equality(predicted: Floats) -> Floats:
    """TE = FN_d/FP_d - FN_a/FP_a."""
    a, d = confusions_of(predicted)
    return minus(divide(d.fn, d.fp), divide(a.fn, a.fp))


def disparity_in_predictions(predicted: Floats) -> Floats:
    """CDDPL = CDDL of the predictions."""
    return demographic_disparity(predicted_labels(predicted))


def generalized_entropy(predicted: Floats) -> Floats:
    """GE = mean of ((b / mean b)² - 1) / 2 over all rows, with the benefit b = prediction - label + 1.

    Alpha is 2, as in Clarify: half the squared coefficient of variation of the benefits. A false negative has benefit
    0, a right answer 1, a false positive 2. NaN where every row is a false negative.
    """
    a, d = confusions_of(predicted)
    right, double = a.tn + a.tp + d.tn + d.tp, a.fp + d.fp
    rows = right + double + a.fn + d.fn
    mean = divide(right + 2 * double, rows)
    return np.asarray((divide(right + 4 * double, rows * mean**2) - 1) / 2)


METRICS: Mapping[str, Callable[[Floats], Floats]] = {
    "DPPL": difference_in_predictions,
    "DI": disparate_impact,
    "DCA": conditional_acceptance,
    "DCR": conditional_rejection,
    "RD": recall_difference,
    "DAR": acceptance_difference,
    "DRR": rejection_difference,
    "AD": accuracy_difference,
    "SD": specificity_difference,
    "TE": treatment_equality,
    "CDDPL": disparity_in_predictions,
    "GE": generalized_entropy,
}
