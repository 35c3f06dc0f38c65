"""Distributions as SVG: bars of one split, several splits on the same axes, and a small one for a line of text.

The bars' area is the share of the values, so that bins of unequal width are fair. Very skewed distributions are drawn
on a logarithmic axis from their quantiles: bins of equal width would put everything into the first.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Self

from markupsafe import Markup

from pipeline.readers.statistics import Bucket, NumericStatistics
from pipeline.report.axes import Frame
from pipeline.report.scales import Linear, extent
from pipeline.report.tags import drawing, join, label, mark, path, tag
from pipeline.report.text import number, percent

_SKEWED = 20.0
"""From this ratio of the greatest value to the mean on, the axis is logarithmic."""
_NARROWEST = 1 / 30
"""Bins narrower than this part of a logarithmic axis are put together: equal values have quantiles in one place."""


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar: its values' range, how many there are, and where it begins and ends on the axis."""

    low: float
    high: float
    count: float
    start: float
    stop: float

    def density(self, total: float) -> float:
        """The bar's height: its share per unit of the axis.

        >>> Bar(0, 2, 5, 0, 2).density(10)
        0.25
        """
        width = self.stop - self.start
        return self.count / total / (width if width > 0 else 1.0) if total else 0.0


@dataclasses.dataclass(frozen=True)
class Distribution:
    """The bars of one split."""

    bars: tuple[Bar, ...]
    is_logarithmic: bool = False

    @property
    def total(self) -> float:
        """All values together."""
        return sum(bar.count for bar in self.bars)

    @property
    def peak(self) -> float:
        """The greatest density."""
        return max((bar.density(self.total) for bar in self.bars), default=0.0)

    @classmethod
    def of(cls, statistics: NumericStatistics, *, logarithmic: bool) -> Self:
        """The distribution of a feature on a plain or a logarithmic axis."""
        if not logarithmic:
            return cls(
                tuple(Bar(bin_.low, bin_.high, bin_.count, bin_.low, bin_.high) for bin_ in statistics.histogram)
            )
        return cls(tuple(_merged(statistics.quantiles)), is_logarithmic=True)


def distributions(splits: Mapping[str, NumericStatistics]) -> dict[str, Distribution]:
    """The distribution of a feature in each split, all on one kind of axis."""
    logarithmic = any(is_skewed(found) for found in splits.values()) and all(_has_quantiles(f) for f in splits.values())
    made = {split: Distribution.of(found, logarithmic=logarithmic) for split, found in splits.items()}
    return {split: found for split, found in made.items() if found.bars}


def is_skewed(statistics: NumericStatistics) -> bool:
    """True if the values are not negative and the greatest is far beyond the mean."""
    low, mean, high = statistics.min, statistics.mean, statistics.max
    return low is not None and mean is not None and high is not None and low >= 0 and high > _SKEWED * mean


def histogram(
    distribution: Distribution, *, title: str, ranges: tuple[float, float] | None = None, top: float = 0.0
) -> Markup:
    """The bars over their axis; `ranges` (of the axis) and `top` (a density) make several comparable."""
    frame = Frame(260, 132, left=8, right=8, top=8, bottom=20)
    low, high = ranges or _ends([distribution])
    across, up = frame.across(low, high), frame.up(0, max(top, distribution.peak) or 1.0)
    return drawing(
        *(_bar(bar, distribution.total, across, up) for bar in distribution.bars),
        _axis(frame, across, logarithmic=distribution.is_logarithmic),
        width=frame.width,
        height=frame.height,
        title=title,
        description=_in_words(distribution),
    )


def side_by_side(splits: Mapping[str, Distribution], *, name: str) -> Markup:
    """One histogram a split, all with the same axes."""
    ranges, top = _ends(list(splits.values())), max((found.peak for found in splits.values()), default=0.0)
    figures = [
        tag(
            "figure",
            tag("figcaption", split),
            histogram(found, title=f"{name} in {split}", ranges=ranges, top=top),
            class_=f"pn-figure pn-s{index % 6 + 1}",
        )
        for index, (split, found) in enumerate(splits.items())
    ]
    return tag("div", *figures, class_="pn-figures")


def sparkline(splits: Mapping[str, Distribution], *, name: str, width: float = 120, height: float = 26) -> Markup:
    """The first split filled, the second as a line over it: enough to see that they differ."""
    shown = [found for found in splits.values() if found.bars][:2]
    low, high = _ends(shown)
    across = Linear(low, high, 1, width - 1)
    up = Linear(0, max((found.peak for found in shown), default=0.0) or 1.0, height - 1, 2)
    parts = [
        mark("path", d=_outline(found, across, up), class_="pn-line pn-s2" if index else "pn-area pn-s1")
        for index, found in enumerate(shown)
    ]
    return drawing(*parts, width=width, height=height, title=f"Distribution of {name}", class_="pn-spark")


