"""Calibration as SVG: what the model said against what happened, with how many rows each point stands for."""

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.axes import Frame, horizontal_axis, vertical_axis
from pipeline.report.scales import Linear, extent
from pipeline.report.tags import drawing, join, mark, path, tag
from pipeline.report.text import number


@dataclasses.dataclass(frozen=True)
class Point:
    """Rows with like predictions: mean prediction, mean outcome with its interval where it is known, how many rows."""

    predicted: float
    observed: float
    rows: float
    low: float | None = None
    high: float | None = None


def reliability(
    points: Sequence[Point],
    *,
    title: str,
    predicted: str = "predicted probability",
    ranges: tuple[float, float] | None = (0.0, 1.0),
) -> Markup:
    """Points on the diagonal are honest predictions; below it the model promises too much. None fits the data."""
    low, high = (
        ranges or extent([value for point in points for value in (point.predicted, point.observed)]) or (0.0, 1.0)
    )
    frame = Frame(320, 300, left=46, right=12, top=12, bottom=74)
    across, up = frame.across(low, high), frame.up(low, high)
    kept = [point for point in points if point.rows > 0]
    diagonal = mark("line", x1=across(low), y1=up(low), x2=across(high), y2=up(high), class_="pn-marked")
    curve = (
        mark("path", d=path([(across(point.predicted), up(point.observed)) for point in kept]), class_="pn-line")
        if kept
        else None
    )
    return drawing(
        vertical_axis(frame, up, up.ticks(5)),
        horizontal_axis(frame, across, predicted),
        diagonal,
        tag("g", curve, *(_point(point, across, up) for point in kept), _counts(kept, across, frame), class_="pn-s1"),
        width=frame.width,
        height=frame.height,
        title=title,
        description=_in_words(kept),
    )


def _point(point: Point, across: Linear, up: Linear) -> Markup:
    x = across(point.predicted)
    whisker = None
    if point.low is not None and point.high is not None:
        whisker = mark("line", x1=x, x2=x, y1=up(point.low), y2=up(point.high), class_="pn-whisker")
    text = f"predicted {number(point.predicted)}, true {number(point.observed)}, {number(point.rows)} rows"
    return tag("g", whisker, tag("circle", tag("title", text), cx=x, cy=up(point.observed), r=4, class_="pn-dot"))


def _counts(points: Sequence[Point], across: Linear, frame: Frame) -> Markup:
    """A bar below each point: how many rows it stands for."""
    most = max((point.rows for point in points), default=1.0)
    bottom, room = frame.height - 4, 34.0
    return join(_count(point, across(point.predicted), bottom, point.rows / most * room) for point in points)


def _count(point: Point, x: float, bottom: float, height: float) -> Markup:
    said = tag("title", f"{number(point.rows)} rows")
    return tag("rect", said, x=x - 4, y=bottom - height, width=8, height=height, class_="pn-area")


def _in_words(points: Sequence[Point]) -> str:
    told = (f"predicted {number(p.predicted)}: true {number(p.observed)} in {number(p.rows)} rows" for p in points)
    return "; ".join(told) or "No rows"
