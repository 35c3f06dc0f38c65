"""Charts of data frames for exploring: bars, lines over an ordered index, and distributions beside each other."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

from pipeline.report.axes import Frame, vertical_axis
from pipeline.report.histogram import Bar, Distribution, side_by_side
from pipeline.report.scales import Linear, covering, extent
from pipeline.report.tags import drawing, join, label, mark, path, tag
from pipeline.report.text import clipped, counted, middle, number
from pipeline.workbench.display import Shown

MOST_BARS = 40
MOST_SERIES = 6
_ROW, _LEFT, _WIDTH, _RIGHT = 22.0, 190.0, 640.0, 70.0
_DASHES = (None, "5 3", "2 3", "8 3 2 3", "1 3", "12 4")
_BINS = 24

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class Chart(Shown):
    """A drawing of a frame."""

    def __init__(self, title: str, frame: pd.DataFrame, picture: Markup) -> None:
        """Takes the finished drawing."""
        self._title, self._frame, self._picture = title, frame, picture

    @property
    def title(self) -> str:
        """What is drawn."""
        return self._title

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers behind it."""
        return self._frame

    def body(self) -> Markup:
        """The drawing."""
        return self._picture


def bars(values: "pd.Series[float]", *, title: str, spread: "pd.Series[float] | None" = None) -> Chart:
    """One horizontal bar from zero for each value, named by the index.

    Args:
      values: the bars from top to bottom; the first forty are drawn.
      title: what they are.
      spread: whiskers of this length to both sides, by the same index.
    """
    name = "value" if values.name is None else str(values.name)
    frame = values.to_frame(name) if spread is None else pd.DataFrame({name: values, "spread": spread})
    shown = values.head(MOST_BARS)
    around = [0.0] * len(shown) if spread is None else [_finite(item) for item in spread.reindex(shown.index)]
    picture = _bars([_words(name) for name in shown.index], [float(item) for item in shown], around, title)
    more = len(values) - len(shown)
    remark = tag("p", f"… and {counted(more, 'more bar')}: see .frame", class_="note") if more else None
    return Chart(title, frame, join([picture, remark]))


def lines(frame: pd.DataFrame, *, title: str) -> Chart:
    """One line for each column (the first six), over the index in its order; gaps where there is no number."""
    drawn = frame.iloc[:, :MOST_SERIES]
    box = Frame(640, 230, left=52, right=130, top=14, bottom=30)
    ticks = covering(*(extent([_finite(value, math.nan) for value in drawn.to_numpy().ravel()]) or (0.0, 1.0)))
    across, up = box.across(0, max(len(drawn) - 1, 1)), box.up(ticks[0], ticks[-1])
    ends = _apart([_last(drawn.iloc[:, at], up) for at in range(drawn.shape[1])])
    series = [_line(drawn, at, across, up, ends[at]) for at in range(drawn.shape[1])]
    picture = drawing(
        vertical_axis(box, up, ticks),
        _names_below(drawn.index, across, box),
        *series,
        width=box.width,
        height=box.height,
        title=title,
        description="; ".join(_told(drawn, at) for at in range(drawn.shape[1])),
    )
    more = frame.shape[1] - drawn.shape[1]
    remark = tag("p", f"… and {counted(more, 'more line')}: see .frame", class_="note") if more else None
    return Chart(title, frame, join([picture, remark]))


def histograms(groups: Mapping[object, "pd.Series[float]"], *, title: str) -> Chart:
    """The distribution of each group's numbers, all on the same axes; the first six groups are drawn."""
    numbers = {_words(name): _numbers(values) for name, values in groups.items()}
    together = np.concatenate([*numbers.values(), np.empty(0)])
    edges = np.histogram_bin_edges(together, _BINS) if len(together) else np.array([0.0, 1.0])
    counts = {name: np.histogram(values, edges)[0] for name, values in numbers.items()}
    frame = pd.DataFrame({"from": edges[:-1], "to": edges[1:], **counts})
    drawn = {name: _distribution(counts[name], edges) for name in list(counts)[:MOST_SERIES]}
    return Chart(title, frame, side_by_side(drawn, name=title))


def _distribution(counts: Counts, edges: Numbers) -> Distribution:
    bins = zip(counts.tolist(), edges.tolist(), edges.tolist()[1:], strict=False)
    return Distribution(tuple(Bar(low, high, count, low, high) for count, low, high in bins))


