import json
import re

import pytest
from aws_config import config_on_aws
from branching_ir import BRANCHING
from ir_by_hand import ir_of, node

from pipeline.aws_settings import ResourceLine
from pipeline.jobs import plan_jobs, plan_rest
from pipeline.runners.sagemaker.definition import definition, render


@pytest.fixture(scope="module")
def document():
    lines = {"Trainer": ResourceLine(gpus=1, spot=True), "Pusher": ResourceLine(retries=0)}
    return definition(plan_jobs(BRANCHING, config_on_aws(resources=lines)))


def steps_of(steps):
    """Every step by name, those inside conditions too."""
    found = {}
    for step in steps:
        found[step["Name"]] = step
        if step["Type"] == "Condition":
            found |= steps_of(step["Arguments"]["IfSteps"])
    return found


def test_steps_wait_for_each_other_as_nodes_do(document):
    assert {name: step.get("DependsOn", []) for name, step in steps_of(document["Steps"]).items()} == {
        "Gen": [],
        "Statistics": ["Gen"],
        "Transform": ["Gen"],
        "Slices": ["Statistics"],
        "Tuner": ["Transform"],
        "Trainer": ["Tuner"],
        "Judge": ["Slices", "Trainer"],
        "If-Explain": ["Judge"],
        "Explain": [],
        "Draw": ["Explain"],
        "If-Mail": ["Explain"],
        "Mail": [],
        "ModelApproval": ["Judge"],
        "If-ModelApproval": ["ModelApproval"],
        "Pusher": [],
    }


def test_what_a_condition_decides_on_is_inside_it(document):
    steps = steps_of(document["Steps"])
    assert [step["Name"] for step in document["Steps"]] == [
        *("Gen", "Statistics", "Transform", "Slices", "Tuner", "Trainer", "Judge"),
        *("If-Explain", "ModelApproval", "If-ModelApproval"),
    ]
    inside = {name: [inner["Name"] for inner in steps[name]["Arguments"]["IfSteps"]] for name in steps if "If-" in name}
    assert inside == {
        "If-Explain": ["Explain", "Draw", "If-Mail"],
        "If-Mail": ["Mail"],
        "If-ModelApproval": ["Pusher"],
    }


def test_a_condition_reads_the_decision_from_the_deciding_steps_file(document):
    steps = steps_of(document["Steps"])
    assert steps["If-Explain"]["Arguments"]["Conditions"] == [
        {
            "Type": "Equals",
            "LeftValue": {
                "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Judge.PropertyFiles.decisions"}, "Path": "Explain"}
            },
            "RightValue": "run",
        }
    ]
    assert steps["If-ModelApproval"]["Arguments"]["Conditions"][0]["RightValue"] == "approved"
    assert steps["Judge"]["PropertyFiles"] == [
        {"PropertyFileName": "decisions", "OutputName": "decisions", "FilePath": "decision.json"}
    ]
    assert {name for name, step in steps.items() if "PropertyFiles" in step} == {"Judge", "Explain", "ModelApproval"}


def test_parameters_are_typed_and_have_the_pipelines_defaults(document):
    assert document["Parameters"] == [
        {"Name": "day", "Type": "String", "DefaultValue": "2026-01-01"},
        {"Name": "rate", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "span", "Type": "Integer", "DefaultValue": 3},
    ]


def test_late_values_are_expressions(document):
    words = steps_of(document["Steps"])["Gen"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert words[words.index("--run-id") + 1] == {"Get": "Execution.PipelineExecutionId"}
    assert words[-1] == {"Std:Join": {"On": "", "Values": ["span=", {"Get": "Parameters.span"}]}}


def test_names_of_jobs_begin_as_the_configuration_says_and_leave_room_for_what_the_service_adds(document):
    steps = steps_of(document["Steps"])
    assert steps["Gen"]["Arguments"]["ProcessingJobName"] == "penstock-Gen"
    assert steps["Trainer"]["Arguments"]["TrainingJobName"] == "penstock-Trainer"
    long = definition(plan_jobs(ir_of(node("x" * 60)), config_on_aws(job_prefix="p" * 20)))
    added = len("-abcdefghijkl-AbCdEfGhIj-0")
    assert len(long["Steps"][0]["Arguments"]["ProcessingJobName"]) + added <= 63


def test_a_service_that_fails_is_asked_again_as_often_as_the_line_says(document):
    steps = steps_of(document["Steps"])
    assert "RetryPolicies" not in steps["Pusher"]
    policies = steps["Gen"]["RetryPolicies"]
    assert {policy["MaxAttempts"] for policy in policies} == {2}
    assert {kind for policy in policies for kind in policy["ExceptionType"]} == {
        "Step.SERVICE_FAULT",
        "Step.THROTTLING",
        "SageMaker.JOB_INTERNAL_ERROR",
        "SageMaker.CAPACITY_ERROR",
        "SageMaker.RESOURCE_LIMIT",
    }


def test_no_step_takes_an_answer_from_the_platforms_own_cache(document):
    assert "CacheConfig" not in json.dumps(document)


def test_events_can_hand_on_the_run_that_follows_an_approval():
    """EventBridge's rule for names of parameters is narrower than SageMaker's own."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("events")
    pattern = model.shape_for("SageMakerPipelineParameterName").metadata["pattern"]
    (parameter,) = definition(plan_rest(BRANCHING, config_on_aws()))["Parameters"]
    assert re.fullmatch(pattern, parameter["Name"])


def test_what_follows_an_approval_takes_the_run_as_a_parameter():
    rest = definition(plan_rest(BRANCHING, config_on_aws()))
    assert rest["Parameters"] == [{"Name": "RunId", "Type": "String"}]
    steps = steps_of(rest["Steps"])
    assert list(steps) == ["ModelApproval", "If-ModelApproval", "Pusher"]
    words = steps["Pusher"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    assert words[words.index("--run-id") + 1] == {"Get": "Parameters.RunId"}


def test_the_same_pipeline_gives_the_same_bytes():
    assert render(plan_jobs(BRANCHING, config_on_aws())) == render(plan_jobs(BRANCHING, config_on_aws()))
    other = plan_jobs(ir_of(node("Gen")), config_on_aws())
    assert render(other) != render(plan_jobs(BRANCHING, config_on_aws()))