def value_bars(shares: Mapping[str, Sequence[float]], *, title: str, width: float = 120, height: float = 26) -> Markup:
    """Shares of the most common values, in their order: of the first split filled, of the second as a line over it."""
    step = (width - 2) / max(len(shares), 4)
    up = Linear(0, max((share for row in shares.values() for share in row), default=0.0) or 1.0, height - 1, 2)
    drawn = [_value(1 + index * step, step - 1.5, up, value, row) for index, (value, row) in enumerate(shares.items())]
    return drawing(*drawn, width=width, height=height, title=title, class_="pn-spark")


def _value(left: float, wide: float, up: Linear, value: str, shares: Sequence[float]) -> Markup:
    first, *others = shares
    said = f"{value}: {', '.join(percent(share) for share in shares)}"
    bar = _rect(left, up(first), max(wide, 1), up(0) - up(first), said)
    over = [
        mark("line", x1=left, x2=left + max(wide, 1), y1=up(share), y2=up(share), class_="pn-line pn-s2")
        for share in others[:1]
    ]
    return join([tag("g", bar, class_="pn-s1"), *over])


def _has_quantiles(statistics: NumericStatistics) -> bool:
    return bool(statistics.quantiles)


def _merged(quantiles: Sequence[Bucket]) -> list[Bar]:
    """Bins of equal count as bars on the axis of log(1 + value), put together until none is too narrow to see."""
    least = math.log1p(quantiles[-1].high) * _NARROWEST
    bars: list[Bar] = []
    for bucket in quantiles:
        bar = Bar(bucket.low, bucket.high, bucket.count, math.log1p(bucket.low), math.log1p(bucket.high))
        if bars and bars[-1].stop - bars[-1].start < least:
            last = bars.pop()
            bar = Bar(last.low, bar.high, last.count + bar.count, last.start, bar.stop)
        bars.append(bar)
    return bars


def _ends(found: Sequence[Distribution]) -> tuple[float, float]:
    """The axis that all of them fit on."""
    return extent([place for one in found for bar in one.bars for place in (bar.start, bar.stop)]) or (0.0, 1.0)


def _axis(frame: Frame, across: Linear, *, logarithmic: bool) -> Markup:
    ticks = _powers(across.high) if logarithmic else {tick: tick for tick in across.ticks(4)}
    shown = [
        label(number(value), across(place), frame.floor + 13, anchor="middle", class_="pn-tick")
        for place, value in ticks.items()
    ]
    line = mark("line", x1=frame.left, x2=frame.width - frame.right, y1=frame.floor, y2=frame.floor, class_="pn-axis")
    return join([line, *shown])


def _powers(highest: float) -> dict[float, float]:
    """Places of 0 and of at most five powers of ten up to the end of a logarithmic axis."""
    most = int(highest / math.log(10))
    step = max(1, math.ceil(most / 4))
    powers = [10.0**power for power in range(0, most + 1, step)]
    return {0.0: 0.0} | {math.log1p(value): value for value in powers if math.log1p(value) <= highest}


def _bar(bar: Bar, total: float, across: Linear, up: Linear) -> Markup:
    left, right, top = across(bar.start), across(bar.stop), up(bar.density(total))
    said = (
        f"{number(bar.low)} to {number(bar.high)}: {number(bar.count)} ({percent(bar.count / total if total else 0)})"
    )
    return _rect(left, top, max(right - left - 1, 1.5), max(up(0) - top, 1.0 if bar.count else 0), said)


def _rect(x: float, y: float, width: float, height: float, said: str) -> Markup:
    return tag("rect", tag("title", said), x=x, y=y, width=width, height=height, class_="pn-area")


def _outline(found: Distribution, across: Linear, up: Linear) -> str:
    """Steps along the tops of the bars, from the floor to the floor."""
    points = [(across(found.bars[0].start), up(0))]
    for bar in found.bars:
        height = up(bar.density(found.total))
        points += [(across(bar.start), height), (across(bar.stop), height)]
    return path([*points, (across(found.bars[-1].stop), up(0))])


def _in_words(found: Distribution) -> str:
    if not found.bars or not found.total:
        return "No values"
    most = max(found.bars, key=lambda bar: bar.count)
    span = f"from {number(found.bars[0].low)} to {number(found.bars[-1].high)}"
    where = f"{percent(most.count / found.total)} lie between {number(most.low)} and {number(most.high)}"
    return f"Values {span}; {where}{'; the axis is logarithmic' if found.is_logarithmic else ''}"
