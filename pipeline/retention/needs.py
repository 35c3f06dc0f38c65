"""Which artifacts and runs must stay, and why. Decided on the lineage graph and the runs' records; reads no artifact.

A model that is served, approved by people or registered (and not archived), and the latest blessed and the latest
approved one (the next run's baselines), keep everything they were made from, everything that judged them, and the
folders of the runs that did. Of the baseline that one of them was compared with the model itself and its blessing stay,
so that the judgement can be repeated, but not what the baseline was made from: else nothing would ever go.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from components.pusher.publish import RECEIPT
from pipeline.lineage.graph import COMPARISON_KEYS, LineageGraph
from pipeline.lineage.story import APPROVAL_KEY
from pipeline.lineage.target import target_of
from pipeline.metadata import ArtifactRecord
from pipeline.run_store import AWAITING_APPROVAL, RunRecord

DATA_EVIDENCE = frozenset({"ExampleStatistics", "ExampleAnomalies", "PenstockGateResult"})
"""What judged the data that a model was trained on; small."""


@dataclasses.dataclass(frozen=True)
class Needs:
    """Why artifacts (by id) and runs (by run id) stay; what is in neither may go."""

    artifacts: Mapping[int, str]
    runs: Mapping[str, str]


def needs(
    graph: LineageGraph,
    runs: Iterable[RunRecord],
    keep_last: int,
    push_folders: Iterable[Path],
    registry_folders: Mapping[Path, str] | None = None,
) -> Needs:
    """What must stay.

    Args:
      graph: the lineage.
      runs: all records that can be read.
      keep_last: how many runs of each pipeline stay whole.
      push_folders: folders whose subfolders are pushed versions, beside those that the lineage names.
      registry_folders: folders of registered versions, with their stage.
    """
    artifacts: dict[int, str] = {}
    kept_runs: dict[str, str] = {}
    for model, reason in _needed_models(graph, push_folders, registry_folders or {}):
        for artifact_id in _whole_model(graph, model):
            artifacts.setdefault(artifact_id, reason)
        for run_id in _runs_about(graph, model):
            kept_runs.setdefault(run_id, reason)
    for record in _newest(runs, keep_last):
        reason = _UNFINISHED.get(record.state, f"of the last {keep_last} runs")
        kept_runs.setdefault(record.run_id, reason)
        outputs = [artifact.artifact_id for artifact in graph.outputs_of_run(record.run_id, record.pipeline_name)]
        for artifact_id in graph.upstream(outputs).artifacts:
            artifacts.setdefault(artifact_id, f"of run {record.run_id}")
    return Needs(artifacts, kept_runs)


_UNFINISHED = {"RUNNING": "its run is under way", AWAITING_APPROVAL: "its model waits for an approval"}


def _newest(runs: Iterable[RunRecord], keep_last: int) -> list[RunRecord]:
    """The last runs of each pipeline, and those that are not over."""
    counts: dict[str, int] = {}
    found = []
    for record in sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True):
        counts[record.pipeline_name] = counts.get(record.pipeline_name, 0) + 1
        if counts[record.pipeline_name] <= keep_last or record.state in _UNFINISHED:
            found.append(record)
    return found


def _needed_models(
    graph: LineageGraph, push_folders: Iterable[Path], registry_folders: Mapping[Path, str]
) -> list[tuple[ArtifactRecord, str]]:
    """Models that stay whole, each with the reason."""
    places = {**dict.fromkeys(push_folders, "pushed"), **registry_folders}
    found = [*_served(graph), *_received(graph, places), *_approved(graph), *_blessed(graph)]
    return [(model, reason) for model, reason in found if model.type_name == "Model"]


def _served(graph: LineageGraph) -> list[tuple[ArtifactRecord, str]]:
    """Models whose pushed version is where the push put it."""
    return [
        (model, f"pushed version {Path(str(push.properties['pushed_destination'])).name} needs it")
        for push in graph.artifacts_of_type("PushedModel")
        if push.properties.get("pushed_destination") and Path(str(push.properties["pushed_destination"])).is_dir()
        if (model := target_of(push, graph).artifact)
    ]


def _received(graph: LineageGraph, places: Mapping[Path, str]) -> list[tuple[ArtifactRecord, str]]:
    """Models named by the receipts of versions in these folders (`pushed`, or a stage), wherever they came from."""
    found = []
    for folder, what in places.items():
        for receipt in sorted(folder.glob(f"*/{RECEIPT}")):
            version = receipt.parents[len(Path(RECEIPT).parts) - 1].name
            found += [
                (model, f"{what} version {version} needs it") for model in graph.artifacts_at(_model_uri(receipt))
            ]
    return found


def _model_uri(receipt: Path) -> str:
    """The model that a receipt names; a path that holds nothing if it names none."""
    try:
        document = json.loads(receipt.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "/dev/null/no-model"
    uri = document.get("model_uri") if isinstance(document, dict) else None
    return str(uri or "/dev/null/no-model")


def _approved(graph: LineageGraph) -> list[tuple[ArtifactRecord, str]]:
    """Models that people approved, and the latest approved one of each pipeline, which the next is compared with."""
    found: list[tuple[ArtifactRecord, str]] = []
    latest: dict[str, list[ArtifactRecord]] = {}
    for approval_id in sorted({event.artifact_id for event in graph.snapshot.events if event.key == APPROVAL_KEY}):
        approval, producer = graph.artifact(approval_id), graph.producer(approval_id)
        if approval is None or producer is None or not approval.properties.get("approved"):
            continue
        inputs = [graph.artifact(event.artifact_id) for event in graph.inputs_of(producer.execution_id)]
        models = [model for model in inputs if model is not None and model.type_name == "Model"]
        if approval.properties.get("decided_by") == "people":
            found += [(model, f"model {model.artifact_id}, which people approved, needs it") for model in models]
        latest[producer.pipeline_name] = models
    named = [(model, name) for name, models in sorted(latest.items()) for model in models]
    return found + [(model, f"the latest approved model of {name} needs it") for model, name in named]


def _blessed(graph: LineageGraph) -> list[tuple[ArtifactRecord, str]]:
    """The latest blessed model of each pipeline, which becomes the next run's baseline once it is approved."""
    latest: dict[str, ArtifactRecord] = {}
    for blessing in graph.artifacts_of_type("ModelBlessing"):
        producer = graph.producer(blessing.artifact_id)
        if not blessing.properties.get("blessed") or not blessing.is_live or producer is None:
            continue
        models = [graph.artifact(e.artifact_id) for e in graph.inputs_of(producer.execution_id) if e.key == "model"]
        for model in models:
            newest = latest.get(producer.pipeline_name)
            if model and model.is_live and (newest is None or newest.artifact_id < model.artifact_id):
                latest[producer.pipeline_name] = model
    return [(model, f"the latest blessed model of {name} needs it") for name, model in sorted(latest.items())]


