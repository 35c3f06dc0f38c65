"""The metrics a threshold can name, by kind of label, and which way each is better."""

import dataclasses
import difflib
from collections.abc import Iterable, Sequence

from models.tabular_text.features import LabelKind

_CLASSES = (LabelKind.BINARY, LabelKind.MULTICLASS)
_BINARY = (LabelKind.BINARY,)
_REGRESSION = (LabelKind.REGRESSION,)

EXAMPLE_COUNT = "example_count"


@dataclasses.dataclass(frozen=True)
class Metric:
    """One number per slice.

    Attributes:
      name: as thresholds and reports call it.
      kinds: the kinds of label it exists for.
      higher_is_better: None where neither way is better.
      meaning: in words, for reports.
    """

    name: str
    kinds: Sequence[LabelKind]
    higher_is_better: bool | None
    meaning: str


METRICS = (
    Metric(EXAMPLE_COUNT, tuple(LabelKind), None, "rows evaluated"),
    Metric("accuracy", _CLASSES, True, "share of rows whose most probable class is the right one"),
    Metric("majority_share", _CLASSES, None, "share of the most frequent class: the accuracy of always saying it"),
    Metric("skill", _CLASSES, True, "share of the way from majority_share to perfect accuracy; 0 = constant answer"),
    Metric("macro_f1", _CLASSES, True, "F1 averaged over the classes present, each counting the same"),
    Metric("cross_entropy", _CLASSES, False, "mean of -ln(probability given to the right class)"),
    Metric("auc", _BINARY, True, "chance that a positive row scores above a negative one; 0.5 = constant answer"),
    Metric("auc_precision_recall", _BINARY, True, "area under the precision-recall curve"),
    Metric("precision", _BINARY, True, "share of rows called positive that are"),
    Metric("recall", _BINARY, True, "share of positive rows called positive"),
    Metric("f1", _BINARY, True, "harmonic mean of precision and recall"),
    Metric("calibration", _BINARY, None, "mean score over share of positives; 1 = calibrated"),
    Metric("mean_squared_error", _REGRESSION, False, "mean squared difference, in the label's unit squared"),
    Metric("root_mean_squared_error", _REGRESSION, False, "its square root, in the label's unit"),
    Metric("mean_absolute_error", _REGRESSION, False, "mean absolute difference, in the label's unit"),
    Metric("r2", _REGRESSION, True, "share of the label's variance explained; 0 = always the mean"),
    Metric("mean_label", _REGRESSION, None, "mean of the label"),
    Metric("mean_prediction", _REGRESSION, None, "mean of the predictions"),
)

METRIC_NAMES = tuple(metric.name for metric in METRICS)


def metrics_of(kind: LabelKind) -> dict[str, Metric]:
    """The metrics that exist for a kind of label, by name."""
    return {metric.name: metric for metric in METRICS if kind in metric.kinds}


def direction_of(name: str) -> bool | None:
    """True if higher is better, False if lower is, None if neither."""
    return next(metric.higher_is_better for metric in METRICS if metric.name == name)


def unknown_metrics(names: Iterable[str]) -> list[str]:
    """One sentence for each name that is no metric, with the nearest that is."""
    return [f"{name!r} is not a metric.{nearest(name, METRIC_NAMES)}" for name in names if name not in METRIC_NAMES]


def nearest(name: str, known: Sequence[str]) -> str:
    """A sentence that names the nearest known name, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else f" There are {', '.join(known)}."
