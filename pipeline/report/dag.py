"""A graph of boxes and edges as SVG: the pipeline of a run, or any other graph of that shape (lineage)."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

from markupsafe import Markup

from pipeline.report.layout import Layout, layout
from pipeline.report.states import badge_text, node_or_empty, shown_state, state_of
from pipeline.report.tags import drawing, label, mark, tag
from pipeline.report.text import counted, middle, seconds, size
from pipeline.run_store import RunRecord

Direction = Literal["right", "down"]

_BOX = (162.0, 44.0)
_GAP_ALONG, _GAP_ACROSS = 22.0, 14.0
_MARGIN = 4.0
_LETTERS = 21
"""What fits on a box's first line; the whole name is in its title."""


@dataclasses.dataclass(frozen=True)
class Box:
    """One node of a drawing.

    Attributes:
      box_id: what edges name it by.
      name: the first line.
      note: the second line.
      tone: good, same, busy, bad or quiet, which its colours follow.
      detail: shown when the pointer rests on it, and read aloud.
      href: where a click goes, inside the page.
    """

    box_id: str
    name: str
    note: str
    tone: str = "quiet"
    detail: str = ""
    href: str = ""


def graph(
    boxes: Sequence[Box], upstream: Mapping[str, Sequence[str]], *, title: str, direction: Direction = "right"
) -> Markup:
    """The boxes, given in topological order, with an edge from each to its readers."""
    placed = layout([box.box_id for box in boxes], upstream)
    width, height = _extent(placed, direction)
    edges = [_edge(points, direction) for points in placed.edges.values()]
    drawn = [_box(box, *_corner(placed.places[box.box_id], direction)) for box in boxes]
    described = f"{counted(len(boxes), 'node')}; what feeds what: {_in_words(boxes, placed)}"
    return drawing(
        tag("g", *edges, class_="pn-edges"), *drawn, width=width, height=height, title=title, description=described
    )


def run_graph(run: RunRecord, upstream: Mapping[str, Sequence[str]], *, direction: Direction = "right") -> Markup:
    """The run's pipeline with the state and time of each node."""
    boxes = [_node_box(run, node_id) for node_id in run.node_ids]
    return graph(boxes, upstream, title=f"Pipeline {run.pipeline_name}", direction=direction)


def _node_box(run: RunRecord, node_id: str) -> Box:
    node, state = node_or_empty(run, node_id), state_of(run, node_id)
    shown = shown_state(state)
    time = f" · {seconds(node.wall_s)}" if node.wall_s else ""
    memory = f", at most {size(node.peak_memory_bytes)}" if node.peak_memory_bytes else ""
    detail = f"{node_id}: {shown.word}{time.replace(' ·', ' in')}{memory}. {node.failure}".strip()
    return Box(node_id, node_id, f"{badge_text(state)}{time}", shown.tone, detail, f"#node-{node_id}")


def _steps(direction: Direction) -> tuple[float, float]:
    """From one layer to the next, and from one row to the next, in pixels."""
    wide, high = _BOX
    return (wide + _GAP_ALONG, high + _GAP_ACROSS) if direction == "right" else (high + _GAP_ALONG, wide + _GAP_ACROSS)


def _extent(placed: Layout, direction: Direction) -> tuple[float, float]:
    along, across = _steps(direction)
    long, wide = placed.layers * along - _GAP_ALONG, placed.rows * across - _GAP_ACROSS
    width, height = (long, wide) if direction == "right" else (wide, long)
    return width + 2 * _MARGIN, height + 2 * _MARGIN


def _corner(place: tuple[int, float], direction: Direction) -> tuple[float, float]:
    """The upper left corner of the box at a layer and row."""
    along, across = _steps(direction)
    far, aside = place[0] * along + _MARGIN, place[1] * across + _MARGIN
    return (far, aside) if direction == "right" else (aside, far)


def _edge(points: Sequence[tuple[int, float]], direction: Direction) -> Markup:
    """A curve from the end of the first box, past the points between, to the start of the last."""
    corners = [_corner(point, direction) for point in points]
    starts = [_port(corner, direction, at_end=True) for corner in corners[:-1]]
    ends = [_port(corner, direction, at_end=False) for corner in corners[1:]]
    pieces = [f"{x:g},{y:g}{_curve((x, y), end, direction)}" for (x, y), end in zip(starts, ends, strict=True)]
    return mark("path", d="M" + "L".join(pieces), class_="pn-edge")


def _port(corner: tuple[float, float], direction: Direction, *, at_end: bool) -> tuple[float, float]:
    """Where edges leave a box, or reach it."""
    (x, y), (wide, high) = corner, _BOX
    if direction == "right":
        return x + (wide if at_end else 0), y + high / 2
    return x + wide / 2, y + (high if at_end else 0)


def _curve(start: tuple[float, float], end: tuple[float, float], direction: Direction) -> str:
    (x0, y0), (x1, y1) = start, end
    half = (x0 + x1) / 2, (y0 + y1) / 2
    bends = (
        f"{half[0]:g},{y0:g} {half[0]:g},{y1:g}" if direction == "right" else f"{x0:g},{half[1]:g} {x1:g},{half[1]:g}"
    )
    return f"C{bends} {x1:g},{y1:g}"


def _box(box: Box, x: float, y: float) -> Markup:
    wide, high = _BOX
    inside = (
        tag("title", box.detail) if box.detail else None,
        mark("rect", x=x, y=y, width=wide, height=high, rx=6, class_="pn-box"),
        mark("rect", x=x, y=y + 6, width=4, height=high - 12, rx=2, class_="pn-stripe"),
        label(middle(box.name, _LETTERS), x + 13, y + 19, class_="pn-label pn-strong"),
        label(middle(box.note, _LETTERS + 3), x + 13, y + 35, class_="pn-label pn-note"),
    )
    shape = tag("g", *inside, class_=f"pn-node pn-{box.tone}")
    return tag("a", shape, href=box.href, aria_label=box.detail or box.name) if box.href else shape


def _in_words(boxes: Sequence[Box], placed: Layout) -> str:
    """The edges as text: the drawing for those who cannot see it."""
    names = {box.box_id: box.name for box in boxes}
    return ", ".join(f"{names[parent]} to {names[child]}" for parent, child in placed.edges) or "nothing"
