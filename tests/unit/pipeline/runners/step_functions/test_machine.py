import json

import pytest
from aws_config import SETTINGS, config_on_aws
from branching_ir import BRANCHING
from ir_by_hand import APPROVAL, ir_of, node

from pipeline.aws_settings import ResourceLine
from pipeline.cache_policy import NodePolicy
from pipeline.jobs import plan_jobs
from pipeline.runners.step_functions.state_machine import render


def machine_of(text, **changes):
    config = config_on_aws(**changes)
    return json.loads(render(plan_jobs(text, config), config))


@pytest.fixture(scope="module")
def machine():
    return machine_of(BRANCHING)


def states_of(states):
    found = {}
    for name, state in states.items():
        assert name not in found
        found[name] = state
        for branch in state.get("Branches", ()):
            found |= states_of(branch["States"])
    return found


def order_of(scope):
    """Names in the order in which a scope's states come when all goes well and every decision is for going on."""
    name, found = scope["StartAt"], []
    while name is not None and name not in found:
        state = scope["States"][name]
        found.append(name)
        name = state.get("Next")
        if state["Type"] == "Choice":
            says_yes = state["Choices"][0]
            name = (
                says_yes["Next"]
                if {"StringEquals", "StringMatches"} & says_yes.keys() and "waiting" not in says_yes.values()
                else state["Default"]
            )
    return found


def test_chains_and_branches_are_those_of_the_graph(machine):
    top = order_of(machine)
    assert top == [
        *("See input", "Is the input an object?", "Take defaults", "Take input", "Is the input complete?"),
        *("Gen", "Together 1", "Together 1 ended", "Judge"),
        *("Together 2", "Together 2 ended", "Run done"),
    ]
    branches = [order_of(branch) for branch in machine["States"]["Together 1"]["Branches"]]
    assert branches == [["Statistics", "Slices"], ["Transform", "Tuner", "Trainer"]]
    assert [order_of(branch) for branch in machine["States"]["Together 2"]["Branches"]] == [
        ["Read for If-Explain", "If-Explain", "Explain", "Together 3", "Together 3 ended", "Past If-Explain"],
        [
            *("ModelApproval", "Read ModelApproval", "Does ModelApproval wait?"),
            *("Read for If-ModelApproval", "If-ModelApproval", "Pusher", "Past If-ModelApproval"),
        ],
    ]
    inside = states_of(machine["States"])["Together 3"]["Branches"]
    assert [order_of(branch) for branch in inside] == [
        ["Draw"],
        ["Read for If-Mail", "If-Mail", "Mail", "Past If-Mail"],
    ]


def test_a_decision_is_read_by_run_and_job_and_leads_past_what_it_is_against(machine):
    states = states_of(machine["States"])
    read, choice = states["Read for If-Explain"], states["If-Explain"]
    assert read["Resource"] == "arn:aws:states:::aws-sdk:s3:getObject"
    assert read["Parameters"] == {
        "Bucket": "bucket",
        "Key.$": "States.Format('prefix/decisions/{}/Judge/decision.json', $.run.run_id)",
    }
    assert choice["Choices"] == [{"Variable": "$.decided.by.Explain", "StringEquals": "run", "Next": "Explain"}]
    assert choice["Default"] == "Past If-Explain"


def test_a_run_knows_its_parameters_and_its_id_from_the_input_over_the_defaults(machine):
    states = machine["States"]
    assert states["Take defaults"]["Parameters"] == {
        "defaults": {"day": "2026-01-01", "rate": 0.5, "span": 3, "run_id.$": "$$.Execution.Name"},
        "given.$": "$$.Execution.Input",
    }
    assert states["Take input"]["Parameters"] == {"run.$": "States.JsonMerge($.defaults, $.given, false)"}


