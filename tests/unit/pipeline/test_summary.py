import dataclasses
import datetime
import json

import pytest

from components.gate.verdict import Finding, Verdict
from components.gate.waiver import Waiver
from components.model_digest import model_digest
from components.model_registry.document import VersionDocument
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import Ask, Registration
from components.signing.settings import SigningSettings
from pipeline.metadata import ArtifactRecord
from pipeline.run_store import NodeRecord, RunRecord
from pipeline.summary import node_rows, summarise, summary_lines

RUN = RunRecord("r1", "reviews", "COMPLETE", "2026-01-01T00:00:00+00:00", None, 1, "digest", ("A", "B"))


class Lineage:
    """Artifacts of one run, as LineageStore would give them."""

    def __init__(self, artifacts):
        self._artifacts = artifacts

    def outputs_of_run(self, run_id, pipeline_name):
        assert (run_id, pipeline_name) == ("r1", "reviews")
        return self._artifacts


@pytest.fixture
def publish(tmp_path):
    artifacts = []

    def made(node_id, key, properties=None, documents=None):
        folder = tmp_path / f"{node_id}-{key}"
        folder.mkdir()
        for name, content in (documents or {}).items():
            (folder / name).write_text(json.dumps(content))
        kind = "PenstockGateResult" if key == "result" else "Any"
        artifacts.append(ArtifactRecord(len(artifacts) + 1, kind, str(folder), node_id, key, properties or {}))
        return Lineage(artifacts)

    return made


def test_a_run_that_made_nothing_says_only_its_state():
    assert summary_lines(summarise(RUN, Lineage([]))) == [("run", "r1  complete")]


def test_rows_are_told_by_split_with_what_was_set_aside(publish):
    rows = {"rows_in": 1010, "rows_out": 1000, "rows_quarantined": 10, "rows_train": 800, "rows_eval": 200, "span": 3}
    lines = dict(summary_lines(summarise(RUN, publish("ArrowExampleGen", "examples", rows))))
    assert lines["rows"] == "1,010 in (eval 200, train 800, 10 quarantined)"


def test_metrics_that_could_not_be_measured_are_named(publish):
    decision = {"blessed": False, "reasons": ["auc cannot be measured"], "metrics": {"auc": None, "recall": 0.5}}
    lines = dict(summary_lines(summarise(RUN, publish("Evaluator", "blessing", {}, {"decision.json": decision}))))
    assert lines["metrics"] == "auc not measurable  recall 0.5"
    assert lines["blessed"] == "no: auc cannot be measured"
    assert lines["model"] == "not pushed"


@pytest.mark.parametrize(
    ("missing", "told"), [(0, "every section is written"), (1, "1 section missing"), (2, "2 sections missing")]
)
def test_the_model_card_is_told_with_what_nobody_wrote(publish, missing, told):
    lines = dict(summary_lines(summarise(RUN, publish("ModelCard", "card", {"missing_sections": missing}))))
    assert lines["card"].endswith(f"ModelCard-card/card.html, {told}")


def test_every_reason_is_shown(publish):
    decision = {"blessed": True, "reasons": ["first", "second"], "metrics": {}}
    lines = summary_lines(summarise(RUN, publish("Evaluator", "blessing", {}, {"decision.json": decision})))
    assert ("blessed", "yes: first") in lines
    assert ("", "second") in lines


def test_anomalies_are_named_with_their_severity(publish):
    found = [{"feature": "vine", "severity": "warning"}, {"feature": "stars", "severity": "warning"}]
    findings = [{"details": item} for item in found]
    lineage = publish("ValidationGate", "result", {}, {"decision.json": {"findings": findings}})
    assert dict(summary_lines(summarise(RUN, lineage)))["anomalies"] == "2: stars (warning), vine (warning)"


@pytest.mark.parametrize(("findings", "told"), [((), False), ((Finding("drift(shop)", True, "warning", "…"),), True)])
def test_what_drifted_most_is_told_where_there_was_anything_to_compare(publish, findings, told):
    found = Verdict("DistributionValidator", "the data", "distribution", findings, (), ("Most of all: shop.", "Next."))
    lineage = publish("DistributionValidator", "result", {}, {"decision.json": found.to_json()})
    assert (("drift", "Most of all: shop.") in summary_lines(summarise(RUN, lineage))) is told


BROKEN = Finding("unique(id)", False, "error", "3 rows of split train share their id.")
TOLD = Finding("mean(stars)", False, "warning", "The mean is 4.9.")
WAIVER = Waiver("unique(id)", "known", datetime.date(2030, 1, 1))


def verdict(gate, *findings):
    return {"decision.json": Verdict(gate, "the data", "quality", findings).to_json()}


def test_gates_are_counted_and_those_that_refuse_or_warn_are_named(publish):
    publish("DataQualityGate", "result", {}, verdict("DataQualityGate", BROKEN, TOLD))
    publish("BiasEvaluator", "result", {}, verdict("BiasEvaluator", TOLD, dataclasses.replace(TOLD, check="other")))
    waived = dataclasses.replace(BROKEN, waiver=WAIVER)
    lineage = publish("AttributionDrift", "result", {}, verdict("AttributionDrift", waived))
    lines = summary_lines(summarise(RUN, lineage))
    assert lines[1:] == [
        ("gates", "2 of 3 passed; 1 finding waived"),
        ("", "DataQualityGate refuses: unique(id): 3 rows of split train share their id."),
        ("", "BiasEvaluator warns: mean(stars): The mean is 4.9. (and 1 more)"),
    ]


