"""When each node of a run was at work: a bar a node on one time axis, in HTML so that a phone can read it."""

import datetime
import math

from markupsafe import Markup

from pipeline.report.scales import Linear
from pipeline.report.states import badge_text, shown_state, state_of
from pipeline.report.tags import join, tag
from pipeline.report.text import seconds
from pipeline.run_store import NodeRecord, RunRecord

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)


def gantt(run: RunRecord, now: str | None = None) -> Markup | None:
    """The bars of the nodes that were at work, None if the run holds no start times (an older layout, or none ran).

    `now` (ISO 8601) ends the bars of nodes that are still running.
    """
    spans = {node.node_id: span for node in run.nodes if (span := _span(node, now)) and state_of(run, node.node_id)}
    if not spans:
        return None
    begin = min(start for start, _ in spans.values())
    length = max((stop for _, stop in spans.values())) - begin
    scale = Linear(0, max(length, 0.1), 0, 100)
    order = sorted(spans, key=lambda node_id: (spans[node_id][0], run.node_ids.index(node_id)))
    rows = [_row(run, node_id, spans[node_id][0] - begin, spans[node_id][1] - begin, scale) for node_id in order]
    return tag("div", tag("div", *rows, class_="pn-gantt-rows", role="list"), _axis(scale), class_="pn-gantt")


def overlap(run: RunRecord) -> float | None:
    """How many nodes were at work at once on average, None without start times."""
    spans = [span for node in run.nodes if (span := _span(node, None))]
    length = max((stop for _, stop in spans), default=0.0) - min((start for start, _ in spans), default=0.0)
    return sum(stop - start for start, stop in spans) / length if length > 0 else None


def _row(run: RunRecord, node_id: str, start: float, stop: float, scale: Linear) -> Markup:
    state = state_of(run, node_id)
    left, wide = scale(start), max(scale(stop) - scale(start), 0.3)
    said = f"{node_id}: {badge_text(state)}, from {seconds(start)} to {seconds(stop)} after the first node began"
    bar = tag("span", class_=f"pn-bar pn-{shown_state(state).tone}", style=f"left:{left:.2f}%;width:{wide:.2f}%")
    time = tag("span", seconds(stop - start), class_="pn-bar-time", style=_beside(left, wide))
    name = tag("span", node_id, class_="pn-gantt-name")
    lane = tag("span", bar, time, class_="pn-lane", aria_hidden="true")
    return tag(
        "div", name, lane, tag("span", said, class_="pn-unseen"), class_="pn-gantt-row", role="listitem", title=said
    )


def _beside(left: float, wide: float) -> str:
    """After the bar, or before it where there is no room after."""
    return f"left:{left + wide:.2f}%" if left + wide < 85 else f"right:{100 - left:.2f}%"


def _axis(scale: Linear) -> Markup:
    places = [(scale(tick), seconds(tick)) for tick in time_ticks(scale.high)]
    # Shifted to the left by its own place, a text never leaves the axis.
    ticks = [tag("span", text, style=f"left:{at:.2f}%;transform:translateX(-{at:.0f}%)") for at, text in places]
    lane = tag("span", join(ticks), class_="pn-lane")
    return tag(
        "div", tag("span", class_="pn-gantt-name"), lane, class_="pn-gantt-row pn-gantt-axis", aria_hidden="true"
    )


def time_ticks(length_s: float, most: int = 5) -> list[float]:
    """Round times from 0 to the length, at most `most`.

    >>> time_ticks(190)
    [0.0, 60.0, 120.0, 180.0]
    """
    step = next((step for step in _STEPS_S if length_s / step <= most - 1), None)
    step = step or _STEPS_S[-1] * math.ceil(length_s / _STEPS_S[-1] / (most - 1))
    return [float(index * step) for index in range(int(length_s / step) + 1)]


def _span(node: NodeRecord, now: str | None) -> tuple[float, float] | None:
    """When the node began and ended, in seconds since 1970."""
    started = getattr(node, "started_at", None)
    if not started or node.state in {"REUSED", "NOT_RUN"}:
        return None
    ended = getattr(node, "ended_at", None) or (now if node.state == "RUNNING" else None)
    begin = datetime.datetime.fromisoformat(started).timestamp()
    return begin, max(begin, datetime.datetime.fromisoformat(ended).timestamp() if ended else begin + node.wall_s)
