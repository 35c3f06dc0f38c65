"""What the nodes of a running run are at: how far each is, by the run's events."""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from pipeline.readers.run_view import RunView
from pipeline.report.section import Section
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, number, percent, seconds, size


def now_section(view: RunView) -> Section:
    """The nodes at work and those that wait, for a page that follows the run."""
    if view.record.state != "RUNNING":
        return Section("now", "Now", "Run", None, "The run has ended.")
    busy, waiting = latest(view.events)
    items = [_busy(event) for event in busy.values()]
    items += [tag("li", tag("strong", node_id), f" {reason}", class_="pn-muted") for node_id, reason in waiting.items()]
    body = (
        tag("ul", *items, class_="now") if items else tag("p", "Nothing is at work at this moment.", class_="absence")
    )
    return Section("now", "Now", "Run", body)


def latest(events: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Mapping[str, Any]], dict[str, str]]:
    """The newest event of each node at work, and what each waiting node waits for."""
    busy: dict[str, Mapping[str, Any]] = {}
    waiting: dict[str, str] = {}
    for event in events:
        node_id, kind = str(event.get("node_id", "")), event.get("event")
        if kind in {"node_started", "node_progress"}:
            busy[node_id] = event
            waiting.pop(node_id, None)
        elif kind == "node_waiting":
            waiting[node_id] = str(event.get("reason", ""))
        elif kind == "node_ended":
            busy.pop(node_id, None)
            waiting.pop(node_id, None)
        elif kind == "run_started":
            busy, waiting = {}, {}
    return busy, waiting


def _busy(event: Mapping[str, Any]) -> Markup:
    done, total, unit = event.get("done"), event.get("total"), str(event.get("unit") or "")
    metrics = [f"{name} {number(value)}" for name, value in (event.get("metrics") or {}).items()]
    told = [
        seconds(event["elapsed_s"]) if event.get("elapsed_s") is not None else "",
        _amount(done, total, unit),
        *metrics,
        size(event["memory_bytes"]) if event.get("memory_bytes") else "",
        clipped(str(event.get("message") or ""), 160),
    ]
    bar = None
    if done is not None and total:
        bar = tag(
            "progress", percent(done / total), value=done, max=total, aria_label=f"{event['node_id']}, {unit} done"
        )
    return tag(
        "li", tag("strong", str(event["node_id"])), " ", join([text for text in told if text], between=" · "), bar
    )


def _amount(done: float | None, total: float | None, unit: str) -> str:
    if done is None:
        return ""
    return f"{number(done)} of {number(total)} {unit}".rstrip() if total else f"{number(done)} {unit}".rstrip()
