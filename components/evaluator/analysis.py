"""What the Evaluator says beyond its metrics, in `analysis.json` of the evaluation artifact. No TensorFlow.

Harm is how much worse the model is on a slice than on all rows, times the rows of the slice. It is counted in the
harm metric: with accuracy it is the number of wrong answers that would not be there if the slice were answered as well
as all rows are; with mean_absolute_error the absolute error too much, in the label's unit, summed over the slice.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

#: Goes up when a reader of the older document would misunderstand the new one.
FORMAT = 1

#: In the evaluation artifact.
ANALYSIS_FILE = "analysis.json"


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number and the interval in which it is known to lie; None where it cannot be said."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def excludes(self, value: float) -> bool:
        """True if the interval is known and the value lies outside."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


@dataclasses.dataclass(frozen=True)
class Harm:
    """How much a slice suffers.

    Attributes:
      metric: what it is counted in.
      deficit: how much worse the metric is than on all rows; negative where the slice is better off.
      amount: deficit times rows.
      is_certain: True if the value on all rows is outside the slice's interval.
    """

    metric: str
    deficit: float
    amount: float
    is_certain: bool


@dataclasses.dataclass(frozen=True)
class SliceAnalysis:
    """One slice, or all rows.

    Attributes:
      slice: column and value of each part; empty = all rows.
      rows: its rows.
      metrics: with their intervals.
      changes: each metric less the last blessed model's on the same rows; empty without such a model.
      harm: None for all rows, and where the harm metric cannot be measured.
    """

    slice: Mapping[str, str]
    rows: int
    metrics: Mapping[str, Interval]
    changes: Mapping[str, Interval]
    harm: Harm | None = None


@dataclasses.dataclass(frozen=True)
class Confusion:
    """True class by predicted class.

    Attributes:
      classes: their names.
      counts: rows, [true class][predicted class].
      unknown: rows whose label the model does not know, by predicted class.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    unknown: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class CalibrationBin:
    """The rows whose prediction lies between two bounds.

    Attributes:
      low, high: the bounds of the prediction.
      rows: how many.
      predicted: mean prediction.
      observed: mean of what came true, with its interval.
    """

    low: float
    high: float
    rows: int
    predicted: float
    observed: Interval


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Whether predictions come true as often, or as much, as they say.

    Attributes:
      kind: `positive_score` (binary: score and share of positives), `top_label` (multiclass: probability of the
        answer and share of right answers) or `prediction` (regression: prediction and label).
      bins: by prediction, those without rows left out.
      error: mean distance of predicted and observed, weighted by rows (expected calibration error).
    """

    kind: str
    bins: tuple[CalibrationBin, ...]
    error: float | None


@dataclasses.dataclass(frozen=True)
class Analysis:
    """The document.

    Attributes:
      label: the column that is predicted.
      label_kind: binary, multiclass or regression.
      split: what was evaluated.
      confidence: of all intervals, such as 0.95.
      methods: metric → how its interval was made, in words.
      interval_rows: rows that bootstrap intervals are from; fewer than all where there are very many.
      replicates: of the bootstrap.
      seed: of the bootstrap.
      harm_metric: what harm is counted in.
      overall: all rows.
      slices: those with the greatest harm first.
      confusion: None for a regression.
      calibration: None if there are no rows.
    """

    label: str
    label_kind: str
    split: str
    confidence: float
    methods: Mapping[str, str]
    interval_rows: int
    replicates: int
    seed: int
    harm_metric: str
    overall: SliceAnalysis
    slices: tuple[SliceAnalysis, ...]
    confusion: Confusion | None = None
    calibration: Calibration | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers, with the number of the format."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Analysis":
        """The inverse of `to_json`, also after JSON turned tuples into lists.

        Raises:
          ValueError: the document is of another format.
          KeyError, TypeError: it is no such document.
        """
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r}, this version reads format {FORMAT}")
        rest = {name: value for name, value in data.items() if name != "format"}
        confusion, calibration = data["confusion"], data["calibration"]
        parts = {
            "overall": _slice(data["overall"]),
            "slices": tuple(map(_slice, data["slices"])),
            "confusion": None if confusion is None else _confusion(confusion),
            "calibration": None if calibration is None else _calibration(calibration),
        }
        return cls(**{**rest, **parts})


def _slice(data: Mapping[str, Any]) -> SliceAnalysis:
    intervals = {
        name: {metric: Interval(**item) for metric, item in data[name].items()} for name in ("metrics", "changes")
    }
    harm = None if data["harm"] is None else Harm(**data["harm"])
    return SliceAnalysis(slice=data["slice"], rows=data["rows"], **intervals, harm=harm)


def _confusion(data: Mapping[str, Any]) -> Confusion:
    return Confusion(tuple(data["classes"]), tuple(map(tuple, data["counts"])), tuple(data["unknown"]))


def _calibration(data: Mapping[str, Any]) -> Calibration:
    bins = tuple(CalibrationBin(**{**item, "observed": Interval(**item["observed"])}) for item in data["bins"])
    return Calibration(data["kind"], bins, data["error"])


def harm_of(metric: str, interval: Interval, overall: float, rows: int, *, higher_is_better: bool) -> Harm | None:
    """The harm of a slice; None if the metric could not be measured on it.

    Args:
      metric: its name.
      interval: the slice's.
      overall: the value on all rows.
      rows: of the slice.
      higher_is_better: which way the metric goes.
    """
    if interval.value is None:
        return None
    deficit = overall - interval.value if higher_is_better else interval.value - overall
    return Harm(metric, deficit, deficit * rows, interval.excludes(overall))
