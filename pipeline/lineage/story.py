"""The story of a model or run, put together: what it was made of, how it was judged, and what became of it."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.ledger.ledger import Ledger, is_on_s3
from components.model_registry.local import RECORD
from components.model_registry.versions import ModelVersion, read_history
from pipeline.errors import NotFound
from pipeline.lineage import origin
from pipeline.lineage.graph import LineageGraph
from pipeline.lineage.origin import DataSource, Schema
from pipeline.lineage.target import Target
from pipeline.metadata import ArtifactRecord
from pipeline.provenance import Provenance
from pipeline.readers.elsewhere import Elsewhere
from pipeline.run_store import RunRecord, RunStore

APPROVAL_KEY = "approval"
"""The output of a node that approves models: what it writes is shown as the model's approvals."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a node said of a model or of data, and why.

    Attributes:
      positive: blessed, passed; None if that was not noted.
      reasons: one sentence each, None if the document that held them is gone.
      metrics: of all rows, empty for nodes that measure nothing.
      baseline: the model that was compared with, None without one.
    """

    run_id: str
    node_id: str
    artifact: ArtifactRecord
    positive: bool | None
    reasons: tuple[str, ...] | None
    metrics: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    baseline: ArtifactRecord | None = None


@dataclasses.dataclass(frozen=True)
class Push:
    """One push of a model: where to, and whether the version's folder is there now."""

    run_id: str
    version: str
    destination: str
    is_there: bool


@dataclasses.dataclass(frozen=True)
class Story:
    """Everything known of a model, an artifact or a run; what is not known is None or empty.

    Attributes:
      pipeline_name: of the run, None if that is not known.
      run: the record of the run that made it, None if the run's folder is gone.
      model: the model, None for a run that made none and for other artifacts.
      subject: the artifact that was asked about, None for a run.
      taken_from: run by node, for nodes whose outputs other runs made.
      tuned: the Tuner's choice, which goes before `hyperparameters`; `tuned_values` is what it holds.
      code: digest by file of the code that trained the model (or that the run's nodes ran).
      judged: verdicts on the data (gate) and on the model (evaluation, serving check), oldest first.
      approvals: what approving nodes wrote about the model.
      deployments: what runs put on endpoints of it.
      versions: as which versions it was registered; each knows its stage and every change.
    """

    run_id: str | None
    run: RunRecord | None
    model: ArtifactRecord | None
    subject: ArtifactRecord | None
    outputs: tuple[ArtifactRecord, ...]
    taken_from: Mapping[str, str]
    data: DataSource | None
    schema: Schema | None
    provenance: Provenance | None
    code: Mapping[str, str]
    hyperparameters: Mapping[str, str]
    tuned: ArtifactRecord | None
    tuned_values: Mapping[str, str]
    judged: tuple[Verdict, ...]
    approvals: tuple[ArtifactRecord, ...]
    pushes: tuple[Push, ...]
    versions: tuple[ModelVersion, ...] = ()
    deployments: tuple[ArtifactRecord, ...] = ()
    pipeline_name: str | None = None


FolderOf = Callable[[ArtifactRecord], Path]


def _here(artifact: ArtifactRecord) -> Path:
    return Path(artifact.uri)


def tell(target: Target, graph: LineageGraph, store: RunStore, elsewhere: Elsewhere | None = None) -> Story:
    """The story of the target.

    Args:
      target: what is asked about.
      graph: everything that is known.
      store: the runs' own documents.
      elsewhere: how artifacts of runs on a platform come here; None = they are here.

    Raises:
      LedgerDamaged, LedgerUnreachable: a registry's record cannot be relied on, or read.
    """
    folder_of = _here if elsewhere is None else lambda artifact: elsewhere.bring(artifact.uri)
    run_id = target.run_id
    outputs = graph.outputs_of_run(run_id, target.pipeline_name) if run_id else []
    model = _model_of(target, outputs)
    trainer = graph.producer(model.artifact_id) if model else None
    tuned = next((a for a in outputs if a.key == "best_hyperparameters"), None)
    return Story(
        run_id=run_id,
        run=_record(store, run_id),
        model=model,
        subject=target.artifact,
        outputs=tuple(outputs),
        taken_from=_taken_from(graph, run_id, outputs),
        data=origin.data_source(graph, outputs),
        schema=origin.schema_of(graph, outputs),
        provenance=origin.provenance_of(store, run_id) if run_id else None,
        code=_code(graph, target, trainer),
        hyperparameters=origin.hyperparameters(trainer) if trainer else {},
        tuned=tuned,
        tuned_values=_tuned_values(folder_of, tuned),
        judged=(
            *_gate_verdicts(folder_of, run_id, outputs),
            *(_model_verdicts(folder_of, graph, model) if model else ()),
        ),
        approvals=_approvals(graph, model),
        pushes=_pushes(graph, model, elsewhere),
        deployments=_deployments(graph, model),
        versions=_versions(store, model, elsewhere),
        pipeline_name=target.pipeline_name,
    )


