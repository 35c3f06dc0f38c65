"""What is measured and what a model must reach to be blessed. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from components.evaluator.metric_names import direction_of, unknown_metrics
from models.tabular_text.features import LabelKind

#: As the slice of a threshold: every slice that is evaluated.
EVERY_SLICE = "*"

Direction = Literal["higher_is_better", "lower_is_better"]


def _raise_all(problems: list[str]) -> None:
    if problems:
        raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Bounds for a metric's value.

    Attributes:
      metric: a name of `METRICS`.
      lower: smallest value that passes.
      upper: largest value that passes.
      slice: None = all rows together; a column (or several, crossed) = each of its slices; `*` = every slice.
    """

    metric: str
    lower: float | None = None
    upper: float | None = None
    slice: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        problems = unknown_metrics([self.metric])
        if self.lower is None and self.upper is None:
            problems.append(f"threshold on {self.metric}: give lower, upper or both.")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            problems.append(f"threshold on {self.metric}: lower {self.lower} is above upper {self.upper}.")
        _raise_all(problems)


@dataclasses.dataclass(frozen=True)
class ChangeThreshold:
    """Bounds for a metric's change against the last blessed model, both evaluated on the same rows.

    The change is value - baseline. Where higher is better it must be at least `absolute`, where lower is better at
    most: `accuracy: absolute -0.01` lets accuracy fall by one point, `mean_squared_error: relative 0.05` lets the
    error grow by 5 %.

    Attributes:
      metric: a name of `METRICS`.
      absolute: bound for the change.
      relative: bound for the change divided by the baseline.
      direction: None = the metric's own.
      slice: as in `Threshold`.
    """

    metric: str
    absolute: float | None = None
    relative: float | None = None
    direction: Direction | None = None
    slice: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        problems = unknown_metrics([self.metric])
        if self.absolute is None and self.relative is None:
            problems.append(f"change threshold on {self.metric}: give absolute, relative or both.")
        if self.direction not in (None, "higher_is_better", "lower_is_better"):
            problems.append(
                f"change threshold on {self.metric}: direction {self.direction!r} is not higher_is_better "
                "or lower_is_better."
            )
        elif not problems and self.direction is None and direction_of(self.metric) is None:
            problems.append(f"change threshold on {self.metric}: neither way is better by itself; give a direction.")
        _raise_all(problems)

    @property
    def higher_is_better(self) -> bool:
        """Which way the bound works."""
        if self.direction is None:
            return bool(direction_of(self.metric))
        return self.direction == "higher_is_better"


#: Better than a constant answer, with a margin that noise alone seldom reaches. Accuracy says little for rare
#: positives, so binary models are held to AUC. These catch a model that learnt nothing; what is good enough is for
#: the user to say.
DEFAULT_THRESHOLDS: Mapping[LabelKind, tuple[Threshold, ...]] = {
    LabelKind.MULTICLASS: (Threshold("skill", lower=0.01),),
    LabelKind.BINARY: (Threshold("auc", lower=0.55),),
    LabelKind.REGRESSION: (Threshold("r2", lower=0.01),),
}

#: Not clearly worse than the last blessed model: a point of accuracy or AUC, 5 % of the error.
DEFAULT_CHANGE_THRESHOLDS: Mapping[LabelKind, tuple[ChangeThreshold, ...]] = {
    LabelKind.MULTICLASS: (ChangeThreshold("accuracy", absolute=-0.01),),
    LabelKind.BINARY: (ChangeThreshold("auc", absolute=-0.01),),
    LabelKind.REGRESSION: (ChangeThreshold("root_mean_squared_error", relative=0.05),),
}


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """What the Evaluator measures and demands.

    Attributes:
      metrics: names of `METRICS`; None = all that exist for the kind of label. Those that thresholds name are added.
      thresholds: None = `DEFAULT_THRESHOLDS`; empty = none, and then no model is blessed.
      change_thresholds: None = `DEFAULT_CHANGE_THRESHOLDS`; not checked while there is no blessed model.
      slices: columns to slice by, each item one column or several crossed; `auto` = every categorical feature of at
        most `max_slice_cardinality` values.
      max_slice_cardinality: see `slices`.
      min_examples_per_slice: a slice of fewer rows is reported but decides nothing; if all rows together are fewer,
        no model is blessed.
    """

    metrics: tuple[str, ...] | None = None
    thresholds: tuple[Threshold, ...] | None = None
    change_thresholds: tuple[ChangeThreshold, ...] | None = None
    slices: Literal["auto"] | tuple[str | tuple[str, ...], ...] = "auto"
    max_slice_cardinality: int = 20
    min_examples_per_slice: int = 50

    def __post_init__(self) -> None:
        problems = unknown_metrics(self.metrics or ())
        for name in ("max_slice_cardinality", "min_examples_per_slice"):
            if getattr(self, name) < 1:
                problems.append(f"{name}: {getattr(self, name)} is below 1.")
        _raise_all(problems)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "EvaluationSettings":
        """The inverse of `to_json`, also after JSON turned tuples into lists."""
        return cls(**from_lists(data))


def from_lists(data: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments from JSON: lists as tuples, and thresholds as what they are."""
    parts = {name: _tuples(value) for name, value in data.items()}
    for name, part in (("thresholds", Threshold), ("change_thresholds", ChangeThreshold)):
        if parts.get(name) is not None:
            parts[name] = tuple(part(**from_lists(item)) for item in parts[name])
    return parts


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
