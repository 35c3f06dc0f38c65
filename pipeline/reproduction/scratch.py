"""The root that a run is re-created in: a copy of the lineage store in which the same baseline is the latest."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.lineage.graph import LineageGraph
from pipeline.metadata import ArtifactRecord, ExecutionRecord, LineageStore
from pipeline.reproduction.ingredient import Ingredient
from pipeline.run_store import RunStore
from pipeline.scratch import copy_store

CONFIG_NAME = "config.json"


def make_scratch(root: Path, store: RunStore, config: dict[str, Any], baseline: ArtifactRecord | None) -> None:
    """Makes the root and writes its configuration: without cache, pushing below itself.

    The copy of the store keeps artifacts where they are; of all blessings only the baseline's stays, so that the
    Evaluator compares with what the run compared with.
    """
    root.mkdir(parents=True)
    copy_store(store.metadata_file, root / "metadata.sqlite")
    _bless_only(RunStore(root), baseline)
    changed = {
        **config,
        "pipeline": {**config["pipeline"], "root": str(root), "cache": False},
        "push": {**(config.get("push") or {}), "directory": None},
    }
    (root / CONFIG_NAME).write_text(json.dumps(changed, indent=1), encoding="utf-8")


def _bless_only(store: RunStore, baseline: ArtifactRecord | None) -> None:
    """Marks every other blessing in this store as deleted; resolvers then do not see it."""
    lineage = LineageStore(store.metadata_uri)
    graph = LineageGraph.read(lineage)
    kept = blessings_of(graph, baseline)
    others = [a.artifact_id for a in graph.artifacts_of_type("ModelBlessing") if a.artifact_id not in kept]
    lineage.mark_deleted(others)


def blessings_of(graph: LineageGraph, model: ArtifactRecord | None) -> set[int]:
    """Ids of the blessings that evaluations of this model wrote."""
    executions = graph.consumers(model.artifact_id, "model") if model else []
    return {
        event.artifact_id
        for execution in executions
        for event in graph.outputs_of(execution.execution_id)
        if graph.snapshot.artifacts[event.artifact_id].type_name == "ModelBlessing"
    }


def baseline_of(graph: LineageGraph, executions: Iterable[ExecutionRecord]) -> ArtifactRecord | None:
    """The model that the Evaluator among these executions compared with, None if it compared with none."""
    events = [
        event
        for execution in executions
        for event in graph.inputs_of(execution.execution_id)
        if event.key == "baseline_model"
    ]
    return graph.artifact(events[-1].artifact_id) if events else None


def baseline_ingredient(baseline: ArtifactRecord | None) -> Ingredient:
    """Whether the model that was compared with is still there."""
    if baseline is None:
        return Ingredient("baseline", "same", "there was none to compare with")
    if baseline.is_live and Path(baseline.uri).is_dir():
        return Ingredient("baseline", "same", f"model {baseline.artifact_id}, {baseline.uri}")
    seen = f"model {baseline.artifact_id} was removed; the decision is made without a comparison"
    return Ingredient("baseline", "differs", seen)
