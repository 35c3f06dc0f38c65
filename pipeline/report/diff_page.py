"""The difference of two runs as one HTML page, from the structure of `pipeline.diff`."""

from collections.abc import Mapping

from markupsafe import Markup

from pipeline.diff.document import Difference, Drift, DriftPart, MetricChange, MetricPart, Part, RunDiff
from pipeline.readers.statistics import FeatureStatistics
from pipeline.report.evaluation import interval_text
from pipeline.report.page import render_page
from pipeline.report.section import Section, fold, note
from pipeline.report.statistics import feature_figure, feature_view
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, moment, number, percent

_TITLES = {
    "outcome": "Outcome",
    "metrics": "Metrics",
    "configuration": "Configuration",
    "data": "Data",
    "schema": "Schema",
    "statistics": "Statistics",
    "training": "Training",
    "environment": "Environment",
}
"""Parts in the order of the page, what counts most first."""


def diff_page(diff: RunDiff) -> str:
    """The whole page: opens from disk and asks for nothing."""
    return render_page(
        title=f"{diff.before.run_id} and {diff.after.run_id}",
        top=diff_head(diff),
        sections=diff_sections(diff),
        foot="Written by Penstock. This file asks for nothing over a network.",
    )


def diff_head(diff: RunDiff) -> Markup:
    """Which runs are compared, and how much differs in each part."""
    runs = [
        tag(
            "div",
            tag("dt", word),
            tag("dd", run.run_id, tag("small", f"{run.state.lower()}, {moment(run.started_at)}")),
        )
        for word, run in (("Before", diff.before), ("After", diff.after))
    ]
    counts = [
        tag(
            "div",
            tag("dt", _TITLES.get(name, name)),
            tag("dd", f"{_counted(part):,}", tag("small", _of_how_many(part))),
        )
        for name, part in _parts(diff).items()
    ]
    names = " and ".join(dict.fromkeys((diff.before.pipeline_name, diff.after.pipeline_name)))
    return join(
        [
            tag("p", "Two runs side by side", class_="eyebrow"),
            tag("h1", names),
            tag("dl", *runs, *counts, class_="facts"),
        ]
    )


def diff_sections(diff: RunDiff) -> list[Section]:
    """A section a part."""
    return [_section(name, part) for name, part in _parts(diff).items()]


def part_view(part: Part, *, key: str) -> Markup:
    """What differs, and behind a fold what does not."""
    same = [item for item in part.items if not item.changed]
    shown = differences_table(part.changed, caption="Differences") if part.changed else tag("p", "Nothing differs.")
    rest = fold(f"{counted(len(same), 'row')} the same", differences_table(same, caption="The same"), key=f"same-{key}")
    return join([shown, rest if same else ""])


def differences_table(items: "tuple[Difference, ...] | list[Difference]", *, caption: str) -> Markup:
    """Things side by side."""
    remarked = any(item.note for item in items)
    remark = (Column("remark", wide=True),) if remarked else ()
    columns = (Column("what"), Column("before", wide=True), Column("after", wide=True), *remark)
    rows = [
        (clipped(item.name, 160), _plain(item.before), _plain(item.after), *((item.note,) if remarked else ()))
        for item in items
    ]
    return table(columns, rows, caption=caption)


def drift_view(part: DriftPart) -> Markup:
    """The features that moved by more than chance explains, what moved most first; the others behind a fold."""
    still = [item for item in part.items if not item.changed]
    moved = (
        tag("div", *(_drift(item) for item in part.changed), class_="features")
        if part.changed
        else tag("p", "No feature moved by more than chance explains.")
    )
    said = note(
        "Small drawings: before filled, after as a line. JS: Jensen-Shannon divergence (0 alike, 1 nothing in common)."
    )
    columns = (
        Column("feature"),
        Column("split"),
        Column("JS", numeric=True),
        Column("largest change of a share", numeric=True),
    )
    rows = [
        (clipped(item.feature, 120), item.split, number(item.jensen_shannon), percent(item.l_infinity))
        for item in still
    ]
    rest = fold(
        f"{counted(len(still), 'feature')} that did not move", table(columns, rows, caption="Did not move"), key="still"
    )
    return join([said, moved, rest if still else ""])


def metrics_view(part: MetricPart) -> Markup:
    """Each metric of both runs, with whether its change is more than noise."""
    rows = "the same rows" if part.same_rows else "different rows: part of a change is the data's"
    overall = _changes_table(part.overall, caption="Metrics on all rows")
    slices = join([tag("h3", "By slice"), _changes_table(part.slices, caption="Slices")]) if part.slices else ""
    return join([note(part.method or f"The models answered {rows}."), overall, slices])


