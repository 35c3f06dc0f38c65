"""The numbers of a node: what it cost, and what it counted and measured."""

import math
from collections.abc import Callable, Iterator

from pipeline.readers.run_view import RunView
from pipeline.report.text import clipped, visible
from pipeline.run_store import NodeRecord

Numbers = Iterator[tuple[str, float | None]]

MOST_NUMBERS = 100
_LONGEST_NAME = 100
_TAKEN = frozenset({"display_name", "store_session_info"})
"""Keys that Kubeflow itself keeps beside ours."""


def numbers_of(view: RunView, node: NodeRecord) -> dict[str, float]:
    """Name → number, finite ones only; what the node measured first, what it cost last."""
    found: dict[str, float] = {}
    for part in (*_PARTS, lambda _: _cost(node)):
        for name, value in part(view):
            key = visible(clipped(name, _LONGEST_NAME))
            if value is not None and math.isfinite(value) and key not in _TAKEN:
                found[key] = int(value) if isinstance(value, bool) else value
    kept = list(found)[: MOST_NUMBERS - len(_COST)] + [name for name in _COST if name in found]
    return {name: found[name] for name in dict.fromkeys(kept)}


_COST = ("wall_s", "cpu_s", "peak_memory_mb")


def _cost(node: NodeRecord) -> Numbers:
    yield from zip(_COST, (node.wall_s, node.cpu_s, round(node.peak_memory_bytes / 2**20)), strict=True)


def _rows(view: RunView) -> Numbers:
    if (found := view.examples.value) is not None:
        yield "rows_in", found.rows_in
        yield "rows_quarantined", found.rows_quarantined
        yield from ((f"rows_{split}", rows) for split, rows in found.rows.items())


def _statistics(view: RunView) -> Numbers:
    for split in view.statistics.value.splits if view.statistics.value else ():
        yield f"rows_{split.split}", split.rows
        yield f"columns_{split.split}", len(split.features)
        yield f"missing_values_{split.split}", sum(feature.missing for feature in split.features)


def _anomalies(view: RunView) -> Numbers:
    if (found := view.anomalies.value) is not None:
        yield "anomalies", found.count


def _gates(view: RunView) -> Numbers:
    for reading in view.gates.values():
        if (verdict := reading.value) is not None:
            yield "passed", verdict.passed
            yield "checks", len(verdict.findings)
            yield "checks_that_refuse", len(verdict.refusing)
            yield "warnings", len(verdict.warnings)
            yield "waived", len(verdict.waived)


def _balance(view: RunView) -> Numbers:
    if (found := view.balance.value) is not None:
        yield "rows_before", found.rows_before
        yield "rows_after", found.rows_after


def _tuning(view: RunView) -> Numbers:
    if (found := view.tuning.value) is not None:
        yield "trials", len(found.trials)
        if found.trials:
            yield f"best_{found.objective or 'score'}", found.trials[0].score


def _training(view: RunView) -> Numbers:
    if (found := view.training.value) is not None:
        yield "epochs", len(found.epochs)
        yield "best_epoch", found.best_epoch or None
        yield "training_s", found.seconds
        for epoch in found.epochs:
            if epoch.number == (found.best_epoch or len(found.epochs)):
                yield from epoch.metrics.items()


def _evaluation(view: RunView) -> Numbers:
    if (found := view.evaluation.value) is not None:
        yield "blessed", found.blessed
        yield from ((name, metric.value) for name, metric in found.metrics.items())
        yield from ((f"{name}_change", change.value) for name, change in found.changes.items())
        yield "slices", len(found.slices)


def _serving(view: RunView) -> Numbers:
    if (found := view.serving_check.value) is not None:
        yield "servable", found.blessed
        yield "rows_sent", found.rows
        yield "load_s", found.load_s
        for item in found.latencies:
            yield f"{item.signature}_{item.batch_size}_rows_p95_ms", item.p95_ms


def _review(view: RunView) -> Numbers:
    if (found := view.review.value) is not None:
        yield "rows_looked_at", found.looked_at
        yield "rows_for_people", len(found.questions)


_PARTS: tuple[Callable[[RunView], Numbers], ...] = (
    _rows,
    _statistics,
    _anomalies,
    _gates,
    _balance,
    _tuning,
    _training,
    _evaluation,
    _serving,
    _review,
)