@pytest.mark.parametrize(
    ("statuses", "text"),
    [
        (("passed", "", "passed"), "1 facet, 2 metrics judged: none beyond bounds"),
        (
            ("failed", "warned", "not decided"),
            "1 facet, 3 metrics judged: 2 beyond bounds (DPL of sex=f is 0.25), 1 not decided",
        ),
        (("", "", ""), "1 facet, 0 metrics judged: none beyond bounds"),
    ],
)
def test_bias_is_told_in_a_line_with_the_first_metric_beyond_its_bounds(publish, statuses, text):
    metrics = {
        name: {"status": status, "value": 0.25} for name, status in zip(("DPL", "RD", "AD"), statuses, strict=True)
    }
    document = {"facets": [{"name": "sex=f", "metrics": metrics}]}
    lines = dict(summary_lines(summarise(RUN, publish("BiasEvaluator", "bias", {}, {"bias.json": document}))))
    assert lines["bias"] == text


@pytest.mark.parametrize(("is_kept", "tail"), [(True, ""), (False, "; the attributions do not sum up")])
def test_what_answers_come_from_is_told_in_a_line(publish, is_kept, tail):
    features = [
        {"feature": name, "share": share} for name, share in (("text", 0.6), ("a", 0.25), ("b", 0.1), ("c", 0.05))
    ]
    document = {"features": features, "completeness": {"is_kept": is_kept}}
    lineage = publish("Explainer", "explanation", {}, {"explanation.json": document})
    assert dict(summary_lines(summarise(RUN, lineage)))["explained"] == f"by text 60%, a 25%, b 10%{tail}"


def test_a_verdict_that_is_gone_is_not_counted(publish):
    lineage = publish("DataQualityGate", "result", {}, {})
    assert summarise(RUN, lineage).verdicts == ()


def test_a_pushed_model_is_named_by_its_folder(publish):
    summary = summarise(RUN, publish("Pusher", "pushed_model", {"pushed": 1, "pushed_destination": "/models/7"}))
    assert summary.is_pushed
    assert summary.pushed_to == "/models/7"


def test_a_model_that_was_not_pushed_is_not_called_so(publish):
    assert not summarise(RUN, publish("Pusher", "pushed_model", {"pushed": 0})).is_pushed


def test_a_node_has_a_row_for_each_output_and_one_if_it_did_not_run(publish):
    publish("A", "model")
    lineage = publish("A", "model_run")
    rows = node_rows(
        RUN.with_node(NodeRecord("A", "COMPLETE", 1, wall_s=1.26, cpu_s=2.0)), lineage.outputs_of_run("r1", "reviews")
    )
    assert [row[:5] for row in rows[1:]] == [
        ("A", "complete", "1.3", "2.0", "model"),
        ("", "", "", "", "model_run"),
        ("B", "not run", "", "", ""),
    ]


@pytest.mark.parametrize(
    ("rows", "below", "text"),
    [
        (37, 37, "37 predictions below 0.9: penstock review"),
        (100, 1234, "1,234 predictions below 0.9, the 100 least confident wait for people: penstock review"),
        (0, 5, "none of 5 predictions below 0.9 waits for people"),
        (0, 0, "no unsure prediction"),
    ],
)
def test_rows_for_people_are_told_with_the_command(publish, rows, below, text):
    lineage = publish("HumanReview", "queue", {"rows": rows, "below": below, "threshold": 0.9})
    assert dict(summary_lines(summarise(RUN, lineage)))["review"] == text


def registered(tmp_path, *, stage=None):
    """A version's document, and the registry that it names."""
    registry = LocalRegistry(tmp_path / "registry", SigningSettings())
    model = tmp_path / "pushed" / "7"
    model.mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"graph")
    digest = model_digest(model)
    version = registry.register(model, Registration("7", "run-1", "/m", digest, "", "rules", {}))
    if stage:
        registry.promote("7", stage, Ask("ann", "good"))
    return VersionDocument(True, "churn", str(registry.root), "7", "candidate", digest, version.signature)


@pytest.mark.parametrize(("stage", "shown"), [(None, "candidate"), ("staging", "staging")])
def test_a_registered_version_is_told_with_where_it_stands_now_and_that_it_is_unsigned(publish, tmp_path, stage, shown):
    document = registered(tmp_path, stage=stage)
    publish("Evaluator", "blessing", {}, {"decision.json": {"blessed": True, "reasons": [], "metrics": {}}})
    publish("Pusher", "pushed_model", {"pushed": 1, "pushed_destination": "/models/7"})
    lineage = publish("ModelRegistry", "model_version", {}, {"model_version.json": document.to_json()})
    lines = dict(summary_lines(summarise(RUN, lineage)))
    assert lines["registry"] == f"version 7 of churn, {shown}; unsigned: signing.mode is unsigned"


def test_a_version_that_the_registry_lost_is_told_so(publish, tmp_path):
    document = registered(tmp_path)
    (tmp_path / "registry" / "registry.jsonl").unlink()
    lineage = publish("ModelRegistry", "model_version", {}, {"model_version.json": document.to_json()})
    assert "knows no version 7 any more" in summarise(RUN, lineage).registered.sentence


def test_a_tampered_registry_does_not_take_the_summary_with_it(publish, tmp_path):
    document = registered(tmp_path)
    record = tmp_path / "registry" / "registry.jsonl"
    record.write_text(record.read_text().replace("run-1", "run-9"))
    lineage = publish("ModelRegistry", "model_version", {}, {"model_version.json": document.to_json()})
    assert "tampered with" in summarise(RUN, lineage).registered.sentence