def _bars(names: Sequence[str], values: Sequence[float], spread: Sequence[float], title: str) -> Markup:
    reach = [_finite(value) + side * around for value, around in zip(values, spread, strict=True) for side in (-1, 1)]
    low, high = extent([0.0, *reach]) or (0.0, 1.0)
    across = Linear(low, high if high > low else low + 1, _LEFT, _WIDTH - _RIGHT)
    height = max(len(values), 1) * _ROW + 6
    rows = [
        _bar(name, value, around, across, at * _ROW + 3)
        for at, (name, value, around) in enumerate(zip(names, values, spread, strict=True))
    ]
    zero = mark("line", x1=across(0), x2=across(0), y1=0, y2=height, class_="pn-axis")
    told = "; ".join(f"{name}: {number(value)}" for name, value in zip(names, values, strict=True)) or "nothing to draw"
    inside = tag("g", *rows, class_="pn-s1")
    return drawing(inside, zero, width=_WIDTH, height=height, title=title, description=told)


def _bar(name: str, value: float, around: float, across: Linear, top: float) -> Markup:
    start, end = sorted((across(0), across(_finite(value))))
    said = f"{name}: {number(value)}" + (f" ± {number(around)}" if around else "")
    middle_y = top + _ROW / 2
    left, right = across(_finite(value) - around), across(_finite(value) + around)
    whisker = mark("line", x1=left, x2=right, y1=middle_y, y2=middle_y, class_="pn-axis") if around else None
    body = tag("rect", tag("title", said), x=start, y=top + 3, width=max(end - start, 1.0), height=_ROW - 6)
    return join(
        [
            label(middle(name, 28), _LEFT - 8, middle_y + 4, anchor="end"),
            tag("g", body, class_="pn-area"),
            whisker,
            label(number(value), max(end, right) + 6, middle_y + 4, class_="pn-tick"),
        ]
    )


def _line(frame: pd.DataFrame, at: int, across: Linear, up: Linear, name_y: float) -> Markup:
    name = _words(frame.columns[at])
    points = [
        (across(step), up(float(value)), _words(frame.index[step]), float(value))
        for step, value in enumerate(frame.iloc[:, at])
        if _is_finite(value)
    ]
    if not points:
        return Markup("")
    dots = [
        tag("circle", tag("title", f"{name}, {place}: {number(value)}"), cx=x, cy=y, r=2.5, class_="pn-dot")
        for x, y, place, value in points
    ]
    curve = mark("path", d=path([point[:2] for point in points]), class_="pn-line", stroke_dasharray=_DASHES[at])
    named = label(middle(name, 18), points[-1][0] + 8, name_y + 4, class_="pn-label pn-series")
    return tag("g", curve, *dots, named, class_=f"pn-s{at + 1}")


def _last(values: "pd.Series[float]", up: Linear) -> float:
    """Where the line ends."""
    finite = [float(value) for value in values if _is_finite(value)]
    return up(finite[-1]) if finite else up.stop


def _apart(heights: Sequence[float], gap: float = 14.0) -> list[float]:
    """The heights in their order, moved down until names set there do not touch."""
    placed = [0.0] * len(heights)
    last = -math.inf
    for at in sorted(range(len(heights)), key=lambda at: heights[at]):
        last = placed[at] = max(heights[at], last + gap)
    return placed


def _names_below(index: "pd.Index[str]", across: Linear, box: Frame) -> Markup:
    """The axis with at most seven of the index's names."""
    step = max(math.ceil(len(index) / 7), 1)
    told = [
        label(middle(_words(index[at]), 14), across(at), box.floor + 15, anchor="middle", class_="pn-tick")
        for at in range(0, len(index), step)
    ]
    line = mark("line", x1=box.left, x2=box.width - box.right, y1=box.floor, y2=box.floor, class_="pn-axis")
    return join([line, *told])


def _told(frame: pd.DataFrame, at: int) -> str:
    values = [float(value) for value in frame.iloc[:, at] if _is_finite(value)]
    name = _words(frame.columns[at])
    return f"{name} goes from {number(values[0])} to {number(values[-1])}" if values else f"{name} has no values"


def _numbers(values: "pd.Series[float]") -> Numbers:
    found: Numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    finite: Numbers = found[np.isfinite(found)]
    return finite


def _words(name: object) -> str:
    return clipped(" · ".join(map(str, name)) if isinstance(name, tuple) else str(name), 200)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(float(value))


def _finite(value: object, otherwise: float = 0.0) -> float:
    return float(value) if _is_finite(value) else otherwise  # type: ignore[arg-type]
