"""The sample pipeline's IR, in full beside this file: what changes here changes on every runner."""

import json
from pathlib import Path

import pytest
from golden_text import ROOT, normalise

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.config import load_config
from pipeline.definition import Plan
from pipeline.planning import make_plan
from pipeline.runners.warm import WarmProcess

CASES = Path(__file__).parent


def test_the_normaliser_hides_places_and_digests_and_nothing_else():
    digest = "0123456789abcdef" * 4
    assert normalise(f'{{"a": "{ROOT}/x", "b": "{digest}", "c": "{digest[:-1]}"}}') == (
        f'{{"a": "/checkout/x", "b": "<sha256>", "c": "{digest[:-1]}"}}'
    )


@pytest.fixture(scope="module")
def compile_case(tmp_path_factory):
    from pipeline.runners.registry import build_document

    folder = tmp_path_factory.mktemp("golden")
    warm = WarmProcess(folder / "warm.log")
    return lambda config, plan: warm.call(build_document, "local", config, plan, log_path=folder / "compile.log")


@pytest.fixture(scope="module")
def document(compile_case):
    config = load_config(ROOT / "penstock.yaml")
    return compile_case(config, make_plan(config))


def test_the_sample_compiles_to_the_reviewed_ir(document, assert_golden):
    assert_golden(normalise(document.text), CASES / "reviews.ir.json")


FEATURES = FeatureSpec(
    Label("churned", LabelKind.BINARY, DType.STRING),
    (
        Feature("tenure", FeatureKind.NUMERIC, DType.FLOAT32),
        Feature("plan", FeatureKind.CATEGORICAL, DType.STRING, required=True, cardinality=3),
    ),
)


def test_a_table_without_schema_and_with_a_tuner_compiles_to_the_reviewed_ir(compile_case, assert_golden):
    config = load_config(CASES / "churn.yaml")
    plan = Plan(FEATURES, str(CASES), "customers-{SPAN}.csv", schema_digest=None)
    assert_golden(normalise(compile_case(config, plan).text), CASES / "churn.ir.json")


def test_a_model_that_is_deployed_compiles_to_the_reviewed_ir(compile_case, assert_golden):
    """The only pipeline with an EndpointPusher: its root is on S3, and `deploy.enabled` says so."""
    config = load_config(CASES / "deployed.yaml")
    plan = Plan(FEATURES, "s3://bucket/data", "customers-{SPAN}.csv", schema_digest=None)
    assert config.deploys is False
    placed = config.at(config.on_aws.root)
    assert_golden(normalise(compile_case(placed, plan).text), CASES / "deployed.ir.json")


def test_the_reviewed_files_are_pipelines_to_tfx():
    from pipeline.ir import parse_ir

    for path in CASES.glob("*.ir.json"):
        ir = parse_ir(path.read_text(encoding="utf-8"))
        assert len(ir.nodes) >= 11
        assert ir.deployment_config.type_url.endswith("IntermediateDeploymentConfig")


def test_every_node_waits_for_what_it_reads(document):
    nodes = [node["pipelineNode"] for node in json.loads(document.text)["nodes"]]
    seen: set[str] = set()
    for node in nodes:
        assert set(node.get("upstreamNodes", [])) <= seen, node["nodeInfo"]["id"]
        seen.add(node["nodeInfo"]["id"])


def test_nothing_is_trained_before_the_gate_has_spoken(document):
    nodes = {n["pipelineNode"]["nodeInfo"]["id"]: n["pipelineNode"] for n in json.loads(document.text)["nodes"]}
    assert "ValidationGate" in nodes["Transform"]["upstreamNodes"]
    assert "Transform" in nodes["Trainer"]["upstreamNodes"]


def test_the_model_is_tuned_and_trained_on_balanced_rows_and_judged_on_rows_as_they_came():
    document = json.loads((CASES / "churn.ir.json").read_text(encoding="utf-8"))
    nodes = {node["pipelineNode"]["nodeInfo"]["id"]: node["pipelineNode"] for node in document["nodes"]}

    def examples_of(node_id):
        channel = nodes[node_id]["inputs"]["inputs"]["examples"]["channels"][0]
        return channel["producerNodeQuery"]["id"], channel["outputKey"]

    assert examples_of("Tuner") == examples_of("Trainer") == ("TrainingBalancer", "balanced_examples")
    assert examples_of("Evaluator") == ("ArrowExampleGen", "examples")