def _model_of(target: Target, outputs: list[ArtifactRecord]) -> ArtifactRecord | None:
    if target.artifact is not None:
        return target.artifact if target.artifact.type_name == "Model" else None
    return next((artifact for artifact in outputs if artifact.type_name == "Model"), None)


def _record(store: RunStore, run_id: str | None) -> RunRecord | None:
    if run_id is None:
        return None
    try:
        return store.read(run_id)
    except NotFound:
        return None


def _taken_from(graph: LineageGraph, run_id: str | None, outputs: list[ArtifactRecord]) -> dict[str, str]:
    makers = {artifact.node_id: graph.producer(artifact.artifact_id) for artifact in outputs}
    return {
        node_id: maker.run_ids[0]
        for node_id, maker in makers.items()
        if maker and maker.run_ids and run_id not in maker.run_ids
    }


def _code(graph: LineageGraph, target: Target, trainer: Any) -> dict[str, str]:
    """Digests of the code of the training, or without one of all the run's nodes."""
    ran = graph.executions_of_run(target.run_id, target.pipeline_name) if target.run_id else []
    executions = [trainer] if trainer else ran
    return {
        name: digest
        for execution in executions
        for name, digest in sorted(origin.section_of(execution, "code").items())
    }


def _tuned_values(folder_of: FolderOf, tuned: ArtifactRecord | None) -> dict[str, str]:
    """The hyperparameters in the Tuner's artifact, empty if there is none (any more)."""
    document = _document(folder_of, tuned, "best_hyperparameters.txt") if tuned else None
    values = (document or {}).get("values")
    return origin.flattened(values, "tuned") if isinstance(values, dict) else {}


def _gate_verdicts(folder_of: FolderOf, run_id: str | None, outputs: list[ArtifactRecord]) -> list[Verdict]:
    """What the validation gate said of the run's data."""
    return [
        Verdict(
            run_id or "",
            artifact.node_id,
            artifact,
            _truth(artifact.properties.get("passed")),
            _findings(folder_of, artifact),
        )
        for artifact in outputs
        if artifact.type_name == "PenstockGateResult"
    ]


def _findings(folder_of: FolderOf, artifact: ArtifactRecord) -> tuple[str, ...] | None:
    document = _document(folder_of, artifact, "decision.json")
    if document is None:
        return None
    findings = [item for item in document.get("findings", []) if isinstance(item, dict)]
    told = tuple(f"{item.get('feature')}: {item.get('severity')}: {item.get('reason', '')}" for item in findings)
    return told or ("no anomalies",)


def _model_verdicts(folder_of: FolderOf, graph: LineageGraph, model: ArtifactRecord) -> list[Verdict]:
    """What evaluations and serving checks said of the model, in whatever runs."""
    return [
        _model_verdict(folder_of, execution.run_ids, artifact, _baseline(graph, execution.execution_id))
        for execution in graph.consumers(model.artifact_id, "model")
        for artifact in _written(graph, execution.execution_id)
        if artifact.type_name in ("ModelBlessing", "InfraBlessing")
        and graph.producer(artifact.artifact_id) == execution
    ]


