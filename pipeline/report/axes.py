"""The frame of a chart: axes with round values and light lines."""

import dataclasses
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.scales import Linear
from pipeline.report.tags import join, label, mark
from pipeline.report.text import number


@dataclasses.dataclass(frozen=True)
class Frame:
    """A chart's area in a drawing of `width` by `height` pixels, with room for what stands beside the axes."""

    width: float
    height: float
    left: float = 44.0
    right: float = 10.0
    top: float = 10.0
    bottom: float = 30.0

    def across(self, low: float, high: float) -> Linear:
        """The scale of the horizontal axis."""
        return Linear(low, high, self.left, self.width - self.right)

    def up(self, low: float, high: float) -> Linear:
        """The scale of the vertical axis."""
        return Linear(low, high, self.height - self.bottom, self.top)

    @property
    def floor(self) -> float:
        """Where the horizontal axis is."""
        return self.height - self.bottom


def horizontal_axis(frame: Frame, scale: Linear, name: str = "", *, most: int = 5) -> Markup:
    """The line, round values below it, and what they are."""
    ticks = [
        label(number(tick), scale(tick), frame.floor + 13, anchor="middle", class_="pn-tick")
        for tick in scale.ticks(most)
    ]
    line = mark("line", x1=frame.left, x2=frame.width - frame.right, y1=frame.floor, y2=frame.floor, class_="pn-axis")
    middle = (frame.left + frame.width - frame.right) / 2
    said = label(name, middle, frame.floor + 27, anchor="middle", class_="pn-tick") if name else ""
    return join([line, *ticks, said])


def vertical_axis(frame: Frame, scale: Linear, ticks: Sequence[float]) -> Markup:
    """The values at the left, with light lines across."""
    parts = []
    for tick in ticks:
        y = scale(tick)
        parts.append(mark("line", x1=frame.left, x2=frame.width - frame.right, y1=y, y2=y, class_="pn-grid"))
        parts.append(label(number(tick), frame.left - 6, y + 3.5, anchor="end", class_="pn-tick"))
    return join(parts)
