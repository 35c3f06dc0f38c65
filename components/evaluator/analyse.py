"""The analysis of a model's answers, row by row: intervals, harm, confusion matrix, calibration. NumPy only."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.evaluator.analysis import Analysis, Harm, Interval, SliceAnalysis, harm_of
from components.evaluator.calibration import calibration_of, confusion_of
from components.evaluator.decision import SliceKey, slice_name
from components.evaluator.intervals import CONFIDENCE, Bootstrap, Weights, wilson
from components.evaluator.metric_names import EXAMPLE_COUNT, direction_of
from components.evaluator.weighted_metrics import ClassRows, NumberRows
from models.tabular_text.features import LabelKind

Rows = ClassRows | NumberRows
Ints = npt.NDArray[np.int64]

_WILSON = "Wilson's score interval"
_SHARES = ("accuracy", "majority_share", "precision", "recall")
_HARM_METRICS = {
    LabelKind.BINARY: "accuracy",
    LabelKind.MULTICLASS: "accuracy",
    LabelKind.REGRESSION: "mean_absolute_error",
}


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What was evaluated.

    Attributes:
      label: the column that is predicted.
      kind: of the label.
      classes: their names, in the order of the scores; empty for a regression.
      split: the split, or several joined by commas.
      rows: the candidate's answers.
      baseline: the last blessed model's answers to the same rows, None without such a model.
      slices: the rows of each slice, int64 [its rows].
    """

    label: str
    kind: LabelKind
    classes: tuple[str, ...]
    split: str
    rows: Rows
    baseline: Rows | None
    slices: Mapping[SliceKey, Ints]


def analyse(evaluated: Evaluated, metrics: Collection[str], bootstrap: Bootstrap | None = None) -> Analysis:
    """The analysis of these metrics; the slices with the greatest harm first."""
    bootstrap = bootstrap or Bootstrap()
    harm_metric = _HARM_METRICS[evaluated.kind]
    wanted = [name for name in (*metrics, harm_metric) if name != EXAMPLE_COUNT]
    overall = _analyse_slice((), None, evaluated, wanted, bootstrap)
    slices = [
        _with_harm(_analyse_slice(key, rows, evaluated, wanted, bootstrap), overall, harm_metric)
        for key, rows in evaluated.slices.items()
    ]
    rows = evaluated.rows
    return Analysis(
        label=evaluated.label,
        label_kind=str(evaluated.kind),
        split=evaluated.split,
        confidence=CONFIDENCE,
        methods={name: _method(name, len(rows), bootstrap) for name in dict.fromkeys(wanted)},
        interval_rows=min(len(rows), bootstrap.max_rows),
        replicates=bootstrap.replicates,
        seed=bootstrap.seed,
        harm_metric=harm_metric,
        overall=overall,
        slices=tuple(sorted(slices, key=_by_harm)),
        confusion=confusion_of(rows, evaluated.classes) if isinstance(rows, ClassRows) else None,
        calibration=calibration_of(rows),
    )


def _analyse_slice(
    key: SliceKey, rows: Ints | None, evaluated: Evaluated, metrics: Sequence[str], bootstrap: Bootstrap
) -> SliceAnalysis:
    of_slice = evaluated.rows.taken(rows)
    baseline = None if evaluated.baseline is None else evaluated.baseline.taken(rows)

    def measure(chosen: Ints | None, weights: Weights) -> dict[str, npt.NDArray[np.float64]]:
        values = of_slice.taken(chosen).values(weights)
        measured = {name: values[name] for name in metrics if name in values}
        if baseline is not None:
            before = baseline.taken(chosen).values(weights)
            with np.errstate(invalid="ignore"):  # infinite in both, such as calibration without positives
                measured |= {f"{name} change": values[name] - before[name] for name in measured if name in before}
        return measured

    intervals = bootstrap.intervals(len(of_slice), measure)
    exact = _shares(of_slice) if isinstance(of_slice, ClassRows) else {}
    return SliceAnalysis(
        slice=dict(key),
        rows=len(of_slice),
        metrics={name: exact.get(name, intervals[name]) for name in metrics if name in intervals},
        changes={name: intervals[f"{name} change"] for name in metrics if f"{name} change" in intervals},
    )


def _shares(rows: ClassRows) -> dict[str, Interval]:
    """The metrics that are shares of rows."""
    most = max(np.bincount(rows.labels[rows.labels >= 0]), default=0)
    shares = {"accuracy": (rows.right.sum(), len(rows)), "majority_share": (most, len(rows))}
    if rows.n_classes == 2:
        called = rows.scores[:, 1] > 0.5
        hits = (called & (rows.labels == 1)).sum()
        shares |= {"precision": (hits, called.sum()), "recall": (hits, (rows.labels == 1).sum())}
    return {name: wilson(float(successes), float(of)) for name, (successes, of) in shares.items()}


def _method(metric: str, rows: int, bootstrap: Bootstrap) -> str:
    if metric in _SHARES:
        return _WILSON
    sampled = f" of {bootstrap.max_rows:,} of them, narrowed to all" if rows > bootstrap.max_rows else ""
    return f"percentiles of {bootstrap.replicates} bootstrap samples of the rows{sampled}"


def _with_harm(item: SliceAnalysis, overall: SliceAnalysis, metric: str) -> SliceAnalysis:
    whole = overall.metrics.get(metric, Interval(None)).value
    harm: Harm | None = None
    if whole is not None and metric in item.metrics:
        harm = harm_of(metric, item.metrics[metric], whole, item.rows, higher_is_better=bool(direction_of(metric)))
    return dataclasses.replace(item, harm=harm)


def _by_harm(item: SliceAnalysis) -> tuple[float, str]:
    return (-item.harm.amount if item.harm else float("inf"), slice_name(tuple(item.slice.items())))
