"""`RunView`: one run with everything that it left; each part is read when it is asked for, or says why it is missing.

store → RunView(store, record) → .record  .config  .provenance  .events  .artifacts
                               → .statistics.value | .statistics.reason      (each part is a `Reading`)
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from components.bias_evaluator.document import BiasDocument
from components.explainer.document import Explanation
from components.gate.verdict import Verdict
from components.human_review.queue import Queue
from models.tabular_text.features import FeatureSpec
from pipeline.errors import NotFound
from pipeline.metadata import ArtifactRecord, LineageStore, single
from pipeline.readers.anomalies import Anomalies, GateDecision, read_anomalies, read_gate
from pipeline.readers.approval import Approval, read_approval
from pipeline.readers.balance import Balance, read_balance
from pipeline.readers.bias import read_bias
from pipeline.readers.data_quality import DataQuality, read_data_quality
from pipeline.readers.documents import read_object, read_text
from pipeline.readers.drift import DriftReport, read_drift
from pipeline.readers.elsewhere import Elsewhere, Lineage
from pipeline.readers.endpoint import EndpointDocument, read_endpoint
from pipeline.readers.evaluation import Evaluation, read_evaluation
from pipeline.readers.examples import Examples, read_examples
from pipeline.readers.explanation import read_explanation
from pipeline.readers.gates import GATE_RESULT, read_verdict
from pipeline.readers.model import Model, PushedModel, read_model, read_pushed
from pipeline.readers.model_card import ModelCard, read_model_card
from pipeline.readers.registry import Registered, read_registered
from pipeline.readers.review import read_queue
from pipeline.readers.schema import Schema, read_schema
from pipeline.readers.serving_check import ServingCheck, read_serving_check
from pipeline.readers.statistics import Statistics, read_statistics
from pipeline.readers.training import Training, read_training
from pipeline.readers.transform import TransformGraph, read_transform
from pipeline.readers.tuning import Tuning, read_hyperparameters, read_tuning
from pipeline.run_store import RunRecord, RunStore

if TYPE_CHECKING:
    from components.evaluator.predictions import Predictions

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Reading(Generic[Value]):
    """A part of a run: its value, or the reason in a sentence why there is none."""

    value: Value | None = None
    reason: str = ""

    def __bool__(self) -> bool:
        """True if it is there."""
        return self.value is not None

    def get(self) -> Value:
        """The value.

        Raises:
          NotFound: there is none; the message is the reason.
        """
        if self.value is None:
            raise NotFound(self.reason)
        return self.value


class RunView:
    """One run, for reports, comparisons and notebooks. It only reads, once: make a new one to see progress."""

    def __init__(self, store: RunStore, record: RunRecord, elsewhere: Elsewhere | None = None) -> None:
        """Reads nothing yet; of a run on a platform, `elsewhere` is how its artifacts come here."""
        self.store = store
        self.record = record
        self.elsewhere = elsewhere

    @classmethod
    def open(cls, store: RunStore, run_id: str) -> "RunView":
        """The run of that id.

        Raises:
          NotFound: there is none, naming the latest runs.
        """
        return cls(store, store.read(run_id))

    @functools.cached_property
    def lineage(self) -> Lineage:
        """Where its artifacts are known."""
        return self.elsewhere.lineage if self.elsewhere else LineageStore(self.store.metadata_uri)

    def folder_of(self, artifact: ArtifactRecord) -> Path:
        """The artifact's folder on this machine.

        Raises:
          NotFound: it is on a platform, and cannot be brought here.
        """
        return self.elsewhere.bring(artifact.uri) if self.elsewhere else Path(artifact.uri)

    @property
    def folder(self) -> Path:
        """Where the run's own documents are."""
        return self.store.run_folder(self.record.run_id)

    @functools.cached_property
    def config(self) -> Reading[dict[str, Any]]:
        """The resolved configuration, defaults included."""
        return self._document(self.store.config_path(self.record.run_id), "its configuration")

    @functools.cached_property
    def provenance(self) -> Reading[dict[str, Any]]:
        """What it ran with: git commit, lock, packages, machine."""
        return self._document(self.store.provenance_path(self.record.run_id), "what it ran with")

    @functools.cached_property
    def ir(self) -> Reading[dict[str, Any]]:
        """The compiled pipeline."""
        return self._document(self.store.ir_path(self.record.run_id), "the compiled pipeline")

    @functools.cached_property
    def events(self) -> tuple[Mapping[str, Any], ...]:
        """Every event in order; a last line that is not whole yet is left out."""
        path = self.store.events_path(self.record.run_id)
        return tuple(_json_lines(read_text(path))) if path.is_file() else ()

    @functools.cached_property
    def artifacts(self) -> tuple[ArtifactRecord, ...]:
        """What its nodes published, took from the cache or reused; in a copied or moved root, the copies.

        Raises:
          NotFound: the lineage store is damaged.
        """
        found = self.lineage.outputs_of_run(self.record.run_id, self.record.pipeline_name)
        if self.elsewhere:
            return tuple(found)
        was = ((self.config.value or {}).get("pipeline") or {}).get("root")
        return tuple(dataclasses.replace(item, uri=_here(item.uri, was, self.store.root)) for item in found)

    def artifact(self, key: str, node_id: str | None = None) -> ArtifactRecord | None:
        """The artifact of that output, None if there is none."""
        return single(list(self.artifacts), key, node_id)

    @functools.cached_property
    def features(self) -> Reading[FeatureSpec]:
        """Every column's part in the model, as planned."""
        return _attempt(lambda: _feature_spec(self.ir.get()))

    @functools.cached_property
    def hyperparameters(self) -> Reading[dict[str, Any]]:
        """What the model was trained with: `model` and `training` settings, and what a search chose, as `tuned`."""
        return _attempt(self._hyperparameters)

    @functools.cached_property
    def examples(self) -> Reading[Examples]:
        """The rows."""
        return self._part(
            "ArrowExampleGen",
            "examples",
            lambda found: read_examples(self.folder_of(found), found.properties),
        )

    @functools.cached_property
    def data_quality(self) -> Reading[DataQuality]:
        """What DataQualityGate measured, also where it refused; its verdict is among `gates`."""
        return self._part("DataQualityGate", "metrics", self._read_data_quality)

    @functools.cached_property
    def statistics(self) -> Reading[Statistics]:
        """The statistics of the rows."""
        return self._folder_part("StatisticsGen", "statistics", read_statistics)

    @functools.cached_property
    def schema(self) -> Reading[Schema]:
        """The schema that the rows were held to."""
        imported = "ImportSchemaGen" in self.record.node_ids
        return self._folder_part("ImportSchemaGen" if imported else "SchemaGen", "schema", read_schema)

    @functools.cached_property
    def anomalies(self) -> Reading[Anomalies]:
        """What TFDV found in the rows."""
        return self._folder_part("ExampleValidator", "anomalies", read_anomalies)

    @functools.cached_property
    def gate(self) -> Reading[GateDecision]:
        """What ValidationGate made of it; a gate that refused leaves its message as the reason."""
        return self._folder_part("ValidationGate", "result", read_gate)

    @functools.cached_property
    def gates(self) -> Mapping[str, Reading[Verdict]]:
        """What each gate decided, by node, in the order in which the nodes stand in the pipeline."""
        keys = {found.node_id: found.key for found in self.artifacts if found.type_name == GATE_RESULT}
        return {
            node_id: self._folder_part(node_id, keys[node_id], read_verdict)
            for node_id in self.record.node_ids
            if node_id in keys
        }

    @functools.cached_property
    def drift(self) -> Reading[DriftReport]:
        """How the columns moved from the span before, and from training to serving."""
        return self._folder_part("DistributionValidator", "result", read_drift)

    @functools.cached_property
    def transform(self) -> Reading[TransformGraph]:
        """Vocabularies and transformed features."""
        return self._folder_part("Transform", "transform_graph", read_transform)

    @functools.cached_property
    def balance(self) -> Reading[Balance]:
        """What was done to the training rows so that classes are more even."""
        return self._folder_part("TrainingBalancer", "balance", read_balance)

    @functools.cached_property
    def tuning(self) -> Reading[Tuning]:
        """The search for hyperparameters."""
        return self._part("Tuner", "tuner_results", self._read_tuning)

    @functools.cached_property
    def training(self) -> Reading[Training]:
        """The curves of the training."""
        return self._folder_part("Trainer", "model_run", read_training)

    @functools.cached_property
    def model(self) -> Reading[Model]:
        """The model as it describes itself."""
        return self._folder_part("Trainer", "model", read_model)

    @functools.cached_property
    def evaluation(self) -> Reading[Evaluation]:
        """Metrics and blessing."""
        return self._part("Evaluator", "blessing", self._read_evaluation)

    @functools.cached_property
    def predictions(self) -> "Reading[Predictions]":
        """The model's answer to every evaluated row."""
        from pipeline.readers.predictions import read_answers  # what reads Parquet takes a while to import

        return self._folder_part("Evaluator", "evaluation", read_answers)

    @functools.cached_property
    def serving_check(self) -> Reading[ServingCheck]:
        """Whether the model can be served."""
        return self._folder_part("ServingCheck", "blessing", read_serving_check)

    @functools.cached_property
    def bias(self) -> Reading[BiasDocument]:
        """Bias of labels and answers between groups of rows."""
        return self._folder_part("BiasEvaluator", "bias", read_bias)

    @functools.cached_property
    def explanation(self) -> Reading[Explanation]:
        """What the model's answers come from."""
        return self._folder_part("Explainer", "explanation", read_explanation)

    @functools.cached_property
    def review(self) -> Reading[Queue]:
        """The rows that people should look at."""
        return self._folder_part("HumanReview", "queue", read_queue)

    @functools.cached_property
    def model_card(self) -> Reading[ModelCard]:
        """What people and the run say about the model."""
        return self._folder_part("ModelCard", "card", read_model_card)

    @functools.cached_property
    def pushed(self) -> Reading[PushedModel]:
        """Where the model was put."""
        return self._part("Pusher", "pushed_model", lambda found: read_pushed(found.properties))

    @functools.cached_property
    def approval(self) -> Reading[Approval]:
        """Whether the model may be pushed, who decided it and on what; or that a person's decision is waited for."""
        return _attempt(self._read_approval)

    @functools.cached_property
    def registered(self) -> Reading[Registered]:
        """As what the model was registered, and where that version stands now."""
        was = ((self.config.value or {}).get("pipeline") or {}).get("root")

        def read(folder: Path) -> Registered:
            found = read_registered(folder)
            if self.elsewhere:
                return found
            return read_registered(folder, Path(_here(found.document.registry, was, self.store.root)))

        return self._folder_part("ModelRegistry", "model_version", read)

    @functools.cached_property
    def endpoint(self) -> Reading[EndpointDocument]:
        """Where the model was deployed, and how."""
        return self._folder_part("EndpointPusher", "endpoint", read_endpoint)

    def _document(self, path: Path, what: str) -> Reading[dict[str, Any]]:
        if not path.is_file():
            return Reading(reason=f"This run did not write down {what} ({path.name}): it is of an older version.")
        return _attempt(lambda: read_object(path))

    def _folder_part(self, node_id: str, key: str, read: Callable[[Path], Value]) -> Reading[Value]:
        return self._part(node_id, key, lambda found: read(self.folder_of(found)))

    def _part(self, node_id: str, key: str, read: Callable[[ArtifactRecord], Value]) -> Reading[Value]:
        def read_artifact() -> Value:
            found = self.artifact(key, node_id)
            if found is None:
                raise NotFound(self.why_missing(node_id, key))
            if not self.folder_of(found).is_dir():
                raise NotFound(f"{found.uri}: node '{node_id}' published it and it is not there any more.")
            return read(found)

        return _attempt(read_artifact)

    def why_missing(self, node_id: str, key: str) -> str:
        """Why the node of this run published no such output, in a sentence."""
        if node_id not in self.record.node_ids:
            return f"This pipeline has no {node_id}."
        node = self.record.node(node_id)
        if node is None:
            running = self.record.state == "RUNNING"
            return f"{node_id} has not ended yet." if running else f"{node_id} did not run: the run ended before it."
        if node.state == "FAILED":
            return f"{node_id} failed: {node.failure}"
        if node.state in ("NOT_RUN", "SKIPPED"):
            return f"{node_id} did not run{': ' + node.failure if node.failure else '.'}"
        if node.state == "RUNNING":
            return f"{node_id} has not ended yet."
        return f"{node_id} ended ({node.state.lower()}) and published no {key}."

    def _read_tuning(self, found: ArtifactRecord) -> Tuning:
        best = self.artifact("best_hyperparameters", "Tuner")
        settings = _custom_config(self.ir.value or {}, "Tuner").get("tuner", {})
        return read_tuning(self.folder_of(found), self.folder_of(best) if best else None, settings.get("objective", ""))

    def _read_data_quality(self, found: ArtifactRecord) -> DataQuality:
        others = [self.artifact(key, "DataQualityGate") for key in ("offending_rows", "suggestions")]
        rows, suggestions = (self.folder_of(item) if item else None for item in others)
        return read_data_quality(self.folder_of(found), rows, suggestions)

    def _read_approval(self) -> Approval:
        found = self.artifact("approval", "ModelApproval")
        record: Path | str = self.store.root / "approvals" / f"{self.record.pipeline_name}.jsonl"
        if self.elsewhere:
            record = f"{self.elsewhere.root}/approvals/{self.record.pipeline_name}.jsonl"
        try:
            return read_approval(None if found is None else self.folder_of(found), record, self.record.run_id)
        except NotFound as error:
            raise NotFound(str(error) if found else self.why_missing("ModelApproval", "approval")) from error

    def _read_evaluation(self, found: ArtifactRecord) -> Evaluation:
        measured = self.artifact("evaluation", "Evaluator")
        return read_evaluation(self.folder_of(found), self.folder_of(measured) if measured else None)

    def _hyperparameters(self) -> dict[str, Any]:
        settings = _custom_config(self.ir.get(), "Trainer")
        if not settings:
            raise NotFound("This pipeline has no Trainer.")
        best = self.artifact("best_hyperparameters", "Tuner")
        tuned = {} if best is None else dict(read_hyperparameters(self.folder_of(best)).values)
        return {"model": settings.get("model", {}), "training": settings.get("training", {}), "tuned": tuned}


