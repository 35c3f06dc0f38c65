"""The documents of SageMaker Pipelines and Step Functions, in full beside this file, and what judges them."""

import dataclasses
import json
from pathlib import Path

import pytest
from aws_config import SETTINGS, config_on_aws
from branching_ir import BRANCHING
from golden_text import ROOT, normalise

from pipeline.aws_settings import ResourceLine
from pipeline.config import load_config
from pipeline.jobs import plan_jobs, plan_rest
from pipeline.planning import make_plan
from pipeline.runners.registry import build_document, platform_problems
from pipeline.runners.sagemaker.checking import definition_problems
from pipeline.runners.sagemaker.definition import render as render_definition
from pipeline.runners.step_functions.checking import state_machine_problems
from pipeline.runners.step_functions.state_machine import render as render_machine
from pipeline.runners.warm import WarmProcess

CASES = Path(__file__).parent
LINES = {"Trainer": ResourceLine(gpus=1, spot=True, timeout_s=7200), "default": ResourceLine(retries=3)}


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """The sample pipeline's document for each platform, compiled as `penstock compile` does, from data on S3."""
    folder = tmp_path_factory.mktemp("documents")
    warm = WarmProcess(folder / "warm.log")
    config = load_config(ROOT / "penstock.yaml")
    plan = dataclasses.replace(make_plan(config), input_base="s3://bucket/data")
    config = config.model_copy(update={"aws": SETTINGS, "resources": LINES})
    return {
        name: warm.call(build_document, name, config, plan, log_path=folder / f"{name}.log")
        for name in ("sagemaker", "step_functions")
    }


def test_the_sample_compiles_to_the_reviewed_pipeline_definition(documents, assert_golden):
    assert_golden(normalise(documents["sagemaker"].text), CASES / "reviews.sagemaker.json")


def test_what_follows_an_approval_compiles_to_the_reviewed_definition(documents, assert_golden):
    assert_golden(normalise(documents["sagemaker"].continuation.text), CASES / "reviews.sagemaker-continue.json")


def test_the_sample_compiles_to_the_reviewed_state_machine(documents, assert_golden):
    assert_golden(normalise(documents["step_functions"].text), CASES / "reviews.step_functions.json")


def test_branches_and_conditions_compile_to_the_reviewed_pipeline_definition(assert_golden):
    config = config_on_aws(resources=LINES)
    assert_golden(normalise(render_definition(plan_jobs(BRANCHING, config))), CASES / "branching.sagemaker.json")


def test_branches_and_conditions_compile_to_the_reviewed_state_machine(assert_golden):
    config = config_on_aws(resources=LINES)
    text = render_machine(plan_jobs(BRANCHING, config), config)
    assert_golden(normalise(text), CASES / "branching.step_functions.json")


def test_the_services_would_take_every_document(documents):
    assert {name: platform_problems(document) for name, document in documents.items()} == {
        "sagemaker": [],
        "step_functions": [],
    }
    config = config_on_aws(resources=LINES)
    plans = [plan_jobs(BRANCHING, config), plan_rest(BRANCHING, config)]
    assert [definition_problems(render_definition(plan)) for plan in plans] == [[], []]
    assert state_machine_problems(render_machine(plans[0], config)) == []


def test_nothing_of_this_machine_is_in_the_documents(documents):
    for document in (documents["sagemaker"], documents["sagemaker"].continuation, documents["step_functions"]):
        assert str(ROOT) not in document.text
        assert "file:" not in document.text


def test_what_the_evaluator_allows_runs_at_the_same_time_on_both(documents):
    steps = {step["Name"]: step.get("DependsOn") for step in json.loads(documents["sagemaker"].text)["Steps"]}
    after = ["BiasEvaluator", "Explainer", "HumanReview", "ServingCheck"]
    assert [steps[name] for name in after] == [["Evaluator"]] * 4
    states = json.loads(documents["step_functions"].text)["States"]
    first = states[states["Evaluator"]["Next"]]
    assert (first["Type"], [branch["StartAt"] for branch in first["Branches"]]) == (
        "Parallel",
        ["Together 4", "HumanReview"],
    )
    inner = first["Branches"][0]["States"]["Together 4"]
    assert [branch["StartAt"] for branch in inner["Branches"]] == ["BiasEvaluator", "Explainer", "ServingCheck"]
