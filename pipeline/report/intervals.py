"""A value with its confidence interval on a common axis, as a small drawing for a row of a table."""

from markupsafe import Markup

from pipeline.report.scales import Linear
from pipeline.report.tags import drawing, mark
from pipeline.report.text import number

_WIDTH, _HEIGHT = 150.0, 18.0


def interval(
    value: float,
    low: float | None,
    high: float | None,
    *,
    name: str,
    ranges: tuple[float, float],
    reference: float | None = None,
    reference_name: str = "all rows",
    tone: str = "",
) -> Markup:
    """A dot with whiskers inside `ranges`; a line marks what to compare with (a threshold, or all rows)."""
    across = Linear(*ranges, 6, _WIDTH - 6)
    middle = _HEIGHT / 2
    parts = [mark("line", x1=6, x2=_WIDTH - 6, y1=middle, y2=middle, class_="pn-grid")]
    if reference is not None:
        parts.append(mark("line", x1=across(reference), x2=across(reference), y1=1, y2=_HEIGHT - 1, class_="pn-marked"))
    if low is not None and high is not None:
        parts.append(mark("line", x1=across(low), x2=across(high), y1=middle, y2=middle, class_="pn-whisker"))
        parts += [
            mark("line", x1=across(x), x2=across(x), y1=middle - 4, y2=middle + 4, class_="pn-whisker")
            for x in (low, high)
        ]
    parts.append(mark("circle", cx=across(value), cy=middle, r=3.5, class_="pn-dot"))
    said = f"{name}: {number(value)}"
    said += f", interval {number(low)} to {number(high)}" if low is not None and high is not None else ""
    said += f"; {reference_name} {number(reference)}" if reference is not None else ""
    return drawing(*parts, width=_WIDTH, height=_HEIGHT, title=said, class_=f"pn-interval pn-{tone or 'plain'}")
