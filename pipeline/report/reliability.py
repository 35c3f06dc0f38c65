"""Calibration as SVG: what the model said against what happened, with how many rows each point stands for."""

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.axes import Frame, horizontal_axis, vertical_axis
from pipeline.report.scales import Linear, extent
from pipeline.report.tags import drawing, join, mark, path, tag
from pipeline.report.text import number

Point = tuple[float, float, float]
"""Mean prediction, mean outcome, rows."""


def reliability(
    points: Sequence[Point],
    *,
    title: str,
    predicted: str = "predicted probability",
    ranges: tuple[float, float] | None = (0.0, 1.0),
) -> Markup:
    """Points on the diagonal are honest predictions; below it the model promises too much. None fits the data."""
    low, high = ranges or extent([value for said, was, _ in points for value in (said, was)]) or (0.0, 1.0)
    frame = Frame(320, 300, left=46, right=12, top=12, bottom=74)
    across, up = frame.across(low, high), frame.up(low, high)
    kept = [point for point in points if point[2] > 0]
    diagonal = mark("line", x1=across(low), y1=up(low), x2=across(high), y2=up(high), class_="pn-marked")
    curve = mark("path", d=path([(across(said), up(was)) for said, was, _ in kept]), class_="pn-line") if kept else None
    return drawing(
        vertical_axis(frame, up),
        horizontal_axis(frame, across, predicted),
        diagonal,
        tag("g", curve, *(_point(point, across, up) for point in kept), _counts(kept, across, frame), class_="pn-s1"),
        width=frame.width,
        height=frame.height,
        title=title,
        description=_in_words(kept),
    )


def _point(point: Point, across: Linear, up: Linear) -> Markup:
    said, was, rows = point
    text = f"predicted {number(said)}, true {number(was)}, {number(rows)} rows"
    return tag("circle", tag("title", text), cx=across(said), cy=up(was), r=4, class_="pn-dot")


def _counts(points: Sequence[Point], across: Linear, frame: Frame) -> Markup:
    """A bar below each point: how many rows it stands for."""
    most = max((rows for *_, rows in points), default=1.0)
    bottom, room = frame.height - 4, 34.0
    bars = [
        tag(
            "rect",
            tag("title", f"{number(rows)} rows"),
            x=across(said) - 4,
            y=bottom - rows / most * room,
            width=8,
            height=rows / most * room,
            class_="pn-area",
        )
        for said, _, rows in points
    ]
    return join(bars)


def _in_words(points: Sequence[Point]) -> str:
    return (
        "; ".join(f"predicted {number(said)}: true {number(was)} in {number(rows)} rows" for said, was, rows in points)
        or "No rows"
    )
