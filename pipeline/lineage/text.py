"""A story as a tree to read on a terminal."""

import datetime
import os
from collections.abc import Iterator, Mapping

from components.model_registry.versions import ModelVersion, change_words
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.origin import DataSource
from pipeline.lineage.story import Push, Story, Verdict
from pipeline.lineage.tree import Branch
from pipeline.metadata import ArtifactRecord, ExecutionRecord
from pipeline.provenance import Provenance

_NOT_NOTED = "not noted (a run of an older version)"


def tree_of(story: Story, graph: LineageGraph, *, downstream: bool) -> Branch:
    """The story as text: of an artifact that is no model, or what was made from the subject, if asked for."""
    if story.subject is not None and (downstream or story.model is None):
        return artifact_tree(story.subject, graph, downstream=downstream)
    return downstream_tree(story, graph) if downstream else story_tree(story)


def story_tree(story: Story) -> Branch:
    """The whole story of a model or a run."""
    branches = [
        *_where(story),
        _run(story),
        _data(story.data),
        _code(story),
        _environment(story.provenance),
        _hyperparameters(story),
        _schema(story),
        *_artifacts(story),
        *map(_verdict, story.judged),
        _approvals(story),
        *map(_version, story.versions),
        *map(_deployment, story.deployments),
    ]
    return Branch(*_title(story), tuple(branches))


def artifact_tree(artifact: ArtifactRecord, graph: LineageGraph, *, downstream: bool) -> Branch:
    """An artifact with what it was made from, or what was made from it, one line an execution."""
    closure = (graph.downstream if downstream else graph.upstream)([artifact.artifact_id])
    executions = [graph.snapshot.executions[number] for number in sorted(closure.executions)]
    steps = tuple(_execution(execution, graph) for execution in executions)
    what = "what was made from it" if downstream else "what it was made from"
    used = graph.runs_of(artifact.artifact_id)
    branches = (
        *_artifact_facts(artifact),
        Branch("in runs", ", ".join(used) or "none"),
        Branch(what, "" if steps else "nothing", steps),
    )
    return Branch(
        f"artifact {artifact.artifact_id}", f"{artifact.type_name} of {artifact.node_id or 'no node'}", branches
    )


def downstream_tree(story: Story, graph: LineageGraph) -> Branch:
    """What was made from a run's outputs, run by run."""
    made = [artifact.artifact_id for artifact in story.outputs if artifact.node_id not in story.taken_from]
    closure = graph.downstream(made)
    by_run: dict[str, list[ExecutionRecord]] = {}
    for number in sorted(closure.executions):
        execution = graph.snapshot.executions[number]
        for run_id in execution.run_ids:
            by_run.setdefault(run_id, []).append(execution)
    runs = tuple(
        Branch(f"run {run_id}", "", tuple(_execution(execution, graph) for execution in executions))
        for run_id, executions in by_run.items()
    )
    return Branch(f"made from run {story.run_id}", "" if runs else "nothing", runs)


def fingerprint_text(artifact: ArtifactRecord) -> str:
    """The artifact's fingerprint, or why there is none."""
    gone = "" if artifact.is_live else f"; {artifact.state.lower()}"
    return f"{_short(artifact.fingerprint) if artifact.fingerprint else 'fingerprint not noted'}{gone}"


def _title(story: Story) -> tuple[str, str]:
    name = story.run.pipeline_name if story.run else ""
    of = f" of pipeline {name}" if name else ""
    if story.subject is not None and story.model is not None:
        return "model", f"{story.model.artifact_id}{of}"
    return "run", f"{story.run_id}{of}"


def _where(story: Story) -> Iterator[Branch]:
    if story.model is None:
        yield Branch("model", "none was made")
        return
    yield Branch("model", f"{story.model.uri}  ({fingerprint_text(story.model)})")
    if not story.pushes:
        yield Branch("pushed", "nowhere")
    for push in story.pushes:
        yield Branch("pushed", _push(push))


def _push(push: Push) -> str:
    return f"{push.destination} by run {push.run_id}{'' if push.is_there else '; that folder is not there any more'}"


def _run(story: Story) -> Branch:
    if story.run is None:
        return Branch("run", f"{story.run_id or 'unknown'}; its folder is not there any more")
    run = story.run
    reused = tuple(Branch(node_id, f"taken from run {run_id}") for node_id, run_id in sorted(story.taken_from.items()))
    failed = tuple(Branch(node.node_id, f"{node.state.lower()}: {node.failure}") for node in run.nodes if node.failure)
    return Branch("run", f"{run.run_id}  {run.state.lower()}, started {run.started_at}", reused + failed)


def _data(data: DataSource | None) -> Branch:
    if data is None:
        return Branch("data", "none was read")
    span = "" if data.span is None else f"  span {data.span}"
    version = "" if data.version is None else f" version {data.version}"
    files = tuple(Branch(file.path, f"sha256 {_short(file.digest or '')}") for file in data.files)
    noted = files or (Branch("files", _NOT_NOTED),)
    rows = "  ".join(f"{name.removeprefix('rows_')} {count:,}" for name, count in data.rows.items() if count)
    examples = Branch("examples", f"{data.examples.uri}  ({fingerprint_text(data.examples)})")
    return Branch("data", f"{data.place}{span}{version}", (*noted, Branch("rows", rows or _NOT_NOTED), examples))


