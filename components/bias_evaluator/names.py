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
