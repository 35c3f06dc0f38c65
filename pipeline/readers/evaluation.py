"""How good the model is and whether it was blessed: the Evaluator's decision.json, with its analysis.json where it is.

Runs of before the analysis have metrics without intervals, and neither confusion matrix nor calibration.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.evaluator.analysis import (
    ANALYSIS_FILE,
    Analysis,
    Calibration,
    Confusion,
    Harm,
    Interval,
    SliceAnalysis,
    harm_of,
)
from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

DECISION_FILE = "decision.json"

_HARM_METRICS = {"accuracy": True, "mean_absolute_error": False}


@dataclasses.dataclass(frozen=True)
class Check:
    """One bound on one slice, and whether it held.

    Attributes:
      slice: in words.
      kind: `lower`, `upper`, `change` or `relative_change`.
      value, baseline_value: what was measured, None if it could not be.
      passed: None = not checked, because there was no blessed model.
    """

    metric: str
    slice: str
    kind: str
    threshold: float
    value: float | None
    baseline_value: float | None
    passed: bool | None
    examples: int


@dataclasses.dataclass(frozen=True)
class SliceMetrics:
    """One slice.

    Attributes:
      slice: column and value of each part.
      rows: its rows.
      too_small: True if it was too small to decide anything.
      metrics: with their intervals, where they are known.
      changes: each metric less the last blessed model's, on the same rows.
      harm: None where it cannot be measured.
    """

    slice: Mapping[str, str]
    rows: int
    too_small: bool
    metrics: Mapping[str, Interval]
    changes: Mapping[str, Interval]
    harm: Harm | None

    @property
    def name(self) -> str:
        """The slice in words."""
        return " and ".join(f"{column} = {value}" for column, value in self.slice.items())


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One evaluation.

    Attributes:
      blessed: the verdict, with its reasons, one sentence each.
      checks: every bound on every slice.
      rows: all rows that were evaluated.
      metrics: on all rows.
      changes: against the last blessed model, on all rows.
      slices: those with the greatest harm first.
      baseline_model: URI of the last blessed model, None if there was none to compare with.
      analysis: the whole analysis, None where there is none.
      analysis_missing: why there is none.
    """

    blessed: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    rows: int
    metrics: Mapping[str, Interval]
    changes: Mapping[str, Interval]
    slices: tuple[SliceMetrics, ...]
    baseline_model: str | None
    analysis: Analysis | None
    analysis_missing: str = ""

    @property
    def confusion(self) -> Confusion | None:
        """True class by predicted class, None for a regression or without analysis."""
        return self.analysis.confusion if self.analysis else None

    @property
    def calibration(self) -> Calibration | None:
        """Whether predictions come true, None without analysis."""
        return self.analysis.calibration if self.analysis else None


def read_evaluation(blessing: Path, evaluation: Path | None = None) -> Evaluation:
    """The decision in a ModelBlessing artifact, with the analysis in a ModelEvaluation artifact.

    Raises:
      NotFound: the decision is not there, or one of the two is damaged.
    """
    path = blessing / DECISION_FILE
    decision = read_object(path)
    analysis, why = _analysis(evaluation)
    try:
        return _evaluation(decision, analysis, why)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotFound(f"{path}: not a decision of the Evaluator ({error!r}).") from error


def read_analysis(evaluation: Path) -> Analysis:
    """The analysis in a ModelEvaluation artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = evaluation / ANALYSIS_FILE
    data = read_object(path)
    try:
        return Analysis.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotFound(f"{path}: not an analysis that this version reads ({error}).") from error


def _analysis(evaluation: Path | None) -> tuple[Analysis | None, str]:
    if evaluation is None:
        return None, "The evaluation artifact is not there."
    if not (evaluation / ANALYSIS_FILE).exists():
        return None, f"The Evaluator of this run wrote no {ANALYSIS_FILE}: it is of an older version."
    return read_analysis(evaluation), ""


def _evaluation(decision: Mapping[str, Any], analysis: Analysis | None, why: str) -> Evaluation:
    metrics = {name: Interval(value) for name, value in decision["metrics"].items()}
    rows = int(decision["metrics"].get("example_count") or 0)
    slices = [_slice(item, metrics, analysis) for item in decision["slices"]]
    return Evaluation(
        blessed=decision["blessed"],
        reasons=tuple(decision["reasons"]),
        checks=tuple(Check(**item) for item in decision["checks"]),
        rows=rows,
        metrics=_merged(metrics, analysis.overall if analysis else None),
        changes=analysis.overall.changes if analysis else {},
        slices=tuple(sorted(slices, key=_by_harm)),
        baseline_model=decision["baseline_model"],
        analysis=analysis,
        analysis_missing=why,
    )


def _slice(item: Mapping[str, Any], overall: Mapping[str, Interval], analysis: Analysis | None) -> SliceMetrics:
    metrics = {name: Interval(value) for name, value in item["metrics"].items()}
    rows = int(item["examples"])
    analysed = _of_slice(item["slice"], analysis.slices if analysis else ())
    return SliceMetrics(
        slice=item["slice"],
        rows=rows,
        too_small=item["too_small"],
        metrics=_merged(metrics, analysed),
        changes=analysed.changes if analysed else {},
        harm=analysed.harm if analysed else _harm(metrics, overall, rows),
    )


def _merged(metrics: Mapping[str, Interval], analysed: SliceAnalysis | None) -> dict[str, Interval]:
    """The decision's values, because they are what was decided on, with the analysis's bounds."""
    bounds = analysed.metrics if analysed else {}
    return {
        name: dataclasses.replace(bounds[name], value=interval.value) if name in bounds else interval
        for name, interval in metrics.items()
    }


def _of_slice(key: Mapping[str, str], slices: Sequence[SliceAnalysis]) -> SliceAnalysis | None:
    return next((item for item in slices if dict(item.slice) == dict(key)), None)


def _harm(metrics: Mapping[str, Interval], overall: Mapping[str, Interval], rows: int) -> Harm | None:
    """The harm of a slice from plain metrics; nothing is certain about it, because there is no interval."""
    for metric, higher_is_better in _HARM_METRICS.items():
        whole = overall.get(metric, Interval(None)).value
        if metric in metrics and whole is not None:
            return harm_of(metric, metrics[metric], whole, rows, higher_is_better=higher_is_better)
    return None


def _by_harm(item: SliceMetrics) -> tuple[float, str]:
    return (-item.harm.amount if item.harm else float("inf"), item.name)
