"""Bias between groups of rows, as HTML: every facet with every metric, its interval, and how it was judged."""

from markupsafe import Markup

from components.bias_evaluator.document import BiasDocument, Estimate, FacetReport
from components.bias_evaluator.names import MEANINGS, POST_TRAINING, PRE_TRAINING, Stage, title_of
from pipeline.report.intervals import interval
from pipeline.report.section import fold, note, part
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number

_LIGHTS = {
    "failed": ("✕", "bad"),
    "warned": ("!", "busy"),
    "passed": ("✓", "good"),
    "not decided": ("?", ""),
    "": ("", ""),
}

_TITLES: tuple[tuple[Stage, str], ...] = (
    ("post_training", "The model's answers"),
    ("pre_training", "The labels that it learnt from"),
)


def bias_view(bias: BiasDocument) -> Markup:
    """What was judged, then every metric of every facet by stage."""
    remarks = [tag("p", clipped(sentence, 1000), class_="note") for sentence in bias.remarks]
    return join(
        [_introduction(bias), *remarks, _judged(bias), *(_stage(bias, stage, title) for stage, title in _TITLES)]
    )


def _introduction(bias: BiasDocument) -> Markup:
    grouped = f" CDDL and CDDPL compare within values of {clipped(bias.group, 80)}." if bias.group else ""
    return note(
        f"{counted(len(bias.facets), 'facet')}, each against all other rows. Positive: {clipped(bias.label, 80)} "
        f"{clipped(bias.positive, 80)}.{grouped} In brackets: {bias.confidence:.0%} intervals of {bias.replicates:,} "
        f"bootstrap samples. ✓ within its bounds, ! beyond (told), ✕ beyond (refuses), ? not decided (fewer than "
        f"{bias.min_rows:,} rows to rest on), no mark: not judged.",
    )


def _judged(bias: BiasDocument) -> Markup:
    rows = [
        (facet, metric, estimate)
        for facet in bias.facets
        for metric, estimate in facet.metrics.items()
        if estimate.status
    ]
    if not rows:
        return Markup("")
    columns = (
        Column("facet"),
        Column("metric"),
        Column("result"),
        Column("value", numeric=True),
        Column("interval"),
        Column("rows", numeric=True, meaning="the smallest number of rows that the metric divides by"),
        Column("change since the last approved model", numeric=True),
    )
    cells = [_judged_row(facet, metric, estimate) for facet, metric, estimate in rows]
    return part("Judged", table(columns, cells, caption="Judged metrics of bias"))


def _judged_row(facet: FacetReport, metric: str, estimate: Estimate) -> tuple[object, ...]:
    light, tone = _LIGHTS.get(estimate.status, ("", ""))
    change = (
        None if estimate.change is None else f"{estimate.change:+.3g}{_ends(estimate.change_low, estimate.change_high)}"
    )
    return (
        clipped(facet.name, 120),
        tag("abbr", metric, title=f"{title_of(metric)}: {MEANINGS[metric]}"),
        Cell(
            tag("span", f"{light} {estimate.status}", class_="pn-whole"),
            order=list(_LIGHTS).index(estimate.status),
            tone=tone,
        ),
        number(estimate.value),
        _drawn(metric, estimate, tone),
        f"{estimate.rows:,}",
        change,
    )


def _drawn(metric: str, estimate: Estimate, tone: str) -> object:
    if estimate.value is None:
        return clipped(estimate.why, 200)
    equal = 1.0 if metric == "DI" else 0.0
    ends = [estimate.value, equal, *(end for end in (estimate.low, estimate.high) if end is not None)]
    reach = max(0.25, *(abs(end - equal) for end in ends))
    return interval(
        estimate.value,
        estimate.low,
        estimate.high,
        name=metric,
        ranges=(equal - reach, equal + reach),
        reference=equal,
        reference_name="equal treatment",
        tone=tone,
    )


def _stage(bias: BiasDocument, stage: Stage, title: str) -> Markup:
    known = PRE_TRAINING if stage == "pre_training" else POST_TRAINING
    metrics = [name for name in known if any(name in facet.metrics for facet in bias.facets)]
    if not metrics:
        return Markup("")
    columns = (
        Column("facet"),
        Column("rows", numeric=True),
        *(Column(name, numeric=True, meaning=f"{title_of(name)}: {MEANINGS[name]}") for name in metrics),
    )
    rows = [
        (
            clipped(facet.name, 120),
            f"{facet.rows[stage]['d']:,} of {sum(facet.rows[stage].values()):,}",
            *(_cell(facet.metrics.get(name)) for name in metrics),
        )
        for facet in bias.facets
    ]
    meanings = [tag("li", tag("b", name), f" {title_of(name)}: {MEANINGS[name]}") for name in metrics]
    return part(
        f"{title} (split {clipped(bias.splits.get(stage, ''), 80)})",
        table(columns, rows, caption=f"{title}: bias by facet"),
        fold("What the metrics say", tag("ul", *meanings), key=f"bias-{stage}"),
    )


def _cell(estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell("")
    light, tone = _LIGHTS.get(estimate.status, ("", ""))
    if estimate.value is None:
        return Cell(tag("abbr", "—", title=clipped(estimate.why, 200)), tone=tone)
    text = f"{light} {number(estimate.value)}{_ends(estimate.low, estimate.high)}".strip()
    return Cell(text, order=estimate.value, tone=tone)


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None and high is None else f" ({_end(low)} to {_end(high)})"


def _end(value: float | None) -> str:
    return "∞" if value is None else number(value)
