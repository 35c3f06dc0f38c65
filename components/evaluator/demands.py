"""What the settings mean for one table: every default filled in, and everything that does not fit it reported.

Pure data, no TensorFlow.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.evaluator.metric_names import EXAMPLE_COUNT, metrics_of, nearest
from components.evaluator.settings import (
    DEFAULT_CHANGE_THRESHOLDS,
    DEFAULT_THRESHOLDS,
    EVERY_SLICE,
    ChangeThreshold,
    EvaluationSettings,
    Threshold,
    from_lists,
)
from models.tabular_text.features import FeatureKind, FeatureSpec


@dataclasses.dataclass(frozen=True)
class Demands:
    """The settings with every default filled in for one table: what is really measured and demanded.

    Attributes:
      metrics: names, in the order of `METRICS`.
      thresholds: may be empty.
      change_thresholds: may be empty.
      slices: the columns of each slicing, sorted.
      min_examples_per_slice: a slice of fewer rows decides nothing; all rows together must be as many to bless.
    """

    metrics: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    change_thresholds: tuple[ChangeThreshold, ...]
    slices: tuple[tuple[str, ...], ...]
    min_examples_per_slice: int

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Demands":
        """The inverse of `to_json`, also after JSON turned tuples into lists."""
        return cls(**from_lists(data))


def demands_of(features: FeatureSpec, settings: EvaluationSettings) -> Demands:
    """What these settings mean for this table.

    Raises:
      ValueError: `problems_of` has findings; the message holds them all.
    """
    problems = problems_of(features, settings)
    if problems:
        raise ValueError("\n".join(problems))
    kind = features.label.kind
    thresholds = DEFAULT_THRESHOLDS[kind] if settings.thresholds is None else settings.thresholds
    changes = DEFAULT_CHANGE_THRESHOLDS[kind] if settings.change_thresholds is None else settings.change_thresholds
    bounds = _bounds(thresholds, changes)
    asked = {*(settings.metrics or metrics_of(kind)), *(bound.metric for bound in bounds), EXAMPLE_COUNT}
    slices = [*slices_of(features, settings), *(columns_of(bound.slice) for bound in bounds)]
    return Demands(
        metrics=tuple(name for name in metrics_of(kind) if name in asked),
        thresholds=thresholds,
        change_thresholds=changes,
        slices=tuple(dict.fromkeys(columns for columns in slices if columns)),
        min_examples_per_slice=settings.min_examples_per_slice,
    )


def problems_of(features: FeatureSpec, settings: EvaluationSettings) -> list[str]:
    """What in the settings does not fit this table, one sentence each: metrics of another kind, unknown columns."""
    kind = features.label.kind
    known = metrics_of(kind)
    bounds = _bounds(settings.thresholds or (), settings.change_thresholds or ())
    named = dict.fromkeys([*(settings.metrics or ()), *(bound.metric for bound in bounds)])
    problems = [
        f"evaluation: there is no {name} for a {kind} label; there are {', '.join(known)}."
        for name in named
        if name not in known
    ]
    columns = [column for columns in slices_of(features, settings) for column in columns]
    columns += [column for bound in bounds for column in columns_of(bound.slice)]
    names = [feature.name for feature in features.features] + [features.label.name]
    problems += [
        f"evaluation: slice by {column!r}: no such column.{nearest(column, names)}"
        for column in dict.fromkeys(columns)
        if column not in names
    ]
    return problems


def slices_of(features: FeatureSpec, settings: EvaluationSettings) -> list[tuple[str, ...]]:
    """The columns of each slicing that `slices` asks for."""
    if settings.slices != "auto":
        return [columns_of(item) for item in settings.slices]
    return [
        (feature.name,)
        for feature in features.of_kind(FeatureKind.CATEGORICAL)
        if feature.cardinality is not None and feature.cardinality <= settings.max_slice_cardinality
    ]


def columns_of(slicing: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns of a threshold's slice, sorted; none for all rows and for every slice."""
    if slicing is None or slicing == EVERY_SLICE:
        return ()
    return (slicing,) if isinstance(slicing, str) else tuple(sorted(slicing))


def _bounds(
    thresholds: tuple[Threshold, ...], changes: tuple[ChangeThreshold, ...]
) -> list[Threshold | ChangeThreshold]:
    return [*thresholds, *changes]
