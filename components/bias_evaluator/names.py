"""The metrics by name, with SageMaker Clarify's titles. Pure data."""

from collections.abc import Mapping
from typing import Literal

Stage = Literal["pre_training", "post_training"]

#: Of the labels, measured on the training rows.
PRE_TRAINING: Mapping[str, str] = {
    "CI": "Class Imbalance",
    "DPL": "Difference in Proportions of Labels",
    "KL": "Kullback-Leibler Divergence",
    "JS": "Jensen-Shannon Divergence",
    "LP": "Lp-norm",
    "TVD": "Total Variation Distance",
    "KS": "Kolmogorov-Smirnov",
    "CDDL": "Conditional Demographic Disparity in Labels",
}

#: Of the predictions, measured on the evaluated rows.
POST_TRAINING: Mapping[str, str] = {
    "DPPL": "Difference in Positive Proportions in Predicted Labels",
    "DI": "Disparate Impact",
    "DCA": "Difference in Conditional Acceptance",
    "DCR": "Difference in Conditional Rejection",
    "RD": "Recall Difference",
    "DAR": "Difference in Acceptance Rates",
    "DRR": "Difference in Rejection Rates",
    "AD": "Accuracy Difference",
    "SD": "Specificity Difference",
    "TE": "Treatment Equality",
    "CDDPL": "Conditional Demographic Disparity in Predicted Labels",
    "GE": "Generalized Entropy",
}

#: Need the column `group`.
CONDITIONAL = ("CDDL", "CDDPL")


def stage_of(metric: str) -> Stage:
    """When it is measured."""
    return "pre_training" if metric in PRE_TRAINING else "post_training"


def title_of(metric: str) -> str:
    """What it is called in full."""
    return {**PRE_TRAINING, **POST_TRAINING}[metric]


#: What a value says, for people: of the differences what it means that they are above 0.
MEANINGS: Mapping[str, str] = {
    "CI": "above 0: the facet has fewer rows than the rest",
    "DPL": "above 0: fewer of the facet's labels are positive",
    "KL": "distance of the label distributions, 0 = equal",
    "JS": "distance of the label distributions, 0 = equal, at most 0.693",
    "LP": "distance of the label distributions, 0 = equal, at most 1.414",
    "TVD": "distance of the label distributions, 0 = equal, at most 1",
    "KS": "distance of the label distributions, 0 = equal, at most 1",
    "CDDL": "above 0: within groups, the facet has more of the negative labels than of the positive ones",
    "DPPL": "above 0: the model gives the facet fewer positive answers",
    "DI": "below 1: the model gives the facet fewer positive answers, as a ratio",
    "DCA": "below 0: positive labels per positive answer are more in the facet, so it is given too few",
    "DCR": "below 0: negative labels per negative answer are fewer in the facet, so it is given too many",
    "RD": "above 0: of the positive rows, the model finds fewer in the facet",
    "DAR": "above 0: of the positive answers, fewer are right in the facet",
    "DRR": "below 0: of the negative answers, fewer are right in the facet",
    "AD": "above 0: the model is right less often in the facet",
    "SD": "below 0: of the negative rows, the model finds fewer in the facet",
    "TE": "above 0: more misses per false alarm in the facet",
    "CDDPL": "above 0: within groups, the facet has more of the negative answers than of the positive ones",
    "GE": "inequality of benefits over all rows, 0 = every row is treated as it deserves",
}
