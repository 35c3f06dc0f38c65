"""Curves over steps as SVG: what training said of itself, epoch by epoch."""

import dataclasses
import math
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.axes import Frame, vertical_axis
from pipeline.report.scales import Linear, covering, extent
from pipeline.report.tags import drawing, join, label, mark, path, tag
from pipeline.report.text import number

_DASHES = (None, "5 3", "2 3", "8 3 2 3", "1 3", "12 4")
"""Curves differ in more than colour."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """One curve; `values` belongs to steps 1, 2, …; None or not a number where there is none."""

    name: str
    values: Sequence[float | None]


def curves(
    lines: Sequence[Curve],
    *,
    title: str,
    step_name: str = "epoch",
    marked_step: int | None = None,
    marked_as: str = "best",
) -> Markup:
    """The curves on common axes, each named at its end; a step can be marked."""
    frame = Frame(420, 210, left=52, right=96, top=24, bottom=34)
    ticks = covering(*(extent([value for line in lines for value in line.values]) or (0.0, 1.0)))
    steps = max((len(line.values) for line in lines), default=1)
    across, up = frame.across(1, max(steps, 2)), frame.up(ticks[0], ticks[-1])
    names = _spread([_last_height(line, up) for line in lines], frame)
    drawn = [_curve(line, index, across, up, names[index], step_name) for index, line in enumerate(lines)]
    return drawing(
        vertical_axis(frame, up, ticks),
        _whole_steps(frame, across, step_name, steps),
        _marked(frame, across, marked_step, marked_as) if marked_step else None,
        *drawn,
        width=frame.width,
        height=frame.height,
        title=title,
        description="; ".join(_in_words(line, step_name) for line in lines),
    )


def _curve(line: Curve, index: int, across: Linear, up: Linear, name_y: float, step_name: str) -> Markup:
    points = [
        (across(step), up(value), step, value)
        for step, value in enumerate(line.values, start=1)
        if value is not None and math.isfinite(value)
    ]
    if not points:
        return Markup("")
    dots = [
        tag(
            "circle",
            tag("title", f"{line.name}, {step_name} {step}: {number(value)}"),
            cx=x,
            cy=y,
            r=3,
            class_="pn-dot",
        )
        for x, y, step, value in points
    ]
    line_path = mark(
        "path", d=path([point[:2] for point in points]), class_="pn-line", stroke_dasharray=_DASHES[index % 6]
    )
    named = label(line.name, points[-1][0] + 8, name_y + 4, class_="pn-label pn-series")
    return tag("g", line_path, *dots, named, class_=f"pn-s{index % 6 + 1}")


def _last_height(line: Curve, up: Linear) -> float:
    values = [value for value in line.values if value is not None and math.isfinite(value)]
    return up(values[-1]) if values else up.stop


def _spread(heights: Sequence[float], frame: Frame, gap: float = 14.0) -> list[float]:
    """Heights at least `gap` apart in the same order, inside the frame: where the curves' names go."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed: dict[int, float] = {}
    last = -math.inf
    for index in order:
        last = placed[index] = max(heights[index], last + gap)
    beyond = max(last - frame.floor, 0.0)
    return [placed[index] - beyond for index in range(len(heights))]


def _whole_steps(frame: Frame, across: Linear, step_name: str, steps: int) -> Markup:
    """The horizontal axis without fractions of a step."""
    if steps > 2:
        ticks = [tick for tick in across.ticks(6) if tick == int(tick)]
    else:
        ticks = [float(step) for step in range(1, steps + 1)]
    line = mark("line", x1=frame.left, x2=frame.width - frame.right, y1=frame.floor, y2=frame.floor, class_="pn-axis")
    said = [label(number(tick), across(tick), frame.floor + 14, anchor="middle", class_="pn-tick") for tick in ticks]
    middle = (frame.left + frame.width - frame.right) / 2
    return join([line, *said, label(step_name, middle, frame.floor + 29, anchor="middle", class_="pn-tick")])


def _marked(frame: Frame, across: Linear, step: int, said: str) -> Markup:
    x = across(step)
    line = mark("line", x1=x, x2=x, y1=frame.top, y2=frame.floor, class_="pn-marked")
    return join([line, label(said, x, frame.top - 12, anchor="middle", class_="pn-tick")])


def _in_words(line: Curve, step_name: str) -> str:
    values = [value for value in line.values if value is not None and math.isfinite(value)]
    if not values:
        return f"{line.name} has no values"
    return f"{line.name} goes from {number(values[0])} to {number(values[-1])} in {len(line.values)} {step_name}s"
