"""A confusion matrix as a table whose cells are shaded by the share of their row; the numbers are there to read."""

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.table import Column, table
from pipeline.report.tags import tag
from pipeline.report.text import clipped, percent

MOST_CLASSES = 20
"""More rows and columns than this are not read: the confusions are listed instead."""


def confusion_matrix(classes: Sequence[str], counts: Sequence[Sequence[float]], *, caption: str) -> Markup:
    """Rows are the true classes, columns the predicted ones; above `MOST_CLASSES` the commonest confusions."""
    if len(classes) > MOST_CLASSES:
        return confusions(classes, counts, caption=caption)
    heads = tag(
        "tr",
        tag("th", "true ↓ predicted →", scope="col"),
        *(_head(name, "col") for name in classes),
        tag("th", "recall", scope="col"),
    )
    body = [_row(name, row, index) for index, (name, row) in enumerate(zip(classes, counts, strict=True))]
    foot = tag(
        "tr",
        tag("th", "precision", scope="row"),
        *(tag("td", percent(_precision(counts, index))) for index in range(len(classes))),
        tag("td"),
    )
    inside = tag(
        "table",
        tag("caption", caption, class_="pn-unseen"),
        tag("thead", heads),
        tag("tbody", *body),
        tag("tfoot", foot),
        class_="pn-matrix",
    )
    return tag("div", inside, class_="pn-scroll", tabindex="0", role="region", aria_label=caption)


def confusions(classes: Sequence[str], counts: Sequence[Sequence[float]], *, caption: str, most: int = 20) -> Markup:
    """The commonest mistakes as a table."""
    found = [
        (counts[true][said], classes[true], classes[said], counts[true][said] / (sum(counts[true]) or 1))
        for true in range(len(classes))
        for said in range(len(classes))
        if true != said and counts[true][said]
    ]
    rows = [
        (true, said, f"{count:,.0f}", percent(share)) for count, true, said, share in sorted(found, reverse=True)[:most]
    ]
    columns = (
        Column("true"),
        Column("predicted"),
        Column("rows", numeric=True),
        Column("of the true class", numeric=True),
    )
    return table(columns, rows, caption=f"{caption}: the commonest mistakes")


def _row(name: str, row: Sequence[float], index: int) -> Markup:
    total = sum(row)
    cells = [_cell(count, count / total if total else 0.0, right=column == index) for column, count in enumerate(row)]
    recall = percent(row[index] / total) if total else "—"
    return tag("tr", _head(name, "row"), *cells, tag("td", recall))


def _cell(count: float, share: float, *, right: bool) -> Markup:
    kind = "pn-right" if right else "pn-wrong"
    said = f"{percent(share)} of the row"
    return tag(
        "td",
        f"{count:,.0f}",
        class_=f"{kind}{' pn-zero' if not count else ''}",
        style=f"--share:{share:.3f}",
        title=said,
    )


def _head(name: str, scope: str) -> Markup:
    return tag("th", clipped(name, 24), scope=scope, title=clipped(name) if len(name) > 24 else None)


def _precision(counts: Sequence[Sequence[float]], index: int) -> float | None:
    total = sum(row[index] for row in counts)
    return counts[index][index] / total if total else None