def _here(uri: str, was: str | None, root: Path) -> str:
    """The artifact's place below the root that is read, if the run was made in another and a copy is there."""
    if was is None or not Path(uri).is_relative_to(was):
        return uri
    copied = root.absolute() / Path(uri).relative_to(was)
    return str(copied) if copied.exists() else uri


def _attempt(read: Callable[[], Value]) -> Reading[Value]:
    try:
        return Reading(read())
    except NotFound as error:
        return Reading(reason=str(error))


def _json_lines(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:  # being written now, or cut short when the machine stopped
            continue
        if isinstance(found, dict):
            yield found


def _custom_config(ir: Mapping[str, Any], node_id: str) -> dict[str, Any]:
    """The node's custom_config, empty if the pipeline has no such node."""
    for item in ir.get("nodes", ()):
        node = item["pipelineNode"]
        if node["nodeInfo"]["id"] == node_id:
            return dict(json.loads(node["parameters"]["parameters"]["custom_config"]["fieldValue"]["stringValue"]))
    return {}


def _feature_spec(ir: Mapping[str, Any]) -> FeatureSpec:
    config = _custom_config(ir, "Transform")
    if "features" not in config:
        raise NotFound("This pipeline has no Transform, which would say how columns are used.")
    return FeatureSpec.from_json(config["features"])