def test_input_that_makes_no_sense_leads_to_the_notification_and_is_told_as_it_is(machine):
    states = machine["States"]
    assert states["Is the input an object?"]["Choices"] == [
        {"Variable": "$.text", "StringMatches": "{*", "Next": "Take defaults"}
    ]
    assert states["Is the input an object?"]["Default"] == "Input is refused"
    refusals = [state for name, state in states.items() if "refused" in name]
    assert len(refusals) == 5  # not an object, three parameters, the run's id
    for refusal in refusals:
        assert (refusal["Type"], refusal["Next"]) == ("Pass", "Tell of failure")
        assert refusal["Parameters"]["run"] == {"run_id.$": "$$.Execution.Name"}
        assert refusal["Parameters"]["error"]["Error"] == "PenstockBadInput"


def test_a_parameter_without_a_default_is_asked_for_before_its_kind():
    text = ir_of(node("A", parameters={"span": int, "day": "today"}))
    assert machine_of(text)["States"]["Is the input complete?"]["Choices"] == [
        {"Not": {"Variable": "$.run.day", "IsString": True}, "Next": "Input 1, day, is refused"},
        {"Variable": "$.run.span", "IsPresent": False, "Next": "Input 2, span, is missing"},
        {"Not": {"Variable": "$.run.span", "IsNumeric": True}, "Next": "Input 2, span, is refused"},
        {"Not": {"Variable": "$.run.run_id", "IsString": True}, "Next": "Input 3, run_id, is refused"},
    ]


def test_texts_that_no_literal_can_hold_are_in_the_runs_data():
    config = config_on_aws().model_copy(update={"nodes": {"A": NodePolicy(cache=False)}})
    states = json.loads(render(plan_jobs(ir_of(node("A")), config), config))["States"]
    ((name, text),) = states["Take input"]["Parameters"]["texts"].items()
    assert text == '{"A": {"cache": false, "cache_ttl_hours": null}}'
    words = states["A"]["Parameters"]["AppSpecification"]["ContainerArguments.$"]
    assert words.endswith(f"'--caching', $.texts.{name})")


def test_a_job_is_waited_for_with_its_request_and_nothing_of_its_answer_is_kept(machine):
    state = machine["States"]["Gen"]
    assert state["Resource"] == "arn:aws:states:::sagemaker:createProcessingJob.sync"
    assert state["ResultPath"] is None
    assert state["Parameters"]["ProcessingJobName.$"] == "States.Format('penstock-Gen-{}', States.UUID())"
    words = state["Parameters"]["AppSpecification"]["ContainerArguments.$"]
    assert words.startswith("States.Array('--ir', 's3://bucket/prefix/ir/")
    assert "'--run-id', $.run.run_id, " in words
    assert words.endswith("'--param', States.Format('span={}', $.run.span))")
    assert state["TimeoutSeconds"] == 3600 + 1800
    trainer = states_of(machine["States"])["Trainer"]
    assert trainer["Resource"] == "arn:aws:states:::sagemaker:createTrainingJob.sync"
    assert trainer["Parameters"]["CheckpointConfig"]["S3Uri.$"] == (
        "States.Format('s3://bucket/prefix/checkpoints/{}/Trainer', $.run.run_id)"
    )


def test_the_service_is_asked_again_and_the_node_is_not():
    lines = {"B": ResourceLine(retries=0)}
    config = config_on_aws(resources=lines)
    states = json.loads(render(plan_jobs(ir_of(node("A"), node("B", "A")), config), config))["States"]
    assert "Retry" not in states["B"]
    (retry,) = states["A"]["Retry"]
    assert retry["MaxAttempts"] == 2
    assert all(error.startswith("SageMaker.") for error in retry["ErrorEquals"])


def test_every_error_leads_to_a_notification_and_then_to_failure(machine):
    states = machine["States"]
    assert states["Gen"]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Tell of failure"}
    ]
    told = states["Tell of failure"]
    assert told["Resource"] == "arn:aws:states:::sns:publish"
    assert told["Parameters"]["TopicArn"] == SETTINGS.notify_topic
    assert "$.run.run_id, $.error.Cause" in told["Parameters"]["Message.$"]
    assert (told["Next"], told["Catch"][0]["Next"]) == ("Run failed", "Run failed")
    assert states["Run failed"] == {"Type": "Fail", "Error": "PenstockRunFailed", "CausePath": "$.error.Cause"}