def _parts(diff: RunDiff) -> "Mapping[str, Part | DriftPart | MetricPart]":
    found = dict(diff.parts)
    return {
        name: found[name] for name in (*_TITLES, *(other for other in found if other not in _TITLES)) if name in found
    }


def _size(part: Part | DriftPart | MetricPart) -> int:
    return len(part.overall) + len(part.slices) if isinstance(part, MetricPart) else len(part.items)


def _counted(part: Part | DriftPart | MetricPart) -> int:
    """How much counts as different; of metrics what is more than noise."""
    if isinstance(part, MetricPart):
        return sum(bool(item.exceeds_noise) for item in (*part.overall, *part.slices))
    return len(part.changed)


def _of_how_many(part: Part | DriftPart | MetricPart) -> str:
    return f"of {_size(part):,} {'beyond noise' if isinstance(part, MetricPart) else 'differ'}"


def _section(name: str, part: Part | DriftPart | MetricPart) -> Section:
    title = _TITLES.get(name, name)
    if not _size(part):
        return Section(name, title, "Differences", None, " ".join(part.missing) or "Neither run has any.")
    if isinstance(part, DriftPart):
        body = drift_view(part)
    else:
        body = metrics_view(part) if isinstance(part, MetricPart) else part_view(part, key=name)
    return Section(name, title, "Differences", join([*(note(sentence) for sentence in part.missing), body]))


def _drift(item: Drift) -> Markup:
    known: dict[str, FeatureStatistics] = {
        word: found for word, found in (("before", item.before), ("after", item.after)) if found is not None
    }
    summary = tag(
        "summary",
        tag("span", clipped(item.feature, 120), class_="feature-name"),
        tag("span", item.split, class_="feature-kind"),
        tag("span", feature_figure(known, clipped(item.feature, 60)), class_="feature-figure"),
        tag("span", clipped("; ".join(item.reasons), 300), class_="feature-said"),
    )
    body = tag("div", _measures(item), feature_view(known), _values(item), class_="feature-body")
    return tag("details", summary, body, class_="feature", data_name=clipped(item.feature))


def _measures(item: Drift) -> Markup:
    told = [
        ("Jensen-Shannon", number(item.jensen_shannon), item.jensen_shannon),
        ("Kolmogorov-Smirnov", number(item.kolmogorov_smirnov), item.kolmogorov_smirnov),
        (
            "largest change of a share",
            f"{percent(item.l_infinity)} ({clipped(item.l_infinity_value or '', 60)})",
            item.l_infinity,
        ),
        ("change of missing", percent(item.missing_change), item.missing_change),
    ]
    return tag("p", " · ".join(f"{name} {text}" for name, text, value in told if value is not None), class_="note")


def _values(item: Drift) -> Markup:
    parts = [
        tag(
            "p",
            f"{counted(count, 'value')} {word}: {', '.join(clipped(value.value, 60) or '(empty)' for value in values)}",
        )
        for word, count, values in (
            ("new", item.new_count, item.new_values),
            ("lost", item.lost_count, item.lost_values),
        )
        if count
    ]
    return join(parts)


def _changes_table(changes: tuple[MetricChange, ...], *, caption: str) -> Markup:
    columns = (
        Column("metric"),
        Column("slice"),
        Column("before", numeric=True),
        Column("after", numeric=True),
        Column("change", numeric=True),
        Column("interval of the change"),
        Column("verdict"),
    )
    rows = [
        (
            change.metric,
            clipped(change.slice, 160) or "all rows",
            number(change.before.value),
            number(change.after.value),
            "—" if change.change.value is None else f"{change.change.value:+.4g}",
            interval_text(change.change),
            _verdict(change),
        )
        for change in changes
    ]
    return table(columns, rows, caption=caption)


def _verdict(change: MetricChange) -> Cell:
    way = {True: "better", False: "worse", None: "changed"}[change.is_better]
    if change.change.value in (None, 0):
        return Cell("the same" if change.change.value == 0 else "not comparable")
    if change.exceeds_noise is None:
        return Cell(f"{way}; noise not known")
    if not change.exceeds_noise:
        return Cell("within noise")
    mark, tone = {True: ("✓", "good"), False: ("✕", "bad"), None: ("•", "")}[change.is_better]
    return Cell(f"{mark} {way}, beyond noise", tone=tone)


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "—", True: "yes", False: "no"}[value]
    return number(value) if isinstance(value, int | float) else str(value)
