"""What stands on a run's page, in its order: the verdict, the run, the evidence, the data, the record."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from markupsafe import Markup

from components.gate.verdict import Verdict
from pipeline.readers.balance import Balance
from pipeline.readers.evaluation import Evaluation
from pipeline.readers.run_view import Reading, RunView
from pipeline.report.approval_parts import approval_view
from pipeline.report.balance_parts import balance_view
from pipeline.report.bias_parts import bias_view
from pipeline.report.card_parts import card_view
from pipeline.report.data_parts import anomalies_table, examples_view, gate_view, schema_table, transform_view
from pipeline.report.drift_parts import drift_view
from pipeline.report.endpoint_parts import endpoint_view
from pipeline.report.evaluation import (
    calibration_view,
    checks_table,
    confusion_view,
    headline,
    interval_text,
    metrics_table,
    slices_table,
)
from pipeline.report.explanation_parts import explanation_view
from pipeline.report.gate_parts import gates_view
from pipeline.report.model_parts import model_view, serving_view, training_view, tuning_view
from pipeline.report.quality_parts import quality_view
from pipeline.report.record_parts import artifacts_table, configuration_view, environment_view
from pipeline.report.registry_parts import registry_view
from pipeline.report.review_parts import review_view
from pipeline.report.run_section import run_section
from pipeline.report.section import Section, note, part
from pipeline.report.statistics import statistics_view
from pipeline.report.tags import join
from pipeline.report.text import number
from pipeline.report.verdict import facts, head, verdict_of
from pipeline.summary import summarise

Value = TypeVar("Value")


def page_top(view: RunView, *, is_live: bool = False) -> Markup:
    """The page's header."""
    summary = summarise(view.record, view.lineage, view.folder_of)
    figure = _headline(view.evaluation.value) if view.evaluation.value else None
    verdict = verdict_of(summary, view.elsewhere.runner if view.elsewhere else "")
    return head(summary, facts(summary, figure), verdict, view.store.root, is_live=is_live)


def page_sections(view: RunView, now: str | None = None) -> list[Section]:
    """Every section of the run's page; `now` (ISO 8601) is for a run that goes on."""
    return [
        run_section(view.record, upstream_of(view), view.folder / "logs", now),
        _section("gates", "Gates", "Verdict", _gates(view), gates_view),
        *_evaluation_sections(view),
        *_model_sections(view),
        *_data_sections(view),
        *_record_sections(view),
    ]


def upstream_of(view: RunView) -> Mapping[str, Sequence[str]]:
    """What each node waits for; for a record of an older layout from the compiled pipeline, empty if that is gone."""
    if view.record.upstream:
        return view.record.upstream
    nodes = [item["pipelineNode"] for item in (view.ir.value or {}).get("nodes", ()) if "pipelineNode" in item]
    return {node["nodeInfo"]["id"]: node.get("upstreamNodes", ()) for node in nodes}


def _evaluation_sections(view: RunView) -> list[Section]:
    found = view.evaluation
    older = found.value.analysis_missing if found.value else ""
    sections = [
        _section("blessing", "Blessing", "Verdict", found, _blessing),
        _section("metrics", "Metrics", "Verdict", found, metrics_table),
        _section("slices", "Slices", "Verdict", found, slices_table),
    ]
    confusion = _inside(
        found, lambda evaluation: evaluation.confusion, older or "A regression has no confusion matrix."
    )
    calibration = _inside(found, lambda evaluation: evaluation.calibration, older or "There are no rows to compare.")
    return [
        *sections,
        _section("confusion", "Confusion matrix", "Verdict", confusion, confusion_view),
        _section("calibration", "Calibration", "Verdict", calibration, calibration_view),
        _section("serving", "Serving check", "Verdict", view.serving_check, serving_view),
        _section("bias", "Bias", "Verdict", view.bias, bias_view),
        _section("approval", "Approval", "Verdict", view.approval, approval_view),
        _section("registry", "Registry", "Verdict", view.registered, registry_view),
        *_endpoint_section(view),
    ]