def test_without_a_topic_errors_lead_to_failure_at_once():
    states = machine_of(ir_of(node("A")), notify_topic=None)["States"]
    assert states["A"]["Catch"][0]["Next"] == "Run failed"
    assert "Tell of failure" not in states


def test_a_failure_beside_others_ends_its_branch_only_and_is_told_when_all_have_ended(machine):
    states = machine["States"]
    together, ended, failed = (states[f"Together 1{end}"] for end in ("", " ended", " failed"))
    branch = together["Branches"][0]["States"]
    assert branch["Statistics"]["Catch"][0]["Next"] == "Together 1, branch 1 failed"
    assert branch["Together 1, branch 1 failed"] == {
        "Type": "Pass",
        "Parameters": {"error.$": "$.error"},
        "End": True,
    }
    assert together["ResultSelector"] == {"failures.$": "$[*].error"}
    assert ended["Choices"] == [{"Variable": "$.together.failures[0]", "IsPresent": True, "Next": "Together 1 failed"}]
    assert (ended["Default"], failed["Next"]) == ("Judge", "Tell of failure")


def test_a_model_that_waits_is_asked_about_and_looked_at_again_when_someone_has_answered(machine):
    states = states_of(machine["States"])
    assert states["Does ModelApproval wait?"]["Choices"] == [
        {"Variable": "$.decided.by.ModelApproval", "StringEquals": "waiting", "Next": "Ask for ModelApproval"}
    ]
    ask = states["Ask for ModelApproval"]
    assert ask["Resource"] == "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    assert ask["Parameters"]["QueueUrl"] == SETTINGS.approval_queue
    assert ask["Parameters"]["MessageBody"] == {
        "pipeline": "branching",
        "node": "ModelApproval",
        "run_id.$": "$.run.run_id",
        "execution_arn.$": "$$.Execution.Id",
        "task_token.$": "$$.Task.Token",
    }
    assert ask["Next"] == "ModelApproval"


def test_without_a_queue_nobody_is_asked_and_nothing_follows_a_model_that_waits():
    states = machine_of(
        ir_of(node("ModelApproval", type_name=APPROVAL), node("Pusher", "ModelApproval")), approval_queue=None
    )["States"]
    assert states["ModelApproval"]["Next"] == "Read for If-ModelApproval"
    assert states["If-ModelApproval"]["Choices"][0]["StringEquals"] == "approved"
    assert states["If-ModelApproval"]["Default"] == "Run done"


def test_a_machine_may_take_as_long_as_its_jobs_and_people_may(machine):
    assert machine["TimeoutSeconds"] == 12 * (3600 + 1800) * 3 + 14 * 24 * 3600


def test_states_that_are_no_jobs_have_names_that_no_node_can_have(machine):
    jobs = {"Gen", "Statistics", "Transform", "Slices", "Tuner", "Trainer", "Judge", "Explain", "Draw", "Mail"}
    jobs |= {"ModelApproval", "Pusher"}
    others = set(states_of(machine["States"])) - jobs
    assert {name for name in others if " " not in name} == {"If-Explain", "If-Mail", "If-ModelApproval"}


def test_names_of_states_have_80_characters_at_most():
    long = "x" * 60
    first = node("A", parameters={"p" * 100: int})
    text = ir_of(first, node(long, "A", type_name=APPROVAL), node("B", long), node("C", "B", conditions=["c"]))
    assert max(map(len, states_of(machine_of(text)["States"]))) <= 80


def test_the_partition_is_that_of_the_role():
    in_china = {
        key: value.replace("arn:aws:", "arn:aws-cn:").replace(SETTINGS.region, "cn-north-1")
        for key, value in vars(SETTINGS).items()
        if isinstance(value, str)
    }
    machine = machine_of(ir_of(node("A")), **in_china)
    assert machine["States"]["A"]["Resource"].startswith("arn:aws-cn:states:::")


def test_the_same_pipeline_gives_the_same_bytes():
    config = config_on_aws()
    assert render(plan_jobs(BRANCHING, config), config) == render(plan_jobs(BRANCHING, config), config)
