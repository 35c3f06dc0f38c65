"""Whose bias is measured, and what a model may show of it. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from components.bias_evaluator.names import CONDITIONAL, POST_TRAINING, PRE_TRAINING, Stage, stage_of
from components.evaluator.metric_names import nearest
from components.gate.verdict import Severity
from components.gate.waiver import Waiver
from models.tabular_text.features import DType, FeatureSpec, Label, LabelKind

Value = str | int | float | bool

_NAMES = (*PRE_TRAINING, *POST_TRAINING)


def _metric_problems(metric: str) -> list[str]:
    return [] if metric in _NAMES else [f"{metric!r} is not a bias metric.{nearest(metric, _NAMES)}"]


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _raise_all(problems: list[str]) -> None:
    if problems:
        raise ValueError("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class Facet:
    """Which rows are facet d (the group that may be disadvantaged); all others with a value are facet a.

    Attributes:
      column: a column of the data, whether or not the model uses it.
      values: facet d is the rows with one of these; with neither `values` nor `above`, each value in turn.
      above: facet d is the rows with a greater number.
    """

    column: str
    values: tuple[Value, ...] = ()
    above: float | None = None

    def __post_init__(self) -> None:
        problems = [] if self.column else ["facet: column is empty; name a column of the data."]
        if self.values and self.above is not None:
            problems.append(f"facet {self.column}: give values or above, not both.")
        _raise_all(problems)

    @property
    def name(self) -> str:
        """Such as `product_category=Gift Card` or `age>40`; the column alone for each value in turn."""
        if self.above is not None:
            return f"{self.column}>{self.above:g}"
        return f"{self.column}={'|'.join(map(_text, self.values))}" if self.values else self.column


@dataclasses.dataclass(frozen=True)
class BiasThreshold:
    """Bounds for a metric's value.

    Attributes:
      metric: one of Clarify's abbreviations.
      lower: smallest value that passes.
      upper: largest value that passes.
      column: only facets of this column; not set: all.
      severity: `error` refuses the model, `warning` is told; not set: `error` for a metric of the predictions,
        `warning` for one of the labels, which the model cannot help.
    """

    metric: str
    lower: float | None = None
    upper: float | None = None
    column: str | None = None
    severity: Severity | None = None

    def __post_init__(self) -> None:
        problems = _metric_problems(self.metric)
        if self.lower is None and self.upper is None:
            problems.append(f"threshold on {self.metric}: give lower, upper or both.")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            problems.append(f"threshold on {self.metric}: lower {self.lower:g} is above upper {self.upper:g}.")
        _raise_all(problems)


@dataclasses.dataclass(frozen=True)
class BiasChangeThreshold:
    """How far a metric may have moved since the last approved model, either way.

    Attributes:
      metric: one of Clarify's abbreviations.
      absolute: largest |value - value then| that passes.
      column: only facets of this column; not set: all.
      severity: as in `BiasThreshold`.
    """

    metric: str
    absolute: float
    column: str | None = None
    severity: Severity | None = None

    def __post_init__(self) -> None:
        problems = _metric_problems(self.metric)
        if not self.absolute >= 0:
            problems.append(f"change threshold on {self.metric}: absolute {self.absolute:g} is below 0.")
        _raise_all(problems)


def severity_of(threshold: BiasThreshold | BiasChangeThreshold) -> Severity:
    """What a failure does."""
    if threshold.severity is not None:
        return threshold.severity
    return "warning" if stage_of(threshold.metric) == "pre_training" else "error"


#: DI is the four-fifths rule of the Uniform Guidelines on Employee Selection Procedures (29 CFR 1607.4 D), both ways.
#: AD and RD ask that the model be as right, and find as many of the positive rows, in one group as in the other; a
#: tenth is far beyond what chance does to a few hundred rows. DPL tells that the labels differ by a fifth.
DEFAULT_THRESHOLDS = (
    BiasThreshold("DPL", -0.2, 0.2),
    BiasThreshold("DI", 0.8, 1.25),
    BiasThreshold("AD", -0.1, 0.1),
    BiasThreshold("RD", -0.1, 0.1),
)

#: A tenth again: what no two samples of a few hundred rows differ by, unless the data or the model changed.
DEFAULT_CHANGE_THRESHOLDS = (
    BiasChangeThreshold("DPL", 0.1),
    BiasChangeThreshold("DPPL", 0.1),
    BiasChangeThreshold("AD", 0.1),
    BiasChangeThreshold("RD", 0.1),
)


@dataclasses.dataclass(frozen=True)
class BiasSettings:
    """The BiasEvaluator; without facets the pipeline has no such node.

    Attributes:
      facets: the groups whose bias is measured.
      positive_values: labels that count as positive; not set: the second class of a binary label.
      positive_above: of a regression: greater labels count as positive.
      group: the column that CDDL and CDDPL condition on; not set: these two are not measured.
      min_rows: a facet with fewer rows, or a metric that divides by fewer, is not decided.
      max_values: of a facet without `values` or `above`: at most so many values, those with most rows.
      thresholds: not set = `DEFAULT_THRESHOLDS`.
      change_thresholds: not set = `DEFAULT_CHANGE_THRESHOLDS`; not checked while there is no approved model.
      confidence: of the intervals; a value beyond its threshold fails only if the interval is, too.
      replicates: bootstrap samples.
      waivers: leave to go on in spite of single findings.
    """

    facets: tuple[Facet, ...] = ()
    positive_values: tuple[Value, ...] = ()
    positive_above: float | None = None
    group: str | None = None
    min_rows: int = 50
    max_values: int = 20
    thresholds: tuple[BiasThreshold, ...] | None = None
    change_thresholds: tuple[BiasChangeThreshold, ...] | None = None
    confidence: float = 0.95
    replicates: int = 1000
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        _raise_all(list(self._problems()))

    @property
    def enabled(self) -> bool:
        """True if there is anything to measure."""
        return bool(self.facets)

    @property
    def used_columns(self) -> tuple[str, ...]:
        """The columns that it reads besides the label."""
        named = [facet.column for facet in self.facets] + ([self.group] if self.group else [])
        return tuple(dict.fromkeys(named))

    @property
    def value_thresholds(self) -> tuple[BiasThreshold, ...]:
        """What is demanded of values."""
        return DEFAULT_THRESHOLDS if self.thresholds is None else self.thresholds

    @property
    def drift_thresholds(self) -> tuple[BiasChangeThreshold, ...]:
        """What is demanded of changes."""
        return DEFAULT_CHANGE_THRESHOLDS if self.change_thresholds is None else self.change_thresholds

    def metrics(self, stage: Stage) -> tuple[str, ...]:
        """The metrics that are measured."""
        known = PRE_TRAINING if stage == "pre_training" else POST_TRAINING
        return tuple(name for name in known if self.group or name not in CONDITIONAL)

    def _problems(self) -> Iterator[str]:
        names = [facet.name for facet in self.facets]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"facet {name} is there more than once; keep one."
        if self.positive_values and self.positive_above is not None:
            yield "positive_values and positive_above: give one of them."
        limits = {"min_rows": (1, 10**9), "max_values": (1, 1000), "replicates": (100, 100_000)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                yield f"{name} is {getattr(self, name)}, expected {least} to {most}."
        if not 0.5 <= self.confidence < 1:
            yield f"confidence is {self.confidence:g}, expected 0.5 or more and less than 1."
        columns = {facet.column for facet in self.facets}
        bounds: list[BiasThreshold | BiasChangeThreshold] = [*(self.thresholds or ()), *(self.change_thresholds or ())]
        for threshold in bounds:
            if threshold.metric in CONDITIONAL and self.group is None:
                yield f"threshold on {threshold.metric}: it needs group, the column to condition on."
            if threshold.column is not None and threshold.column not in columns:
                yield f"threshold on {threshold.metric}: column {threshold.column!r} is of no facet."

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and booleans."""
        return {**dataclasses.asdict(self), "waivers": [waiver.to_json() for waiver in self.waivers]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "BiasSettings":
        """The inverse of `to_json`, also after JSON turned tuples into lists."""
        parts = dict(data)
        kinds: dict[str, Any] = {"thresholds": BiasThreshold, "change_thresholds": BiasChangeThreshold}
        for name, kind in kinds.items():
            if parts.get(name) is not None:
                parts[name] = tuple(kind(**item) for item in parts[name])
        parts["facets"] = tuple(Facet(**{**item, "values": tuple(item["values"])}) for item in parts["facets"])
        parts["waivers"] = tuple(map(Waiver.from_json, parts["waivers"]))
        return cls(**{**parts, "positive_values": tuple(parts["positive_values"])})


def problems_of(settings: BiasSettings, features: FeatureSpec) -> list[str]:
    """What the settings ask of label and columns that these cannot answer, one sentence each; none without facets."""
    if not settings.enabled:
        return []
    dtypes = {item.name: item.dtype for item in features.features}
    problems = list(_label_problems(settings, features.label))
    for column in settings.used_columns:
        if column == features.label.name:
            problems.append(f"bias: {column!r} is the label itself, which is no group of rows.")
        elif column not in dtypes:
            problems.append(f"bias: there is no column {column!r}.{nearest(column, tuple(dtypes))}")
    problems += [
        f"bias.facets: {facet.name}: the column holds text; list values in place of above."
        for facet in settings.facets
        if facet.above is not None and dtypes.get(facet.column) is DType.STRING
    ]
    return problems


def _label_problems(settings: BiasSettings, label: Label) -> Iterator[str]:
    is_number = label.kind is LabelKind.REGRESSION
    known = f"the label {label.name!r} is {label.kind}"
    if is_number and settings.positive_above is None:
        yield f"bias.positive_above is not set, and {known}: say above which number a label counts as positive."
    if is_number and settings.positive_values:
        yield f"bias.positive_values is set, and {known}: use bias.positive_above."
    if not is_number and settings.positive_above is not None:
        yield f"bias.positive_above is set, and {known}: list its positive classes in bias.positive_values."
    if label.kind is LabelKind.MULTICLASS and not settings.positive_values:
        yield f"bias.positive_values is empty, and {known}: list the classes that count as positive."
