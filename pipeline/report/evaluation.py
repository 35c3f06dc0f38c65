"""How good the model is, as HTML: metrics with intervals, checks, slices by harm, confusion, calibration."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from components.evaluator.analysis import Calibration, Confusion, Interval
from pipeline.readers.evaluation import Check, Evaluation, SliceMetrics
from pipeline.report.intervals import interval
from pipeline.report.matrix import confusion_matrix
from pipeline.report.reliability import Point, reliability
from pipeline.report.scales import extent
from pipeline.report.section import note
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number

_COUNTS = frozenset({"example_count"})
"""Not metrics but sizes."""


def headline(evaluation: Evaluation) -> str | None:
    """The metric to name first: what is checked on all rows, else the first; None if there is none."""
    checked = [check.metric for check in evaluation.checks if check.metric in evaluation.metrics]
    others = [name for name in evaluation.metrics if name not in _COUNTS]
    return next(iter([*checked, *others]), None)


def interval_text(found: Interval) -> str:
    """The bounds in words.

    >>> interval_text(Interval(0.9, 0.88, 0.91)), interval_text(Interval(0.9))
    ('0.88 to 0.91', 'not known')
    """
    return "not known" if found.low is None or found.high is None else f"{number(found.low)} to {number(found.high)}"


def metrics_table(evaluation: Evaluation) -> Markup:
    """Each metric with its interval, what was asked of it, and how it changed against the last blessed model."""
    compared = bool(evaluation.changes)
    changes = (
        (
            Column("change", numeric=True, meaning="against the last blessed model, on the same rows"),
            Column("is it more than noise?"),
        )
        if compared
        else ()
    )
    columns = (
        Column("metric"),
        Column("value", numeric=True),
        Column(_interval_heading(evaluation)),
        Column(""),
        *changes,
    )
    rows = [
        (
            name,
            number(found.value),
            interval_text(found),
            _drawn(evaluation, name, found),
            *(_change(evaluation, name) if compared else ()),
        )
        for name, found in evaluation.metrics.items()
        if name not in _COUNTS
    ]
    return join([table(columns, rows, caption="Metrics on all rows", sortable=False), _methods(evaluation)])


def checks_table(checks: Sequence[Check]) -> Markup:
    """Each bound, and whether it held: why the model is blessed or not."""
    columns = (
        Column("check"),
        Column("on"),
        Column("asked"),
        Column("measured", numeric=True),
        Column("last blessed", numeric=True),
        Column("rows", numeric=True),
        Column("result"),
    )
    rows = [
        (
            check.metric,
            check.slice,
            _asked(check),
            number(check.value),
            number(check.baseline_value),
            f"{check.examples:,}",
            _passed(check),
        )
        for check in checks
    ]
    return table(columns, rows, caption="Checks")


def slices_table(evaluation: Evaluation) -> Markup:
    """The slices, the greatest harm first."""
    metric = _harm_metric(evaluation)
    if metric is None:
        return _plain_slices(evaluation)
    whole = evaluation.metrics.get(metric, Interval(None))
    ranges = _ranges([whole, *(item.metrics[metric] for item in evaluation.slices if metric in item.metrics)])
    columns = (
        Column("slice"),
        Column("rows", numeric=True),
        Column(metric, numeric=True),
        Column("interval, and all rows (dashed)"),
        Column("harm", numeric=True, meaning="how much worse than all rows, times the rows of the slice"),
        Column("how sure"),
    )
    rows = [_slice_row(item, metric, whole.value, ranges) for item in evaluation.slices]
    said = f"Harm is how much worse {metric} is than on all rows ({number(whole.value)}), times the rows of the slice."
    said += " Negative: better off."
    return join([note(said), table(columns, rows, caption="Slices, the greatest harm first")])


def confusion_view(confusion: Confusion) -> Markup:
    """The confusion matrix, with the rows whose label the model does not know."""
    unknown = sum(confusion.unknown)
    said = (
        f"{counted(unknown, 'row')} have a label that the model does not know and are not in the table."
        if unknown
        else ""
    )
    drawn = confusion_matrix(confusion.classes, confusion.counts, caption="Confusion matrix")
    return join([drawn, note("Rows: the true class; columns: the model's answer. Shaded by share of the row. ", said)])


def calibration_view(calibration: Calibration) -> Markup:
    """The reliability diagram with its bins in numbers."""
    words = {
        "positive_score": ("score of the positive class", "share of positives"),
        "top_label": ("probability of the answer", "share of right answers"),
        "prediction": ("prediction", "label"),
    }
    said, was = words.get(calibration.kind, ("predicted", "observed"))
    points = [
        Point(item.predicted, item.observed.value, item.rows, item.observed.low, item.observed.high)
        for item in calibration.bins
        if item.observed.value is not None
    ]
    drawn = reliability(
        points, title="Calibration", predicted=said, ranges=None if calibration.kind == "prediction" else (0.0, 1.0)
    )
    columns = (
        Column("predicted", numeric=True),
        Column("observed", numeric=True),
        Column("interval"),
        Column("rows", numeric=True),
    )
    rows = [
        (
            Cell(number(item.predicted), order=item.predicted),
            number(item.observed.value),
            interval_text(item.observed),
            f"{item.rows:,}",
        )
        for item in calibration.bins
    ]
    numbers = table(columns, rows, caption=f"Bins of {said}", sortable=False)
    error = (
        f" On average they are {number(calibration.error)} apart (expected calibration error)."
        if calibration.error is not None
        else ""
    )
    axes = f"Across: {said}; up: {was}; bars: rows. Points on the dashed line are honest.{error}"
    return join([tag("div", drawn, numbers, class_="columns"), note(axes)])


def _interval_heading(evaluation: Evaluation) -> str:
    analysis = evaluation.analysis
    return f"{analysis.confidence * 100:.0f} % interval" if analysis else "interval"


def _methods(evaluation: Evaluation) -> Markup:
    analysis = evaluation.analysis
    if analysis is None:
        return note(f"No intervals: {evaluation.analysis_missing}" if evaluation.analysis_missing else "No intervals.")
    by_method: dict[str, list[str]] = {}
    for name, method in analysis.methods.items():
        by_method.setdefault(method, []).append(name)
    said = "; ".join(f"{', '.join(names)}: {method}" for method, names in by_method.items())
    return note(f"{evaluation.rows:,} rows of {analysis.split}. Intervals: {said}.")


def _drawn(evaluation: Evaluation, name: str, found: Interval) -> Markup:
    """Only shares have an axis that needs no explanation."""
    values = [value for value in (found.value, found.low, found.high) if value is not None]
    if not values or found.low is None or min(values) < 0 or max(values) > 1 or found.value is None:
        return Markup("")
    asked = next(
        (
            check.threshold
            for check in evaluation.checks
            if check.metric == name and check.kind in {"lower", "upper"} and not _is_slice(check)
        ),
        None,
    )
    return interval(
        found.value, found.low, found.high, name=name, ranges=(0.0, 1.0), reference=asked, reference_name="asked"
    )


def _is_slice(check: Check) -> bool:
    return "=" in check.slice


def _change(evaluation: Evaluation, name: str) -> tuple[str, str]:
    found = evaluation.changes.get(name)
    if found is None or found.value is None:
        return "—", ""
    if found.low is None:
        return f"{found.value:+.4g}", "not known"
    return f"{found.value:+.4g}", f"{'yes' if found.excludes(0.0) else 'no'}: {interval_text(found)}"


def _asked(check: Check) -> str:
    words = {
        "lower": f"at least {number(check.threshold)}",
        "upper": f"at most {number(check.threshold)}",
        "change": f"change of at least {number(check.threshold)}"
        if check.threshold <= 0
        else f"change of {number(check.threshold)}",
        "relative_change": f"relative change of {number(check.threshold)}",
    }
    return words.get(check.kind, f"{check.kind} {number(check.threshold)}")


def _passed(check: Check) -> Cell:
    if check.passed is None:
        return Cell("○ not checked", order=1)
    return Cell("✓ passed", order=2, tone="good") if check.passed else Cell("✕ failed", order=0, tone="bad")


def _harm_metric(evaluation: Evaluation) -> str | None:
    return next((item.harm.metric for item in evaluation.slices if item.harm), None)


def _ranges(found: Sequence[Interval]) -> tuple[float, float]:
    """An axis for all of them, with a little room at the ends."""
    low, high = extent([value for item in found for value in (item.value, item.low, item.high)]) or (0.0, 1.0)
    room = (high - low) * 0.05 or 0.05
    return low - room, high + room


def _slice_row(item: SliceMetrics, metric: str, whole: float | None, ranges: tuple[float, float]) -> tuple[object, ...]:
    found = item.metrics.get(metric, Interval(None))
    harmful = bool(item.harm and item.harm.amount > 0 and item.harm.is_certain and not item.too_small)
    measured = found.value is not None and math.isfinite(found.value)
    drawn = (
        interval(
            found.value or 0.0,
            found.low,
            found.high,
            name=item.name,
            ranges=ranges,
            reference=whole,
            tone="bad" if harmful else "",
        )
        if measured
        else ""
    )
    amount = item.harm.amount if item.harm else None
    return (
        clipped(item.name, 160),
        Cell(f"{item.rows:,}", order=item.rows),
        number(found.value),
        Cell(drawn, order=found.value),
        Cell(number(amount), order=amount, tone="bad" if harmful else ""),
        _sureness(item, harmful),
    )


def _sureness(item: SliceMetrics, harmful: bool) -> str:
    if item.too_small:
        return "too few rows to decide"
    if item.harm is None:
        return "not measurable"
    if item.metrics[item.harm.metric].low is None:
        return "not known: there is no interval"
    if harmful:
        return "✕ worse than all rows, beyond noise"
    return "beyond noise" if item.harm.is_certain else "within noise"


def _plain_slices(evaluation: Evaluation) -> Markup:
    names = [name for name in evaluation.metrics if name not in _COUNTS]
    columns = (Column("slice"), Column("rows", numeric=True), *(Column(name, numeric=True) for name in names))
    rows = [
        (
            clipped(item.name, 160),
            f"{item.rows:,}",
            *(number(item.metrics[name].value if name in item.metrics else None) for name in names),
        )
        for item in evaluation.slices
    ]
    return table(columns, rows, caption="Slices")