def _endpoint_section(view: RunView) -> list[Section]:
    """Of pipelines that deploy what they push: those of runs on AWS."""
    if "EndpointPusher" not in view.record.node_ids:
        return []
    return [_section("endpoint", "Endpoint", "Verdict", view.endpoint, endpoint_view)]


def _model_sections(view: RunView) -> list[Section]:
    return [
        _section("card", "Model card", "Model", view.model_card, card_view),
        _section("training", "Training", "Model", view.training, training_view),
        _section("tuning", "Search for hyperparameters", "Model", view.tuning, tuning_view),
        _section("model", "Model", "Model", view.model, model_view),
        _section("explanation", "Explanation", "Model", view.explanation, explanation_view),
        _section("review", "Rows for people", "Model", view.review, review_view),
        _section("transform", "Transform", "Model", view.transform, transform_view),
    ]


def _data_sections(view: RunView) -> list[Section]:
    return [
        _section("rows", "Rows", "Data", view.examples, examples_view),
        _section(
            "quality",
            "Data quality",
            "Data",
            view.data_quality,
            lambda found: quality_view(found, view.gates.get("DataQualityGate")),
        ),
        _section("statistics", "Statistics", "Data", view.statistics, statistics_view),
        _section("drift", "Drift", "Data", view.drift, drift_view),
        _section("schema", "Schema", "Data", view.schema, schema_table),
        _anomalies(view),
        _section("balance", "Balance", "Data", _balance(view), balance_view),
    ]


def _record_sections(view: RunView) -> list[Section]:
    artifacts = Reading(view.artifacts or None, "No node of this run has published anything.")
    return [
        _section(
            "artifacts",
            "Artifacts",
            "Record",
            artifacts,
            lambda found: artifacts_table(found, view.record.node_ids, view.store.root),
        ),
        _section("environment", "Environment and lock", "Record", view.provenance, environment_view),
        _section("configuration", "Configuration", "Record", view.config, configuration_view),
    ]


def _section(
    section_id: str, title: str, group: str, reading: Reading[Value], draw: Callable[[Value], Markup]
) -> Section:
    """The section of a reading: what there is, or why there is nothing."""
    if reading.value is None:
        return Section(section_id, title, group, None, reading.reason)
    return Section(section_id, title, group, draw(reading.value))


def _inside(reading: Reading[Evaluation], pick: Callable[[Evaluation], Value | None], otherwise: str) -> Reading[Value]:
    """A part of the evaluation as a reading of its own."""
    if reading.value is None:
        return Reading(reason=reading.reason)
    found = pick(reading.value)
    return Reading(found, "" if found is not None else otherwise)


def _gates(view: RunView) -> Reading[Mapping[str, Reading[Verdict]]]:
    return Reading(view.gates or None, "No gate of this run has decided anything yet.")


def _blessing(evaluation: Evaluation) -> Markup:
    compared = "Compared with the last blessed model on the same rows." if evaluation.baseline_model else None
    return join([checks_table(evaluation.checks), note(compared or "There was no blessed model to compare with.")])


def _balance(view: RunView) -> Reading[Balance]:
    if "TrainingBalancer" in view.record.node_ids:
        return view.balance
    return Reading(reason="The training rows are used as they are: balancing.method is none.")


def _anomalies(view: RunView) -> Section:
    """What TFDV found and what the gate made of it; the one can be there without the other."""
    found = _section("anomalies", "Anomalies and gate", "Data", view.anomalies, anomalies_table)
    gate = gate_view(view.gate.value) if view.gate.value else note(view.gate.reason)
    if found.body is None:
        return found
    return dataclasses.replace(found, body=join([part("Found", found.body), part("The gate's decision", gate)]))


def _headline(evaluation: Evaluation) -> tuple[str, str, str] | None:
    name = headline(evaluation)
    if name is None:
        return None
    found = evaluation.metrics[name]
    return name, number(found.value), interval_text(found) if found.low is not None else f"{evaluation.rows:,} rows"