def _model_verdict(
    folder_of: FolderOf, run_ids: tuple[str, ...], blessing: ArtifactRecord, baseline: ArtifactRecord | None
) -> Verdict:
    document = _document(folder_of, blessing, "decision.json") or _document(folder_of, blessing, "report.json")
    metrics, reasons = (document or {}).get("metrics", {}), (document or {}).get("reasons", ())
    return Verdict(
        run_id=next(iter(run_ids), ""),
        node_id=blessing.node_id,
        artifact=blessing,
        positive=_truth(blessing.properties.get("blessed")),
        reasons=None if document is None else tuple(map(str, reasons)),
        metrics=metrics if isinstance(metrics, dict) else {},
        baseline=baseline,
    )


def _written(graph: LineageGraph, execution_id: int) -> list[ArtifactRecord]:
    return [graph.snapshot.artifacts[event.artifact_id] for event in graph.outputs_of(execution_id)]


def _baseline(graph: LineageGraph, execution_id: int) -> ArtifactRecord | None:
    inputs = graph.inputs_of(execution_id)
    return next((graph.artifact(event.artifact_id) for event in inputs if event.key == "baseline_model"), None)


def _approvals(graph: LineageGraph, model: ArtifactRecord | None) -> tuple[ArtifactRecord, ...]:
    """What nodes that read the model wrote to an output named `approval`."""
    executions = graph.consumers(model.artifact_id) if model else []
    events = [event for execution in executions for event in graph.outputs_of(execution.execution_id)]
    return tuple(graph.snapshot.artifacts[event.artifact_id] for event in events if event.key == APPROVAL_KEY)


def _pushes(graph: LineageGraph, model: ArtifactRecord | None, elsewhere: Elsewhere | None) -> tuple[Push, ...]:
    """Where the model was pushed to, oldest first; a push that found it there already is not another."""
    found: dict[str, Push] = {}
    for execution in graph.consumers(model.artifact_id, "model") if model else []:
        for artifact in _written(graph, execution.execution_id):
            destination = str(artifact.properties.get("pushed_destination") or "")
            if artifact.type_name == "PushedModel" and destination and destination not in found:
                version = str(artifact.properties.get("pushed_version", Path(destination).name))
                run_id = next(iter(execution.run_ids), "")
                found[destination] = Push(run_id, version, destination, _is_there(destination, elsewhere))
    return tuple(found.values())


def _is_there(destination: str, elsewhere: Elsewhere | None) -> bool:
    if elsewhere is None or not is_on_s3(destination):
        return Path(destination).is_dir()
    return elsewhere.is_there(destination)


def _deployments(graph: LineageGraph, model: ArtifactRecord | None) -> tuple[ArtifactRecord, ...]:
    """What runs put on endpoints of what they pushed of the model."""
    pushed = [
        artifact
        for execution in (graph.consumers(model.artifact_id, "model") if model else ())
        for artifact in _written(graph, execution.execution_id)
        if artifact.type_name == "PushedModel"
    ]
    found = {
        endpoint.artifact_id: endpoint
        for artifact in pushed
        for execution in graph.consumers(artifact.artifact_id, "pushed_model")
        for endpoint in _written(graph, execution.execution_id)
        if endpoint.type_name == "PenstockEndpoint"
    }
    return tuple(found.values())


def _versions(store: RunStore, model: ArtifactRecord | None, elsewhere: Elsewhere | None) -> tuple[ModelVersion, ...]:
    """As which versions the model was registered, in any registry of the store.

    Raises:
      LedgerDamaged: a registry's record was tampered with.
    """
    if model is None:
        return ()
    records: list[Path | str] = sorted((store.root / "registry").glob(f"*/{RECORD}"))
    if elsewhere is not None:
        records = list(elsewhere.registries())
    histories = [read_history(Ledger(record).entries()) for record in records]
    return tuple(
        version for history in histories for version in history.versions.values() if version.model_uri == model.uri
    )


def _truth(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _document(folder_of: FolderOf, artifact: ArtifactRecord, name: str) -> dict[str, Any] | None:
    """The JSON object in the artifact's folder, None if there is none (any more)."""
    try:
        found = json.loads((folder_of(artifact) / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, NotFound):
        return None
    return found if isinstance(found, dict) else None
