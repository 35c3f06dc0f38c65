"""The difference of two runs as plain values: `RunDiff` and its parts."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from components.evaluator.analysis import Interval
from pipeline.readers.statistics import FeatureStatistics, ValueCount

Plain = str | int | float | bool | None

#: Bumped when a reader of the older JSON would misunderstand the new one.
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing side by side.

    Attributes:
      before, after: None = not there.
      changed: True if it is worth a line where only differences are shown.
      note: what the change means, in words; may be empty.
    """

    name: str
    before: Plain
    after: Plain
    changed: bool
    note: str = ""

    @classmethod
    def of(cls, name: str, before: Plain, after: Plain, note: str = "") -> "Difference":
        """A difference that counts if the two are not equal."""
        return cls(name, before, after, before != after, note)


@dataclasses.dataclass(frozen=True)
class Part:
    """One side-by-side table.

    Attributes:
      name: such as `configuration`.
      items: every row, changed or not.
      missing: why one of the runs has nothing to compare, one sentence each.
    """

    name: str
    items: tuple[Difference, ...]
    missing: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Difference, ...]:
        """The rows that differ."""
        return tuple(item for item in self.items if item.changed)


@dataclasses.dataclass(frozen=True)
class Drift:
    """How one feature's distribution moved in one split; None where a measure does not apply.

    Attributes:
      before, after: the statistics of both; None = the run does not have the feature.
      jensen_shannon: divergence of the two distributions, 0 (alike) to 1 (nothing in common), base 2.
      l_infinity: largest change of a value's share, 0 to 1, and `l_infinity_value`, the value.
      kolmogorov_smirnov: how far the cumulative shares of a number are apart at least, 0 to 1.
      missing_change: share of rows without the feature, after less before.
      new_values, lost_values: values that only one of the two has, most frequent first, at most twenty; empty where the
        values are too many to be known.
      new_count, lost_count: how many of them there are.
      reasons: what moved by more than chance explains, in words; empty = nothing did.
    """

    feature: str
    split: str
    before: FeatureStatistics | None
    after: FeatureStatistics | None
    jensen_shannon: float | None = None
    l_infinity: float | None = None
    l_infinity_value: str | None = None
    kolmogorov_smirnov: float | None = None
    missing_change: float | None = None
    new_values: tuple[ValueCount, ...] = ()
    lost_values: tuple[ValueCount, ...] = ()
    new_count: int = 0
    lost_count: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """True if something moved by more than chance explains."""
        return bool(self.reasons)

    @property
    def size(self) -> float:
        """How far it moved, for sorting: the largest of its measures; a feature that came or went moved most."""
        if self.before is None or self.after is None:
            return 2.0
        measures = (self.jensen_shannon, self.l_infinity, self.kolmogorov_smirnov, abs(self.missing_change or 0.0))
        return max(measure or 0.0 for measure in measures)


@dataclasses.dataclass(frozen=True)
class DriftPart:
    """Every feature of every split that either run has, what moved most first."""

    items: tuple[Drift, ...]
    missing: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Drift, ...]:
        """The features that moved by more than chance explains."""
        return tuple(item for item in self.items if item.changed)


@dataclasses.dataclass(frozen=True)
class MetricChange:
    """One metric of both runs, on all rows or on a slice.

    Attributes:
      slice: in words; empty = all rows.
      change: after less before, with its interval.
      is_better: True for the better, False for the worse, None if neither way is better or nothing changed.
      exceeds_noise: True if the interval of the change does not hold 0, None if there is no interval.
    """

    metric: str
    slice: str
    before: Interval
    after: Interval
    change: Interval
    is_better: bool | None
    exceeds_noise: bool | None


@dataclasses.dataclass(frozen=True)
class MetricPart:
    """The metrics on all rows, and the harm metric by slice.

    Attributes:
      method: how the intervals of the changes were made, in words.
      same_rows: True if both models answered the same rows, so that the change is the models' alone.
    """

    overall: tuple[MetricChange, ...]
    slices: tuple[MetricChange, ...]
    method: str = ""
    same_rows: bool = False
    missing: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[MetricChange, ...]:
        """The metrics that are not what they were, of all rows first."""
        return tuple(item for item in (*self.overall, *self.slices) if item.change.value != 0)


@dataclasses.dataclass(frozen=True)
class RunIdentity:
    """Which run it is."""

    run_id: str
    pipeline_name: str
    state: str
    started_at: str


@dataclasses.dataclass(frozen=True)
class RunDiff:
    """All differences of two runs."""

    before: RunIdentity
    after: RunIdentity
    outcome: Part
    configuration: Part
    data: Part
    schema: Part
    statistics: DriftPart
    training: Part
    metrics: MetricPart
    environment: Part

    @property
    def parts(self) -> Iterator[tuple[str, Part | DriftPart | MetricPart]]:
        """Name and content of each part, in the order of reading."""
        for field in dataclasses.fields(self)[2:]:
            yield field.name, getattr(self, field.name)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers; of the statistics only what was compared."""
        document: dict[str, Any] = {"format": FORMAT, **dataclasses.asdict(self)}
        for item in document["statistics"]["items"]:
            item |= {name: _short(item[name]) for name in ("before", "after")}
        return document


def _short(statistics: dict[str, Any] | None) -> dict[str, Any] | None:
    """The statistics of a feature without histograms and lists of values."""
    if statistics is None:
        return None
    numeric, string = statistics["numeric"] or {}, statistics["string"] or {}
    lists = ("histogram", "quantiles", "values")
    kept = {name: value for name, value in {**numeric, **string}.items() if name not in lists}
    return {name: statistics[name] for name in ("type", "rows", "missing")} | kept
