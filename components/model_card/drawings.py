"""Small drawings beside the numbers of a card, as SVG: an interval on a shared axis, a bar."""

import dataclasses
from collections.abc import Iterable

from markupsafe import Markup

WIDTH = 160
HEIGHT = 14


@dataclasses.dataclass(frozen=True)
class Axis:
    """Where values lie in a drawing of `WIDTH`."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float | None]) -> "Axis":
        """The axis that holds all of them, with a little room at both ends."""
        known = [value for value in values if value is not None]
        if not known:
            return cls(0.0, 1.0)
        room = 0.05 * (max(known) - min(known)) or 0.5
        return cls(min(known) - room, max(known) + room)

    def place(self, value: float) -> float:
        """The value's place, to a tenth of a pixel.

        >>> Axis(0.0, 1.0).place(0.25)
        40.0
        """
        return round(WIDTH * (value - self.low) / (self.high - self.low), 1)


def interval(axis: Axis, value: float | None, low: float | None, high: float | None, mark: float | None) -> Markup:
    """A dot with its interval; `mark` is a value to compare with, drawn as a line from top to bottom."""
    middle = HEIGHT / 2
    parts = []
    if mark is not None:
        place = axis.place(mark)
        parts.append(Markup('<line class="mark" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(place, HEIGHT))
    if low is not None and high is not None:
        ends = (axis.place(low), axis.place(high), middle)
        parts.append(Markup('<line class="range" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(*ends))
    if value is not None:
        parts.append(Markup('<circle cx="{}" cy="{}" r="3.5"/>').format(axis.place(value), middle))
    return _drawing(Markup("").join(parts))


def bar(share: float) -> Markup:
    """A bar of that share of the width, 0 to 1."""
    width = round(WIDTH * min(max(share, 0.0), 1.0), 1)
    return _drawing(Markup('<rect x="0" y="2" width="{}" height="{}" rx="1.5"/>').format(width, HEIGHT - 4))


def _drawing(inside: Markup) -> Markup:
    box = Markup('<svg class="drawing" viewBox="0 0 {0} {1}" width="{0}" height="{1}" aria-hidden="true">{2}</svg>')
    return box.format(WIDTH, HEIGHT, inside)
