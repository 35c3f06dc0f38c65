"""The part of the page about the run itself: its graph, when each node was at work, what each cost, why one failed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from pipeline.report.dag import run_graph
from pipeline.report.gantt import gantt, overlap
from pipeline.report.section import Section, fold, note, part
from pipeline.report.states import STATES, badge, node_or_empty, state_of
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import seconds, size
from pipeline.run_store import NodeRecord, RunRecord

LOG_LINES = 40
"""The end of a failed node's log that is shown; a line of it is cut at 2,000 characters."""
_LOG_BYTES = 64 * 1024

_COLUMNS = (
    Column("node"),
    Column("state"),
    Column("wall", numeric=True, meaning="time from its start to its end"),
    Column("CPU", numeric=True, meaning="seconds of processor time, child processes included: what it cost"),
    Column("peak memory", numeric=True, meaning="largest resident set, child processes included"),
    Column("attempt", numeric=True, meaning="how often it was started in this run"),
    Column("remark"),
    Column("log"),
)


def run_section(run: RunRecord, upstream: Mapping[str, Sequence[str]], logs: Path, now: str | None = None) -> Section:
    """Graph, times and costs of a run whose logs are in the folder `logs`; `now` is for a run that goes on."""
    beside = tag("div", _times(run, now), _legend(run))
    view = tag("div", _graph(run, upstream), beside, class_="run-view")
    body = join([view, _failures(run, logs), _nodes(run, logs)])
    return Section("run", "Pipeline", "Run", body)


def log_file(logs: Path, node: NodeRecord) -> Path | None:
    """The log of the node's last attempt, also where an older layout has it; None if there is none."""
    names = (f"{node.node_id}.{node.attempt}.log", f"{node.node_id}.log")
    return next((logs / name for name in names if (logs / name).is_file()), None)


def log_end(path: Path, lines: int = LOG_LINES) -> str:
    """The last lines of a log; bytes that are no text are shown as escapes."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _LOG_BYTES))
        text = file.read().decode("utf-8", "backslashreplace")
    return "\n".join(line[:2000] for line in text.splitlines()[-lines:])


def _graph(run: RunRecord, upstream: Mapping[str, Sequence[str]]) -> Markup:
    """The graph from top to bottom, so that it fits a phone."""
    drawn = run_graph(run, upstream, direction="down")
    return tag(
        "div", drawn, class_="pn-scroll pn-wide", tabindex="0", role="region", aria_label="Graph of the pipeline"
    )


def _legend(run: RunRecord) -> Markup:
    """What the states in the graph mean."""
    shown = dict.fromkeys(state_of(run, node_id) for node_id in run.node_ids)
    known = [(badge(state), STATES[state].meaning) for state in shown if state in STATES]
    return tag("ul", *(tag("li", drawn, f" {meaning}") for drawn, meaning in known), class_="legend note")


def _times(run: RunRecord, now: str | None) -> Markup:
    drawn = gantt(run, now)
    if drawn is None:
        why = "nothing ran" if not run.nodes else "this run's record holds no start times (it has an older layout)"
        return part("When each node was at work", note(f"Not shown: {why}."))
    busy = overlap(run)
    return part("When each node was at work", drawn, note(f"On average {busy:.1f} nodes at once.") if busy else None)


def _nodes(run: RunRecord, logs: Path) -> Markup:
    rows = [_node_row(run, node_id, logs) for node_id in run.node_ids]
    ids = [f"node-{node_id}" for node_id in run.node_ids]
    return part("What each node cost", table(_COLUMNS, rows, caption="Nodes of the run", row_ids=ids), _total(run))


def _node_row(run: RunRecord, node_id: str, logs: Path) -> tuple[object, ...]:
    node = node_or_empty(run, node_id)
    ran = run.node(node_id) is not None and node.state not in {"NOT_RUN", "REUSED"}
    measured = ran and node.state != "RUNNING"
    path = log_file(logs, node)
    link = tag("a", "log", href=f"../logs/{path.name}", aria_label=f"log of {node_id}") if path else "—"
    return (
        node_id,
        Cell(badge(state_of(run, node_id)), order=state_of(run, node_id)),
        Cell(seconds(node.wall_s) if measured else "—", order=node.wall_s),
        Cell(seconds(node.cpu_s) if measured else "—", order=node.cpu_s),
        Cell(size(node.peak_memory_bytes) if measured else "—", order=node.peak_memory_bytes),
        node.attempt if ran else "—",
        _remark(run, node),
        link,
    )


def _remark(run: RunRecord, node: NodeRecord) -> str:
    if node.state == "REUSED" and run.base_run_id:
        return f"from run {run.base_run_id}"
    if node.state == "CACHED":
        return "outputs of an earlier run"
    return node.failure.partition("\n")[0]


def _total(run: RunRecord) -> Markup:
    cpu = sum(node.cpu_s for node in run.nodes)
    wall = sum(node.wall_s for node in run.nodes)
    return note(f"In all {seconds(cpu)} of processor time in {seconds(wall)} of work.")


def _failures(run: RunRecord, logs: Path) -> Markup:
    failed = [node for node in run.nodes if node.state == "FAILED"]
    return join(
        part(
            f"Why {node.node_id} failed",
            tag("pre", node.failure or "No message was left.", class_="log"),
            _log(node, logs),
        )
        for node in failed
    )


def _log(node: NodeRecord, logs: Path) -> Markup:
    path = log_file(logs, node)
    if path is None:
        return note("Its log is not there.")
    shown = tag("pre", log_end(path), class_="log", tabindex="0", aria_label=f"End of the log of {node.node_id}")
    return fold(f"The last {LOG_LINES} lines of its log", shown, key=f"log-{node.node_id}", opened=True)
