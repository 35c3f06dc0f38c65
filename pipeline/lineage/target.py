"""Which model, artifact or run a word of the command line means."""

import dataclasses
import difflib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from components.pusher.publish import RECEIPT
from pipeline.errors import NotFound
from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord
from pipeline.run_store import RunRecord, RunStore


@dataclasses.dataclass(frozen=True)
class Target:
    """What is asked about: a run, or an artifact and the run that made it.

    Attributes:
      artifact: None for a run.
      run_id: the run, or the one that made the artifact; None if no run of the store made it.
      pipeline_name: the run's pipeline: in a store of several, runs of others may have the same id.
    """

    artifact: ArtifactRecord | None
    run_id: str | None
    pipeline_name: str | None = None


def find_target(word: str, graph: LineageGraph, store: RunStore, pipeline_name: str) -> Target:
    """What `word` means: `latest`, a run, a pushed version (number or folder), an artifact (id or URI).

    A pushed version stands for the model that was pushed.

    Raises:
      NotFound: it is none of them; the message names what is like it.
    """
    if word == "latest":
        return Target(None, _latest(store, pipeline_name), pipeline_name)
    if names := _pipelines_with_run(word, graph, store):
        return Target(None, word, pipeline_name if pipeline_name in names else names[0])
    found = _by_number(word, graph) or _by_place(word, graph)
    if found is None:
        raise NotFound(_unknown(word, graph, store))
    return target_of(found, graph)


def target_of(artifact: ArtifactRecord, graph: LineageGraph) -> Target:
    """The artifact as a target; a pushed model stands for the model that was pushed."""
    artifact = _pushed_from(artifact, graph) or artifact
    producer = graph.producer(artifact.artifact_id)
    if producer is None:
        return Target(artifact, None)
    return Target(artifact, next(iter(producer.run_ids), None), producer.pipeline_name)


def _pipelines_with_run(run_id: str, graph: LineageGraph, store: RunStore) -> list[str]:
    """The pipelines that have a run of that id: by the records of runs, then by the lineage store."""
    recorded = [record.pipeline_name for record in store.runs() if record.run_id == run_id]
    return recorded + [execution.pipeline_name for execution in graph.executions_of_run(run_id)]


def _latest(store: RunStore, pipeline_name: str) -> str:
    runs = [record for record in store.runs() if record.pipeline_name == pipeline_name]
    if not runs:
        raise NotFound(
            f"There are no runs of pipeline '{pipeline_name}' under {store.root} yet; start one with: penstock run"
        )
    return runs[0].run_id


def _by_number(word: str, graph: LineageGraph) -> ArtifactRecord | None:
    """The newest push of that version, or the artifact of that id."""
    if not (word.isascii() and word.isdigit()):
        return None
    pushes = [a for a in graph.artifacts_of_type("PushedModel") if str(a.properties.get("pushed_version")) == word]
    return pushes[-1] if pushes else graph.artifact(int(word))


def _by_place(word: str, graph: LineageGraph) -> ArtifactRecord | None:
    """The artifact at that path or URI, or the one that the pushed version there was made from."""
    place = word if "://" in word else os.path.abspath(Path(word).expanduser())
    for artifact in reversed(graph.artifacts_of_type("PushedModel")):
        destination = str(artifact.properties.get("pushed_destination", ""))
        if destination and (place == destination or place.startswith(f"{destination}/")):
            return artifact
    for artifact in graph.artifacts_at(place):
        return artifact
    return next((a for uri in _receipts(Path(place)) for a in graph.artifacts_at(uri)), None)


def _receipts(place: Path) -> Iterator[str]:
    """The model that a pushed version names in its receipt, if `place` is one or lies in one."""
    for folder in (place, *place.parents):
        try:
            document = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(document, dict) and document.get("model_uri"):
            yield str(document["model_uri"])


def _pushed_from(artifact: ArtifactRecord, graph: LineageGraph) -> ArtifactRecord | None:
    """The model that a PushedModel is a copy of."""
    producer = graph.producer(artifact.artifact_id) if artifact.type_name == "PushedModel" else None
    inputs = graph.inputs_of(producer.execution_id) if producer else []
    return next((graph.artifact(event.artifact_id) for event in inputs if event.key == "model"), None)


def _unknown(word: str, graph: LineageGraph, store: RunStore) -> str:
    what = f"'{word}' is no run, pushed model or artifact of {store.root}."
    runs = store.runs()
    names = _names(graph, runs)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return f"{what} Like it are: {', '.join(near)}."
    if not names:
        return f"{what} There is nothing there yet; start a run with: penstock run"
    versions = [str(a.properties["pushed_version"]) for a in _pushes(graph)][-3:]
    parts = [f"runs {', '.join(record.run_id for record in runs[:3])}"] if runs else []
    parts += [f"pushed versions {', '.join(versions)}"] if versions else []
    return f"{what} The newest are: {'; '.join(parts) or 'artifacts of runs whose records are gone'}."


def _pushes(graph: LineageGraph) -> list[ArtifactRecord]:
    return [a for a in graph.artifacts_of_type("PushedModel") if a.properties.get("pushed_version")]


def _names(graph: LineageGraph, runs: list[RunRecord]) -> list[str]:
    """Every word that would have been understood, but for artifact ids: any number is like some id."""
    pushes = _pushes(graph)
    return [
        *(record.run_id for record in runs),
        *(str(a.properties["pushed_version"]) for a in pushes),
        *(str(a.properties.get("pushed_destination")) for a in pushes),
        *(artifact.uri for artifact in graph.snapshot.artifacts.values()),
    ]
