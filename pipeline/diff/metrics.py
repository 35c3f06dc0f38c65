"""Whether the model got better or worse between two runs, by more than noise."""

import numpy as np
import numpy.typing as npt

from components.evaluator.analysis import Interval
from components.evaluator.intervals import Bootstrap, Weights
from components.evaluator.metric_names import EXAMPLE_COUNT, METRIC_NAMES, direction_of
from components.evaluator.predictions import Predictions
from pipeline.diff.document import MetricChange, MetricPart
from pipeline.diff.measures import difference_of
from pipeline.readers.evaluation import Evaluation
from pipeline.readers.run_view import Reading

_PAIRED = "Both models answered the same {rows:,} rows: percentiles of {replicates} bootstrap samples of those rows."
_INDEPENDENT = (
    "The runs evaluated different rows, so a change can come from the rows as well as from the model: the intervals "
    "of both values together."
)


def compare_metrics(
    before: Reading[Evaluation],
    after: Reading[Evaluation],
    answers_before: Reading[Predictions],
    answers_after: Reading[Predictions],
) -> MetricPart:
    """The metrics that both runs measured."""
    missing = tuple(reading.reason for reading in (before, after) if not reading)
    if before.value is None or after.value is None:
        return MetricPart((), (), missing=missing)
    paired, rows = paired_changes(answers_before.value, answers_after.value)
    unknown = [reading.reason for reading in (answers_before, answers_after) if not reading]
    names = [name for name in before.value.metrics if name in after.value.metrics and name != EXAMPLE_COUNT]
    method = _PAIRED.format(rows=rows, replicates=Bootstrap().replicates) if paired else _INDEPENDENT
    method = f"Whether both models answered the same rows is not known. {unknown[0]}" if unknown else method
    return MetricPart(
        overall=tuple(
            _change(name, "", before.value.metrics[name], after.value.metrics[name], paired.get(name)) for name in names
        ),
        slices=tuple(_slices(before.value, after.value)),
        method=method,
        same_rows=bool(paired),
        missing=missing,
    )


def paired_changes(before: Predictions | None, after: Predictions | None) -> tuple[dict[str, Interval], int]:
    """The change of every metric on the same rows and how many rows these are; empty and 0 if they are not the same."""
    if before is None or after is None or type(before.rows) is not type(after.rows):
        return {}, 0
    if not before.examples.size or not np.array_equal(before.examples, after.examples):
        return {}, 0
    ones, others = before.rows, after.rows

    def measure(chosen: npt.NDArray[np.int64] | None, weights: Weights) -> dict[str, npt.NDArray[np.float64]]:
        was, becomes = ones.taken(chosen).values(weights), others.taken(chosen).values(weights)
        with np.errstate(invalid="ignore"):  # infinite in both
            return {name: becomes[name] - was[name] for name in was if name in becomes}

    return Bootstrap().intervals(len(ones), measure), len(ones)


def _change(metric: str, name: str, before: Interval, after: Interval, paired: Interval | None) -> MetricChange:
    change = difference_of(before, after)
    if paired is not None and change.value is not None:
        change = Interval(change.value, paired.low, paired.high)
    higher_is_better = direction_of(metric) if metric in METRIC_NAMES else None
    is_better = None if not change.value or higher_is_better is None else (change.value > 0) == higher_is_better
    return MetricChange(
        metric=metric,
        slice=name,
        before=before,
        after=after,
        change=change,
        is_better=is_better,
        exceeds_noise=None if change.low is None else change.excludes(0.0),
    )


def _slices(before: Evaluation, after: Evaluation) -> list[MetricChange]:
    """The harm metric of each slice that both have, those that lost most first."""
    metric = next((item.harm.metric for item in (*after.slices, *before.slices) if item.harm), None)
    ones = {item.name: item.metrics for item in before.slices}
    changes = [
        _change(metric, item.name, ones[item.name][metric], item.metrics[metric], None)
        for item in after.slices
        if metric is not None and metric in item.metrics and metric in ones.get(item.name, {})
    ]
    return sorted(changes, key=_by_loss)


def _by_loss(item: MetricChange) -> tuple[float, str]:
    change = item.change.value or 0.0
    return (change if direction_of(item.metric) else -change, item.slice)
