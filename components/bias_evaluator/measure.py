"""Counts into metrics with intervals and changes, facet by facet. Pure."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from components.bias_evaluator import post_training, pre_training
from components.bias_evaluator.bootstrap import Resampling
from components.bias_evaluator.counts import Floats
from components.bias_evaluator.document import BiasDocument, Counts, FacetReport
from components.bias_evaluator.names import Stage
from components.bias_evaluator.settings import BiasSettings
from components.bias_evaluator.support import support_of
from components.bias_evaluator.tally import Tally, counts_of, facet_values

STAGES: tuple[Stage, ...] = ("pre_training", "post_training")

_FORMULAS: Mapping[str, Callable[[Floats], Floats]] = {**pre_training.METRICS, **post_training.METRICS}

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Measured:
    """One metric of one facet; numbers may be infinite or NaN, intervals None where they cannot be said.

    Attributes:
      metric: its name.
      stage: when it is measured.
      value: of today's rows.
      interval: of the value.
      rows: what it rests on (support.py).
      before: of the last approved model's rows, None without them.
      rows_before: what that rests on.
      change: value - before.
      change_interval: of the change.
    """

    metric: str
    stage: Stage
    value: float
    interval: Interval | None
    rows: int
    before: float | None = None
    rows_before: int = 0
    change: float | None = None
    change_interval: Interval | None = None


@dataclasses.dataclass(frozen=True)
class FacetCounts:
    """One facet's rows.

    Attributes:
      name: such as `product_category=Gift Card`.
      column: the column.
      groups: by stage, the names along the first axis of the counts.
      counts: by stage.
    """

    name: str
    column: str
    groups: Mapping[Stage, Sequence[str]]
    counts: Mapping[Stage, Floats]

    def rows(self, stage: Stage) -> tuple[int, int]:
        """Rows of facet a and of facet d."""
        by_facet = np.moveaxis(self.counts[stage], 1, 0).reshape(2, -1).sum(axis=1)
        return int(by_facet[0]), int(by_facet[1])


def facets_of(tallies: Mapping[Stage, Tally], settings: BiasSettings) -> tuple[list[FacetCounts], list[str]]:
    """The counts of every facet that could be counted, and a sentence on each column of which values were left out."""
    found, remarks = [], []
    for index, facet in enumerate(settings.facets):
        if any(index in tally.overflowing for tally in tallies.values()):
            continue
        counters = {stage: tallies[stage].by_facet[index] for stage in STAGES}
        if facet.values or facet.above is not None:
            chosen = {facet.name: "d"}
        else:
            kept, remark = _values_to_measure([facet_values(counter) for counter in counters.values()], settings)
            chosen = {f"{facet.column}={value}": value for value in kept}
            remarks += [f"{facet.column}: {remark}"] if remark else []
        for name, sensitive in chosen.items():
            counted = {
                stage: counts_of(
                    counters[stage], sensitive, grouped=settings.group is not None, predicted=stage == "post_training"
                )
                for stage in STAGES
            }
            groups = {stage: counted[stage][0] for stage in STAGES}
            counts = {stage: counted[stage][1] for stage in STAGES}
            found.append(FacetCounts(name, facet.column, groups, counts))
    return found, remarks


def _values_to_measure(by_stage: Sequence[list[tuple[str, int]]], settings: BiasSettings) -> tuple[list[str], str]:
    """The values with enough rows in either stage, those with most first; and what was left out, in words."""
    rows: dict[str, int] = {}
    for values in by_stage:
        for value, count in values:
            rows[value] = max(rows.get(value, 0), count)
    enough = sorted((value for value in rows if rows[value] >= settings.min_rows), key=lambda item: (-rows[item], item))
    few = len(rows) - len(enough)
    reasons = [f"{few} with fewer than {settings.min_rows} rows"] if few else []
    if len(enough) > settings.max_values:
        reasons.append(f"{len(enough) - settings.max_values} beyond the {settings.max_values} with most rows")
    remark = f"values were left out: {' and '.join(reasons)} (bias.min_rows, bias.max_values)." if reasons else ""
    return enough[: settings.max_values], remark


def measure(facet: FacetCounts, settings: BiasSettings, before: FacetReport | None) -> list[Measured]:
    """Every metric of a facet.

    Args:
      facet: its rows.
      settings: which metrics, and how samples are drawn.
      before: the same facet in the last approved model's report, None if it has none.
    """
    return [item for stage in STAGES for item in _measure_stage(facet, stage, settings, before)]


def _measure_stage(
    facet: FacetCounts, stage: Stage, settings: BiasSettings, before: FacetReport | None
) -> Iterator[Measured]:
    resampling = Resampling(settings.replicates, settings.confidence)
    counts = facet.counts[stage]
    samples = resampling.samples(counts, f"{stage} {facet.name}")
    then = None if before is None else np.array(before.counts[stage].counts, np.float64)
    # Another stream than today's: the reports' rows are taken for independent, which is cautious where they overlap.
    samples_then = None if then is None else resampling.samples(then, f"{stage} {facet.name} before")
    for metric in settings.metrics(stage):
        formula = _FORMULAS[metric]
        value, sampled = float(formula(counts)), formula(samples)
        item = Measured(metric, stage, value, resampling.interval(value, sampled), support_of(metric, counts))
        if then is not None and samples_then is not None:
            item = _with_change(item, sampled, formula, then, samples_then, resampling)
        yield item


def _with_change(
    item: Measured,
    sampled: Floats,
    formula: Callable[[Floats], Floats],
    then: Floats,
    samples_then: Floats,
    resampling: Resampling,
) -> Measured:
    before = float(formula(then))
    with np.errstate(invalid="ignore"):
        change, changes = float(np.subtract(item.value, before)), sampled - formula(samples_then)
    return dataclasses.replace(
        item,
        before=before,
        rows_before=support_of(item.metric, then),
        change=change,
        change_interval=resampling.interval(change, changes),
    )


def counts_to_report(facet: FacetCounts) -> dict[str, Counts]:
    """The counts as they stand in the document."""
    return {
        stage: Counts(tuple(facet.groups[stage]), facet.counts[stage].astype(np.int64).tolist()) for stage in STAGES
    }


def why_not_comparable(before: BiasDocument, label: str, positive: str, group: str | None) -> str:
    """Why an earlier report cannot be compared with today's, in a sentence; empty if it can."""
    was, now = (before.label, before.positive, before.group), (label, positive, group)
    if was == now:
        return ""
    return (
        f"Nothing was compared: the last approved model's bias was {_definition(*was)}, today's is {_definition(*now)}."
    )


def _definition(label: str, positive: str, group: str | None) -> str:
    grouped = f", in groups of {group}" if group else ""
    return f"measured with {label} {positive} as positive{grouped}"
