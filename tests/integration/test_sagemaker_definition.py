"""What we compile for SageMaker Pipelines, carried out by Amazon's own local executor: tests/aws/run_definition.py.

The executor knows no faults of the service and no retries, and runs one step after the other; runs with all of that,
from submission on, are in the contract of runners (test_contract_on_platforms.py).
"""

import dataclasses
import json

import pytest
from aws_platforms import FRESH_IMAGE
from tiny_platform import EPOCHS

pytestmark = pytest.mark.integration

NODES = ("Make", "Left", "Right", "Sum", "Trainer", "Judge")


def all_of(state, *more):
    return dict.fromkeys((*NODES, *more), state)


def steps_of(report):
    return {name: step["status"] for name, step in report["steps"].items()}


def test_a_cold_run_runs_every_node_and_a_second_one_takes_all_from_the_cache(place):
    document = place.compile("sagemaker")
    report = place.run_definition(document.text, "COLDRUN00001")
    assert report["status"] == "Succeeded", report["log"]
    assert place.states("COLDRUN00001") == all_of("COMPLETE", "Publish")
    assert steps_of(report) == dict.fromkeys((*NODES, "If-Publish", "Publish"), "Succeeded")

    again = place.run_definition(document.text, "CACHEDRUN001")
    assert again["status"] == "Succeeded", again["log"]
    assert place.states("CACHEDRUN001") == all_of("CACHED", "Publish")
    assert place.noted("trainer") == 1


def test_where_the_condition_is_false_the_step_behind_it_is_never_started_and_amazon_reads_what_we_wrote(place):
    document = place.compile("sagemaker")
    report = place.run_definition(document.text, "FALSERUN0001", value=10)
    assert report["status"] == "Succeeded", report["log"]
    assert report["steps"]["If-Publish"]["outcome"] is False
    assert "Publish" not in report["steps"]
    assert "Publish" not in place.jobs()
    assert place.states("FALSERUN0001") == all_of("COMPLETE")
    compiled, written = report["compiled"], json.loads(document.text)
    assert {key: compiled[key] for key in written} == written
    assert set(compiled) - set(written) <= {"PipelineExperimentConfig", "MlflowConfig"}


def test_a_failing_node_fails_its_step_and_its_reason_is_where_the_platform_looks(place):
    report = place.run_definition(place.compile("sagemaker", right="fail").text, "FAILEDRUN001")
    assert report["status"] == "Failed"
    assert report["steps"]["Right"]["status"] == "Failed"
    assert "ValueError: the branch broke at row 17" in report["steps"]["Right"]["failure"]
    assert "tiny_platform.py" in report["steps"]["Right"]["failure"]
    assert not {"Sum", "Trainer"} & set(report["steps"])
    (job,) = place.jobs()["Right"]
    assert job["exit_code"] == 3
    assert job["message"] == job["failure"]


def test_a_training_whose_spot_machine_is_taken_back_goes_on_from_its_checkpoints(place):
    document = place.compile("sagemaker", trainer="hang")
    run = place.begin_definition(document.text, "SPOTRUN00001")
    place.wait_for_note("hangs")
    place.kill("Trainer", interruption=True)
    report = run.report()
    assert report["status"] == "Succeeded", report["log"]
    assert place.noted("trainer") == 2
    assert [place.noted(f"epoch-{epoch}") for epoch in range(1, EPOCHS + 1)] == [1] * EPOCHS
    assert place.executions("SPOTRUN00001")["Trainer"] == ["COMPLETE"]


def test_a_container_that_begins_from_nothing_does_the_same(place):
    place.config = place.config.model_copy(update={"aws": dataclasses.replace(place.config.aws, image=FRESH_IMAGE)})
    document = place.compile("sagemaker")
    steps = json.loads(document.text)["Steps"]
    only = {**json.loads(document.text), "Steps": [step for step in steps if step["Name"] == "Make"]}
    report = place.run_definition(json.dumps(only), "FRESHRUN0001")
    assert report["status"] == "Succeeded", report["log"]
    assert place.states("FRESHRUN0001") == {"Make": "COMPLETE"}
