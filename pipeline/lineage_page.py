"""A story drawn as one HTML page that asks for nothing: the graph, the story in words, and what is in the graph."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from pipeline.lineage.graph import Closure, LineageGraph
from pipeline.lineage.scope import scope
from pipeline.lineage.story import Story
from pipeline.lineage.text import fingerprint_text, tree_of
from pipeline.lineage.tree import Branch
from pipeline.metadata import ArtifactRecord, ExecutionRecord
from pipeline.report.dag import Box
from pipeline.report.dag import graph as drawn_graph
from pipeline.report.page import render_page
from pipeline.report.section import Section, fold
from pipeline.report.table import Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import counted

MOST_BOXES = 160
"""Above this a drawing is no help; the executions alone are tried first."""

_MOST_ITEMS = 8
"""Longer lists are folded."""

_TONES = {"COMPLETE": "good", "CACHED": "same", "FAILED": "bad", "CANCELED": "bad", "RUNNING": "busy"}


def write_page(path: Path, story: Story, graph: LineageGraph, *, downstream: bool) -> None:
    """Writes the page; a reader sees the old or the new file, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        temporary.write_text(page_of(story, graph, downstream=downstream), encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def page_of(story: Story, graph: LineageGraph, *, downstream: bool) -> str:
    """The page as text."""
    told, closure = tree_of(story, graph, downstream=downstream), scope(story, graph, downstream=downstream)
    title = f"{told.name} {told.text}"
    top = tag("div", tag("p", "Lineage", class_="eyebrow"), tag("h1", title))
    sections = [
        Section("graph", "Graph", "Lineage", drawing_of(closure, graph), _too_large(closure)),
        Section("story", "Story", "Lineage", _list(told.branches)),
        Section("artifacts", "Artifacts", "Tables", _artifacts_table(closure, graph)),
        Section("executions", "Executions", "Tables", _executions_table(closure, graph)),
    ]
    return render_page(title=f"Lineage of {title}", top=top, sections=sections, foot="penstock lineage")


def drawing_of(closure: Closure, graph: LineageGraph) -> Markup | None:
    """The closure as boxes and edges, without artifacts if those are too many; None if it is too large to draw."""
    if len(closure.executions) > MOST_BOXES or not closure.executions:
        return None
    with_artifacts = len(closure.executions) + len(closure.artifacts) <= MOST_BOXES
    parents = _parents(_that_made_something(closure, graph), graph)
    if not with_artifacts:
        parents = _without_artifacts(parents)
    order = _topological(parents)
    boxes = [_box(name, graph) for name in order]
    drawn = drawn_graph(boxes, parents, title="Lineage", direction="down")
    return tag("div", drawn, class_="pn-scroll pn-wide", tabindex="0", role="region", aria_label="Graph")


def _that_made_something(closure: Closure, graph: LineageGraph) -> Closure:
    """The closure without executions that took all they wrote from the cache: who made it stands for them."""
    made = {n for n in closure.executions if graph.snapshot.executions[n].state != "CACHED"}
    return Closure(closure.artifacts, frozenset(made))


def _parents(closure: Closure, graph: LineageGraph) -> dict[str, list[str]]:
    """What each box comes from; a cache hit takes its outputs, it does not make them."""
    found: dict[str, list[str]] = {_artifact(number): [] for number in sorted(closure.artifacts)}
    found |= {_execution(number): [] for number in sorted(closure.executions)}
    for event in graph.edges(closure):
        if event.kind == "input":
            found[_execution(event.execution_id)].append(_artifact(event.artifact_id))
        elif graph.producer(event.artifact_id) == graph.snapshot.executions[event.execution_id]:
            found[_artifact(event.artifact_id)].append(_execution(event.execution_id))
    return found


def _without_artifacts(parents: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {
        name: [maker for read in reads for maker in parents[read]]
        for name, reads in parents.items()
        if name.startswith("execution")
    }


def _topological(parents: Mapping[str, list[str]]) -> list[str]:
    """Every box after those it comes from."""
    order: dict[str, None] = {}
    pending = [(name, False) for name in reversed(list(parents))]
    while pending:
        name, is_ready = pending.pop()
        if is_ready:
            order[name] = None
        elif name not in order:
            pending += [(name, True), *((parent, False) for parent in parents[name] if parent not in order)]
    return list(order)


def _artifact(number: int) -> str:
    return f"artifact-{number}"


def _execution(number: int) -> str:
    return f"execution-{number}"


def _box(name: str, graph: LineageGraph) -> Box:
    kind, _, number = name.partition("-")
    if kind == "artifact":
        artifact = graph.snapshot.artifacts[int(number)]
        note = f"{artifact.type_name} {number}"
        detail = f"{note}: {artifact.uri}. {fingerprint_text(artifact)}"
        return Box(name, artifact.key or artifact.type_name, note, "quiet", detail, f"#{name}")
    execution = graph.snapshot.executions[int(number)]
    detail = f"{execution.node_id}: {execution.state.lower()} in run {', '.join(execution.run_ids)}"
    tone = _TONES.get(execution.state, "quiet")
    return Box(name, execution.node_id, f"▸ {execution.state.lower()}", tone, detail, f"#{name}")


def _too_large(closure: Closure) -> str:
    if not closure.executions:
        return "No execution is known."
    return f"{counted(len(closure.executions), 'execution')} are too many to draw; the tables below hold them."


def _list(branches: tuple[Branch, ...]) -> Markup:
    return tag("ul", *(tag("li", *_item(branch)) for branch in branches))


def _item(branch: Branch) -> list[object]:
    said: list[object] = [tag("strong", branch.name), f" {branch.text}"] if branch.name else [branch.text]
    if len(branch.branches) > _MOST_ITEMS:
        return [fold(join(said), _list(branch.branches), key=f"story-{branch.name}")]
    return [*said, _list(branch.branches)] if branch.branches else said


def _artifacts_table(closure: Closure, graph: LineageGraph) -> Markup:
    columns = [Column("id", numeric=True), *map(Column, ("output", "type", "by", "state")), Column("fingerprint")]
    columns += [Column("where", wide=True)]
    found = [graph.snapshot.artifacts[number] for number in sorted(closure.artifacts)]
    ids = [_artifact(artifact.artifact_id) for artifact in found]
    return table(columns, map(_artifact_row, found), caption="Artifacts", row_ids=ids)


def _artifact_row(artifact: ArtifactRecord) -> tuple[object, ...]:
    fingerprint = artifact.fingerprint or "not noted"
    number, state = artifact.artifact_id, artifact.state.lower()
    return number, artifact.key, artifact.type_name, artifact.node_id, state, fingerprint, artifact.uri


def _executions_table(closure: Closure, graph: LineageGraph) -> Markup:
    columns = [Column("id", numeric=True), *map(Column, ("node", "run", "state", "read", "wrote"))]
    found = [graph.snapshot.executions[number] for number in sorted(closure.executions)]
    ids = [_execution(execution.execution_id) for execution in found]
    rows = (_execution_row(execution, graph) for execution in found)
    return table(columns, rows, caption="Executions", row_ids=ids)


def _execution_row(execution: ExecutionRecord, graph: LineageGraph) -> tuple[object, ...]:
    number = execution.execution_id
    read = ", ".join(f"{event.key} {event.artifact_id}" for event in graph.inputs_of(number))
    wrote = ", ".join(f"{event.key} {event.artifact_id}" for event in graph.outputs_of(number))
    return number, execution.node_id, ", ".join(execution.run_ids), execution.state.lower(), read, wrote