def _whole_model(graph: LineageGraph, model: ArtifactRecord) -> set[int]:
    """Everything that the model was made from, that judged it and its data, its pushed copy, and its baselines."""
    evidence = [
        event.artifact_id
        for execution in graph.consumers(model.artifact_id)
        if "model" in {e.key for e in graph.inputs_of(execution.execution_id) if e.artifact_id == model.artifact_id}
        for event in graph.outputs_of(execution.execution_id)
    ]
    producer = graph.producer(model.artifact_id)
    runs = [(run_id, producer.pipeline_name) for run_id in producer.run_ids] if producer else []
    evidence += [
        artifact.artifact_id
        for run_id, pipeline_name in runs
        for artifact in graph.outputs_of_run(run_id, pipeline_name)
        if artifact.type_name in DATA_EVIDENCE
    ]
    return set(graph.upstream([model.artifact_id, *evidence]).artifacts) | _baselines(graph, model)


def _baselines(graph: LineageGraph, model: ArtifactRecord) -> set[int]:
    """Models that the model was compared with, and their blessings."""
    found = {
        event.artifact_id
        for execution in graph.consumers(model.artifact_id, "model")
        for event in graph.inputs_of(execution.execution_id)
        if event.key in COMPARISON_KEYS
    }
    return found | {
        event.artifact_id
        for artifact_id in found
        for execution in graph.consumers(artifact_id, "model")
        for event in graph.outputs_of(execution.execution_id)
        if graph.snapshot.artifacts[event.artifact_id].type_name == "ModelBlessing"
    }


def _runs_about(graph: LineageGraph, model: ArtifactRecord) -> set[str]:
    """Runs that made, judged or pushed the model: their folders hold configuration, code and report."""
    producer = graph.producer(model.artifact_id)
    executions = [*([producer] if producer else []), *graph.consumers(model.artifact_id, "model")]
    return {run_id for execution in executions if execution.state != "CACHED" for run_id in execution.run_ids}
