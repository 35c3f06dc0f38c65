"""Tables with headers that screen readers follow, which scroll in their box and can be sorted where there is script."""

import dataclasses
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from pipeline.report.tags import safe, tag
from pipeline.report.text import clipped


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: its heading, whether it holds numbers (right-aligned) or sentences (wide), what its heading means."""

    heading: str
    numeric: bool = False
    meaning: str = ""
    wide: bool = False


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell whose place when sorting is not its text, or that is emphasised (`tone` as of a state)."""

    content: object
    order: float | str | None = None
    tone: str = ""


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    caption: str,
    caption_shown: bool = False,
    row_ids: Sequence[str] = (),
    sortable: bool = True,
) -> Markup:
    """The rows under the columns; the first cell of each row is its header. Plain text is escaped and clipped."""
    heads = [
        tag(
            "th", column.heading, scope="col", class_="pn-num" if column.numeric else None, title=column.meaning or None
        )
        for column in columns
    ]
    body = [_row(columns, row, row_ids[index] if index < len(row_ids) else None) for index, row in enumerate(rows)]
    if not body:
        return tag("p", f"{caption}: none.", class_="pn-none")
    inside = tag(
        "table",
        tag("caption", caption, class_=None if caption_shown else "pn-unseen"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_="pn-sortable" if sortable and len(body) > 1 else None,
    )
    return tag("div", inside, class_="pn-scroll", tabindex="0", role="region", aria_label=caption)


def pairs(items: Iterable[tuple[object, object]]) -> Markup:
    """Names and values, one beside the other."""
    return tag(
        "dl", *(tag("div", tag("dt", name), tag("dd", _text(value))) for name, value in items), class_="pn-pairs"
    )


def _row(columns: Sequence[Column], row: Sequence[object], row_id: str | None) -> Markup:
    first, *rest = [
        _cell(column, value, head=not index) for index, (column, value) in enumerate(zip(columns, row, strict=True))
    ]
    return tag("tr", first, *rest, id=row_id)


def _cell(column: Column, value: object, *, head: bool) -> Markup:
    cell = value if isinstance(value, Cell) else Cell(value)
    kinds = (
        "pn-num" if column.numeric else "",
        "pn-wordy" if column.wide else "",
        f"pn-{cell.tone}" if cell.tone else "",
    )
    return tag(
        "th" if head else "td",
        _text(cell.content),
        scope="row" if head else None,
        class_=" ".join(kind for kind in kinds if kind) or None,
        data_order=cell.order,
    )


def _text(value: object) -> Markup:
    return safe(clipped(value) if isinstance(value, str) and not isinstance(value, Markup) else value)
