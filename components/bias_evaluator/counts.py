"""Rows counted by group, facet, label and prediction: all that a bias metric needs. NumPy only.

    labelled   float64 [..., groups, facet, label]               facet: 0 = a, 1 = d
    predicted  float64 [..., groups, facet, label, prediction]   label and prediction: 0 = negative, 1 = positive

Leading axes are kept by every function here and by every metric: bootstrap samples go through as one array.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient: infinite where only the denominator is 0, NaN where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(numerator, denominator))


def minus(left: Floats, right: Floats) -> Floats:
    """The difference; NaN where both are infinite with one sign."""
    with np.errstate(invalid="ignore"):
        return np.asarray(left - right)


@dataclasses.dataclass(frozen=True)
class Labels:
    """Rows of each facet by a yes or no: the label, or in its place the prediction.

    Attributes:
      negative_a: rows of facet a with the negative answer; the others likewise.
    """

    negative_a: Floats
    positive_a: Floats
    negative_d: Floats
    positive_d: Floats

    @property
    def a(self) -> Floats:
        """Rows of facet a."""
        return self.negative_a + self.positive_a

    @property
    def d(self) -> Floats:
        """Rows of facet d."""
        return self.negative_d + self.positive_d

    @property
    def share_a(self) -> Floats:
        """Share of facet a with the positive answer."""
        return divide(self.positive_a, self.a)

    @property
    def share_d(self) -> Floats:
        """Share of facet d with the positive answer."""
        return divide(self.positive_d, self.d)


@dataclasses.dataclass(frozen=True)
class Confusion:
    """One facet's right and wrong answers.

    Attributes:
      tn: rows rightly predicted negative.
      fp: rows wrongly predicted positive.
      fn: rows wrongly predicted negative.
      tp: rows rightly predicted positive.
    """

    tn: Floats
    fp: Floats
    fn: Floats
    tp: Floats


def labels_of(labelled: Floats) -> Labels:
    """Both facets' labels, groups together; `labelled` [..., groups, facet, label]."""
    whole = labelled.sum(axis=-3)
    return Labels(whole[..., 0, 0], whole[..., 0, 1], whole[..., 1, 0], whole[..., 1, 1])


def confusions_of(predicted: Floats) -> tuple[Confusion, Confusion]:
    """Facet a's and facet d's, groups together; `predicted` [..., groups, facet, label, prediction]."""
    whole = predicted.sum(axis=-4)
    parts = [
        Confusion(of[..., 0, 0], of[..., 0, 1], of[..., 1, 0], of[..., 1, 1])
        for of in (whole[..., 0, :, :], whole[..., 1, :, :])
    ]
    return parts[0], parts[1]


def true_labels(predicted: Floats) -> Floats:
    """[..., groups, facet, label] of the labels."""
    return np.asarray(predicted.sum(axis=-1))


def predicted_labels(predicted: Floats) -> Floats:
    """[..., groups, facet, label] with the prediction in the label's place."""
    return np.asarray(predicted.sum(axis=-2))


def demographic_disparity(labelled: Floats) -> Floats:
    """Facet d's share of the rejected rows minus its share of the accepted ones, averaged over groups by their rows.

    A group without rejected (or accepted) rows has 0 for that share, as in smclarify 0.5; NaN where all groups together
    have none. Source: Clarify's CDDL; `labelled` [..., groups, facet, label].
    """
    by_label = labelled.sum(axis=-2)
    shares = np.nan_to_num(divide(labelled[..., 1, :], by_label))
    rows = by_label.sum(axis=-1)
    mean = divide((rows * (shares[..., 0] - shares[..., 1])).sum(axis=-1), rows.sum(axis=-1))
    one_sided = (by_label.sum(axis=-2) == 0).any(axis=-1)
    return np.where(one_sided, np.nan, mean)
