"""One run and its parts. A part that is not there is a `Missing`, which says why."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from markupsafe import Markup

from pipeline.errors import NotFound
from pipeline.readers.run_view import Reading, RunView
from pipeline.report.dag import run_graph
from pipeline.report.record_parts import artifacts_table, configuration_view, environment_view, flattened
from pipeline.report.states import shown_state
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, moment
from pipeline.run_store import RunRecord
from pipeline.workbench.data import AnomaliesPart, ExamplesPart, SchemaPart
from pipeline.workbench.display import Missing, Shown, Table
from pipeline.workbench.judging import EvaluationPart, ServingPart
from pipeline.workbench.learning import TrainingPart, TransformPart, TuningPart
from pipeline.workbench.lineage import LineagePart
from pipeline.workbench.model import ModelPart
from pipeline.workbench.statistics import StatisticsPart

Value = TypeVar("Value")
Part = TypeVar("Part", bound=Shown)


class Run(Shown):
    """One run; it only reads, and what it has read it keeps: open it again to see progress.

    Attributes:
      view: the readers' view of the run, which the parts are made from.
    """

    def __init__(self, view: RunView) -> None:
        """Reads nothing yet."""
        self.view = view

    @property
    def record(self) -> RunRecord:
        """What became of the run and its nodes."""
        return self.view.record

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.record.run_id

    @property
    def title(self) -> str:
        """Which run, and what became of it."""
        record = self.record
        return f"Run {record.run_id} of {record.pipeline_name}: {shown_state(record.state).word}"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each node, in the pipeline's order."""
        columns = ["node", "state", "attempt", "wall_s", "cpu_s", "peak_mib", "failure"]
        return pd.DataFrame([_node_row(self.record, node_id) for node_id in self.record.node_ids], columns=columns)

    @property
    def nodes(self) -> Table:
        """The nodes as a table."""
        return Table(f"Nodes of run {self.run_id}", self.frame)

    def body(self) -> Markup:
        """When it ran, the pipeline as a drawing, and the nodes that failed or did not run."""
        record = self.record
        when = f"{moment(record.started_at)} to {moment(record.ended_at)}"
        base = f". Outputs of {record.base_run_id} were reused" if record.base_run_id else ""
        upstream = record.upstream or _upstream(self.view)
        drawn = tag("div", run_graph(record, upstream), class_="pn-scroll pn-wide")
        stopped = [node for node in record.nodes if node.failure]
        told = [tag("li", tag("strong", node.node_id), ": ", clipped(node.failure, 1000)) for node in stopped]
        return join([tag("p", f"{when}{base}."), drawn, tag("ul", *told) if told else None])

    @property
    def artifacts(self) -> Table:
        """What its nodes published: node, output, type, id, and where it is."""
        columns = ["node", "output", "type", "artifact_id", "uri"]
        found, record = self.view.artifacts, self.record
        rows = [(item.node_id, item.key, item.type_name, item.artifact_id, item.uri) for item in found]
        frame = pd.DataFrame(rows, columns=columns)
        drawn = artifacts_table(found, record.node_ids, self.view.store.root)
        return Table(f"{counted(len(rows), 'artifact')} of run {self.run_id}", frame, drawn=drawn)

    @property
    def config(self) -> "Table | Missing":
        """The configuration that it ran with, defaults included, one key a row."""
        return self._part(
            "Configuration", self.view.config, lambda found: _flat("Configuration", found, configuration_view)
        )

    @property
    def provenance(self) -> "Table | Missing":
        """What it ran with: git commit, packages, machine."""
        return self._part(
            "Environment", self.view.provenance, lambda found: _flat("Environment", found, environment_view)
        )

    @functools.cached_property
    def examples(self) -> "ExamplesPart | Missing":
        """The rows that it read; `.head()` and `.rows()` give them."""

        def part(found: Any) -> ExamplesPart:
            artifact = self.view.artifact("examples", "ArrowExampleGen")
            assert artifact is not None  # its reading is there
            return ExamplesPart(found, Path(artifact.uri))

        return self._part("Examples", self.view.examples, part)

    @functools.cached_property
    def statistics(self) -> "StatisticsPart | Missing":
        """What was counted in the rows; `.feature(name)` shows one column."""
        return self._part("Statistics", self.view.statistics, StatisticsPart)

    @functools.cached_property
    def schema(self) -> "SchemaPart | Missing":
        """What each column must look like, and how the model uses it."""
        return self._part("Schema", self.view.schema, lambda found: SchemaPart(found, self.view.features))

    @functools.cached_property
    def anomalies(self) -> "AnomaliesPart | Missing":
        """Where the rows do not keep to the schema, and what was made of it."""
        anomalies, gate = self.view.anomalies, self.view.gate
        return AnomaliesPart(anomalies, gate) if anomalies or gate else Missing("Anomalies", anomalies.reason)

    @functools.cached_property
    def transform(self) -> "TransformPart | Missing":
        """Vocabularies, and what a row becomes before the model."""
        return self._part("Transform", self.view.transform, TransformPart)

    @functools.cached_property
    def tuning(self) -> "TuningPart | Missing":
        """The search for hyperparameters."""
        return self._part("Search", self.view.tuning, TuningPart)

    @functools.cached_property
    def training(self) -> "TrainingPart | Missing":
        """The training, epoch by epoch."""
        return self._part("Training", self.view.training, lambda found: TrainingPart(found, self.view.hyperparameters))

    @functools.cached_property
    def model(self) -> "ModelPart | Missing":
        """The model; `.predict(rows)` asks it."""
        return self._part("Model", self.view.model, ModelPart)

    @functools.cached_property
    def evaluation(self) -> "EvaluationPart | Missing":
        """The verdict on the model; `.slices`, `.confusion`, `.calibration` and `.checks` go deeper."""
        return self._part("Evaluation", self.view.evaluation, EvaluationPart)

    @property
    def evaluated_split(self) -> str:
        """The split that decided about the blessing: `test` where there is one, else `eval`."""
        splits = self.examples.splits if isinstance(self.examples, ExamplesPart) else ()
        return "test" if "test" in splits else "eval"

    @functools.cached_property
    def serving(self) -> "ServingPart | Missing":
        """Whether the model can be served."""
        return self._part("Serving check", self.view.serving_check, ServingPart)

    @functools.cached_property
    def lineage(self) -> "LineagePart | Missing":
        """What it was made of, and what became of it."""
        try:
            return LineagePart.of(self.run_id, self.view.store, self.record.pipeline_name)
        except NotFound as error:
            return Missing("Lineage", str(error))

    def _part(self, what: str, reading: Reading[Value], make: Callable[[Value], Part]) -> "Part | Missing":
        return Missing(what, reading.reason) if reading.value is None else make(reading.value)


def _node_row(record: RunRecord, node_id: str) -> tuple[object, ...]:
    node = record.node(node_id)
    if node is None:
        return (node_id, "NOT_RUN", None, None, None, None, "")
    peak = node.peak_memory_bytes / 2**20 if node.peak_memory_bytes else None
    return (node_id, node.state, node.attempt, node.wall_s, node.cpu_s, peak, node.failure)


def _upstream(view: RunView) -> Mapping[str, list[str]]:
    """What each node waits for, from the compiled pipeline: older records do not say."""
    nodes = [item["pipelineNode"] for item in (view.ir.value or {}).get("nodes", ()) if "pipelineNode" in item]
    return {node["nodeInfo"]["id"]: node.get("upstreamNodes", []) for node in nodes}


def _flat(title: str, document: Mapping[str, Any], view: Callable[[Mapping[str, Any]], Markup]) -> Table:
    rows = [leaf for key, value in document.items() for leaf in flattened(value, key)]
    return Table(title, pd.DataFrame(rows, columns=["key", "value"]), drawn=view(document))
