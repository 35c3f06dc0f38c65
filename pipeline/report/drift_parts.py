"""How the columns moved, as HTML: the verdict in words, every column with its measures and bars, what moved most."""

from collections.abc import Sequence

from markupsafe import Markup

from components.distribution_validator.comparison import Measured
from components.distribution_validator.settings import MEASURES
from components.gate.verdict import Finding
from pipeline.readers.drift import ColumnDrift, DriftOf, DriftReport
from pipeline.report.gate_parts import verdict_sentence
from pipeline.report.histogram import value_bars
from pipeline.report.section import fold, note, part
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, number, percent

_MEANINGS = {
    "psi": "population stability index over deciles of the baseline, or over the most frequent values",
    "jensen_shannon": "Jensen-Shannon divergence, base 2: 0 equal, 1 nothing in common",
    "l_infinity": "the largest change of a value's share, or of the share of texts with a word",
    "kolmogorov_smirnov": "the largest difference of cumulative shares; of a text's length in words",
    "unseen_words": "share of the words that the baseline does not hold",
    "missing": "change of the share of rows without a value",
}
_TITLES = {"drift": "Drift", "skew": "Skew"}
_WORDS = 1000


def drift_view(report: DriftReport) -> Markup:
    """The verdict, then a table for each question."""
    verdict = report.verdict
    said = [tag("p", clipped(sentence, _WORDS)) for sentence in (*verdict.missing, *verdict.remarks)]
    return join([note(verdict_sentence(verdict)), *said, *(_question(question) for question in report.questions)])


def _question(question: DriftOf) -> Markup:
    measures = [name for name in MEASURES if any(_measured(item, name) for item in question.columns)]
    columns = (
        Column("column"),
        Column("compared as"),
        Column("result"),
        Column("before and now", meaning="bars: the baseline; lines: now"),
        *(Column(name.replace("_", " "), numeric=True, meaning=_MEANINGS[name]) for name in measures),
        Column("p", numeric=True, meaning="the smallest of the column's tests, adjusted for the number of columns"),
        Column("rows before", numeric=True),
        Column("rows now", numeric=True),
    )
    rows = [_row(item, measures) for item in question.columns]
    title = f"{_TITLES.get(question.check, question.check)} {question.between}"
    legend = note("Bars: the baseline. Lines: now. ! and ✕: beyond the bound for warning or refusing, and no chance.")
    return part(title, legend, table(columns, rows, caption=title), _details(question))


def _row(item: ColumnDrift, measures: Sequence[str]) -> tuple[object, ...]:
    found = item.comparison
    kind = f"{found.column.kind}{', label' if found.column.is_label else ''}"
    chances = [measured.adjusted_p for measured in found.measures]
    return (
        clipped(found.column.name, 80),
        kind,
        _result(item),
        _bars(item),
        *(_figure(_measured(item, name)) for name in measures),
        number(min(chances)) if chances else None,
        f"{found.before.rows:,}",
        f"{found.after.rows:,}",
    )


def _measured(item: ColumnDrift, name: str) -> Measured | None:
    return next((measured for measured in item.comparison.measures if measured.measure == name), None)


def _figure(item: Measured | None) -> Cell:
    if item is None:
        return Cell("")
    sign, tone = {"none": ("", ""), "warn": (" !", "busy"), "refuse": (" ✕", "bad")}[item.level]
    return Cell(f"{number(item.value)}{sign}", order=item.value, tone=tone)


def _result(item: ColumnDrift) -> Cell:
    findings = [finding for finding in (item.values, item.missing) if finding is not None]
    failed = [finding for finding in findings if finding.passed is False]
    if any(finding.refuses for finding in failed):
        return Cell("✕ refuses", order=0, tone="bad")
    if any(_is_waived(finding) for finding in failed):
        return Cell("waived", order=1)
    if failed:
        return Cell("! drifted", order=1, tone="busy")
    return Cell("✓ as before", order=3) if item.values.passed else Cell("not judged", order=2)


def _is_waived(finding: Finding) -> bool:
    return finding.severity == "error" and finding.waiver is not None


def _bars(item: ColumnDrift) -> Markup | str:
    bars = item.comparison.bars
    if not bars:
        return clipped(item.comparison.undecided, 200)
    shares = {clipped(bar.name, 40): (bar.before, bar.after) for bar in bars}
    return value_bars(shares, title=f"Shares of {item.comparison.column.name} before and now")


def _details(question: DriftOf) -> Markup:
    """What moved most in each column, the drifted ones opened."""
    parts = [
        fold(
            f"{clipped(item.comparison.column.name, 80)}: what moved most",
            tag("p", clipped(item.values.sentence, _WORDS)),
            _moved(item),
            key=f"drift-{question.check}-{index}",
            opened=item.comparison.has_drifted,
        )
        for index, item in enumerate(question.columns)
        if item.comparison.moved
    ]
    return join(parts)


def _moved(item: ColumnDrift) -> Markup:
    kind = item.comparison.column.kind
    what = {"values": "value", "text": "word"}.get(kind, "share above")
    columns = (
        Column(what),
        Column("before", numeric=True),
        Column("now", numeric=True),
        Column("change", numeric=True),
    )
    rows = [
        (
            clipped(moved.name, 80),
            percent(moved.before),
            percent(moved.after),
            Cell(f"{100 * (moved.after - moved.before):+.1f} points", order=abs(moved.after - moved.before)),
        )
        for moved in item.comparison.moved
    ]
    return table(columns, rows, caption=f"What moved most in {item.comparison.column.name}")