def _code(story: Story) -> Branch:
    origin = story.provenance
    commit = origin.git_commit if origin else None
    dirty = ", with uncommitted changes" if origin and origin.git_dirty else ""
    text = f"commit {commit}{dirty}" if commit else "no git commit noted"
    files = tuple(Branch(name, _short(digest)) for name, digest in story.code.items())
    return Branch("code", text, files or (Branch("digests", _NOT_NOTED),))


def _environment(origin: Provenance | None) -> Branch:
    if origin is None:
        return Branch("environment", _NOT_NOTED)
    packages = "  ".join(f"{name} {origin.packages[name]}" for name in ("tfx", "tensorflow") if name in origin.packages)
    lock = f"lock {_short(origin.lock_digest)}" if origin.lock_digest else "no lock"
    return Branch("environment", f"Python {origin.python}  {packages}  {lock}  {origin.platform}")


def _hyperparameters(story: Story) -> Branch:
    tuned = (
        (Branch("tuned by the Tuner", f"{story.tuned.uri}  ({fingerprint_text(story.tuned)})"),) if story.tuned else ()
    )
    values = tuple(Branch(n, v) for n, v in {**story.tuned_values, **story.hyperparameters}.items())
    return Branch("hyperparameters", "" if values else "none: no model was trained", tuned + values)


def _schema(story: Story) -> Branch:
    schema = story.schema
    if schema is None:
        return Branch("schema", "none")
    where = f"{schema.artifact.uri}  ({fingerprint_text(schema.artifact)})"
    source = f"curated, sha256 {_short(schema.digest)}" if schema.digest else "inferred from the data"
    return Branch("schema", f"{source}  {where}")


def _artifacts(story: Story) -> Iterator[Branch]:
    for key in ("statistics", "anomalies"):
        for artifact in (artifact for artifact in story.outputs if artifact.key == key):
            yield Branch(key, f"{artifact.uri}  ({fingerprint_text(artifact)})")


_ANSWERS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "unknown"}


def _verdict(verdict: Verdict) -> Branch:
    gone = f"why is not known: its document is not in {verdict.artifact.uri} any more"
    details = [Branch("", reason) for reason in ((gone,) if verdict.reasons is None else verdict.reasons)]
    if verdict.metrics:
        shown = (f"{name} {value:.4g}" for name, value in verdict.metrics.items() if isinstance(value, int | float))
        details.append(Branch("", "  ".join(shown)))
    if verdict.baseline is not None:
        details.append(Branch("", f"compared with model {verdict.baseline.artifact_id}, {verdict.baseline.uri}"))
    return Branch(verdict.node_id, f"{_ANSWERS[verdict.positive]}, in run {verdict.run_id}", tuple(details))


def _approvals(story: Story) -> Branch:
    if not story.approvals:
        return Branch("approvals", "none recorded")
    told = tuple(
        Branch(artifact.node_id, "  ".join(f"{name} {value}" for name, value in artifact.properties.items()))
        for artifact in story.approvals
    )
    return Branch("approvals", str(len(told)), told)


def _version(version: ModelVersion) -> Branch:
    changes = tuple(Branch("", change_words(entry, version.version)) for entry in version.entries)
    return Branch("registry", f"version {version.version}, {version.stage}; {version.signature}", changes)


def _deployment(endpoint: ArtifactRecord) -> Branch:
    said = endpoint.properties
    if not said.get("deployed"):
        return Branch("endpoint", f"{said.get('endpoint', '')}: not deployed. {said.get('reason', '')}")
    text = f"{said['endpoint']}, variant {said['variant']}, version {said['version']}"
    config = Branch("configuration", f"{said['endpoint_config']}, before it {said.get('previous_config') or 'none'}")
    model = Branch("model", f"{said['model_name']}, digest {_short(str(said['model_digest']))}")
    return Branch("endpoint", text, (config, model))


def _artifact_facts(artifact: ArtifactRecord) -> tuple[Branch, ...]:
    made = datetime.datetime.fromtimestamp(artifact.created_ms / 1000, datetime.UTC).isoformat(timespec="seconds")
    there = "" if os.path.exists(artifact.uri) or "://" in artifact.uri else "; nothing is there any more"
    return (
        Branch("where", f"{artifact.uri}{there}"),
        Branch("bytes", fingerprint_text(artifact)),
        Branch("made", made),
    )


def _execution(execution: ExecutionRecord, graph: LineageGraph) -> Branch:
    """One execution: what it read and wrote, by key and id."""
    reads = " ".join(f"{event.key} {event.artifact_id}" for event in graph.inputs_of(execution.execution_id))
    writes = " ".join(f"{event.key} {event.artifact_id}" for event in graph.outputs_of(execution.execution_id))
    runs = ", ".join(execution.run_ids)
    arrow = f"{reads} → {writes}" if reads else f"→ {writes}"
    return Branch(execution.node_id, f"{arrow}  ({execution.state.lower()} in run {runs})")


def _short(digest: str | None) -> str:
    """The first digits of a digest: enough to compare by eye; --json holds all of them."""
    return (digest or "").removeprefix("sha256:")[:12]
