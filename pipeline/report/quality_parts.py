"""The quality of the data as HTML: each constraint with what was measured, rows that break it, columns, suggestions."""

import itertools

from markupsafe import Markup

from components.gate.verdict import Verdict
from pipeline.constraint_text import constraint_text
from pipeline.readers.data_quality import ColumnQuality, DataQuality, OffendingRow
from pipeline.readers.run_view import Reading
from pipeline.report.gate_parts import verdict_view
from pipeline.report.section import fold, part
from pipeline.report.table import Cell, Column, pairs, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number, percent

_SHOWN_ROW = 600


def quality_view(quality: DataQuality, verdict: Reading[Verdict] | None) -> Markup:
    """Constraints, offending rows, the columns as they are, and constraints to choose from."""
    rows = [(f"rows in {split}", f"{count:,}") for split, count in quality.rows.items()]
    known = [("span", quality.span)] if quality.span is not None else []
    return join(
        [
            pairs([*rows, *known]),
            part("Constraints", _constraints(verdict)),
            part("Rows that break a constraint", *_offending(quality.offending_rows)),
            fold(f"{counted(len(quality.columns), 'column')} as measured", _columns(quality), key="quality-columns"),
            _suggestions(quality),
        ]
    )


def _constraints(verdict: Reading[Verdict] | None) -> Markup:
    if verdict is None or verdict.value is None:
        return tag("p", verdict.reason if verdict else "The gate left no verdict.")
    if not verdict.value.findings:
        return join(tag("p", remark) for remark in verdict.value.remarks)
    return verdict_view(verdict.value)


def _offending(rows: tuple[OffendingRow, ...]) -> list[Markup]:
    groups = itertools.groupby(rows, key=lambda item: item.check)
    return [_offending_rows(index, check, list(group)) for index, (check, group) in enumerate(groups)]


def _offending_rows(index: int, check: str, rows: list[OffendingRow]) -> Markup:
    columns = (Column("split"), Column("times", numeric=True), Column("row", wide=True))
    shown = [
        (
            item.split,
            "" if item.times is None else f"{item.times:,}",
            clipped("  ".join(f"{name}: {value}" for name, value in item.row.items()), _SHOWN_ROW),
        )
        for item in rows
    ]
    title = join([counted(len(rows), "row"), " that break ", tag("code", clipped(check, 200))])
    return fold(title, table(columns, shown, caption=f"Rows that break {check}"), key=f"quality-rows-{index}")


def _columns(quality: DataQuality) -> Markup:
    columns = (
        Column("column"),
        Column("kind"),
        Column("complete", numeric=True),
        Column("values", numeric=True, meaning="How many different ones there are, if they are few."),
        Column("minimum", numeric=True, meaning="Of a text its length, in characters."),
        Column("mean", numeric=True, meaning="Of a text its length, in characters."),
        Column("maximum", numeric=True, meaning="Of a text its length, in characters."),
        Column("standard deviation", numeric=True),
    )
    return table(columns, [_column(item) for item in quality.columns], caption="Columns as measured")


def _column(item: ColumnQuality) -> tuple[object, ...]:
    kinds = {"text": "text (length)", "whole": "whole numbers", "number": "numbers", "": "no values"}
    numbers = (item.numbers.get(key) for key in ("minimum", "mean", "maximum", "standard_deviation"))
    return (
        clipped(item.name, 120),
        kinds.get(item.kind, item.kind),
        Cell(percent(item.completeness), order=item.completeness),
        "many" if item.distinct is None else f"{item.distinct:,}",
        *(Cell(number(value), order=value) for value in numbers),
    )


def _suggestions(quality: DataQuality) -> Markup:
    if not quality.suggestions:
        return Markup("")
    columns = (Column("for quality.constraints", wide=True), Column("seen"), Column("why", wide=True))
    rows = [(tag("code", constraint_text(item.constraint)), item.seen, item.reason) for item in quality.suggestions]
    return fold(
        f"{counted(len(rows), 'constraint')} that the data keeps to, to choose from",
        table(columns, rows, caption="Suggested constraints"),
        key="quality-suggestions",
    )
