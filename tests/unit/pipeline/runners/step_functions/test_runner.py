"""Each request and answer is checked by botocore against the service's own model; the machine is the compiled one."""

import dataclasses
import datetime
import json
from pathlib import Path

import pytest
from aws_config import ACCOUNT, REGION, SETTINGS, config_on_aws
from aws_stubs import stubs
from sfn_events import TIME, History

from pipeline import ir as ir_documents
from pipeline.errors import ConfigError, NotFound, PlatformBusy, PlatformRefused
from pipeline.jobs import plan_jobs
from pipeline.run_handle import RunHandle
from pipeline.runners.base import Document
from pipeline.runners.remote import LogRange
from pipeline.runners.step_functions.history import jobs_of, read_machine
from pipeline.runners.step_functions.runner import StepFunctionsRunner
from pipeline.runners.step_functions.state_machine import render

IR = (Path(__file__).parents[4] / "golden" / "reviews.ir.json").read_text(encoding="utf-8")
CONFIG = config_on_aws()
TEXT = render(plan_jobs(IR, CONFIG), CONFIG)
NAMES = read_machine(TEXT)
TYPES = {"bless": "INT", "share": "DOUBLE", "word": "STRING"}
DOCUMENT = Document("step_functions", "reviews", TEXT, ir_documents.node_ids(IR), TYPES, IR)
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:reviews"
RUN_ID = "20261126-120000-3fa9"
RUN = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:reviews:{RUN_ID}"
HANDLE = RunHandle("step_functions", "reviews", RUN_ID, RUN, "digest")
LOGS_OFF = {"level": "OFF", "includeExecutionData": False}
LOG_GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/states/penstock:*"
LOGS_ON = {
    "level": "ERROR",
    "includeExecutionData": False,
    "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": LOG_GROUP}}],
}
TAGS = [{"key": "penstock-pipeline", "value": "reviews"}, {"key": "team", "value": "reviews"}]


def runner(made, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    return StepFunctionsRunner(made.clients, settings, clock=lambda: TIME, sleep=lambda _: None)


def machine(**changes):
    found = {
        "stateMachineArn": MACHINE,
        "name": "reviews",
        "definition": TEXT,
        "roleArn": SETTINGS.state_machine_role,
        "type": "STANDARD",
        "creationDate": TIME,
    }
    return {**found, **changes}


def expect_there(made, **changes):
    made.expect("s3", "put_object", {})
    made.expect("stepfunctions", "describe_state_machine", machine(**changes), stateMachineArn=MACHINE)
    return made


def expect_tags(made):
    return made.expect("stepfunctions", "tag_resource", {}, resourceArn=MACHINE, tags=TAGS)


def expect_update(made, logs):
    return made.expect(
        "stepfunctions",
        "update_state_machine",
        {"updateDate": TIME},
        stateMachineArn=MACHINE,
        definition=TEXT,
        roleArn=SETTINGS.state_machine_role,
        loggingConfiguration=logs,
    )


def started_machine(text=TEXT):
    found = machine(definition=text)
    return {key: found[key] for key in ("stateMachineArn", "name", "definition", "roleArn")} | {"updateDate": TIME}


def expect_start(made, text=TEXT):
    made.expect("stepfunctions", "start_execution", {"executionArn": RUN, "startDate": TIME})
    return made.expect("stepfunctions", "describe_state_machine_for_execution", started_machine(text), executionArn=RUN)


def test_a_first_submission_creates_the_machine_with_role_and_tags_and_starts_it_with_typed_parameters():
    made = stubs().expect("s3", "put_object", {})
    made.refuse("stepfunctions", "describe_state_machine", "StateMachineDoesNotExist", "no such machine")
    made.expect(
        "stepfunctions",
        "create_state_machine",
        {"stateMachineArn": MACHINE, "creationDate": TIME},
        name="reviews",
        definition=TEXT,
        roleArn=SETTINGS.state_machine_role,
        type="STANDARD",
        loggingConfiguration=LOGS_OFF,
        tags=TAGS,
    )
    sent = {}
    made.clients.stepfunctions.meta.events.register(
        "provide-client-params.stepfunctions.StartExecution", lambda params, **_: sent.update(params)
    )
    expect_start(made)
    handle = runner(made).submit(DOCUMENT, {"bless": "1", "share": "0.5", "word": "7"})
    made.check()
    assert sent["stateMachineArn"] == MACHINE
    assert json.loads(sent["input"]) == {"bless": 1, "share": 0.5, "word": "7"}
    assert (handle.run_id, handle.execution_arn) == (sent["name"], RUN)
    assert sent["name"].startswith("20261126-120000-")
    assert handle.document_digest == ir_documents.digest(TEXT)


def test_a_machine_that_is_the_same_already_is_not_updated():
    made = expect_start(expect_tags(expect_there(stubs())))
    runner(made).submit(DOCUMENT, {})
    made.check()


@pytest.mark.parametrize("old", [{"definition": "{}"}, {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/another"}])
def test_a_machine_with_another_definition_or_role_is_updated(old):
    made = expect_there(stubs(), **old)
    expect_update(made, LOGS_OFF)
    expect_start(expect_tags(made))
    runner(made).submit(DOCUMENT, {})
    made.check()


@pytest.mark.parametrize(
    ("there", "settings", "wanted"),
    [
        ({}, {"state_machine_log_group": LOG_GROUP}, LOGS_ON),
        ({"loggingConfiguration": LOGS_OFF}, {"state_machine_log_group": LOG_GROUP.removesuffix(":*")}, LOGS_ON),
        (
            {"loggingConfiguration": LOGS_ON},
            {
                "state_machine_log_group": LOG_GROUP,
                "state_machine_log_level": "ALL",
                "state_machine_log_data": True,
            },
            {**LOGS_ON, "level": "ALL", "includeExecutionData": True},
        ),
        ({"loggingConfiguration": LOGS_ON}, {}, LOGS_OFF),
    ],
)
def test_a_machine_that_logs_otherwise_than_the_configuration_says_is_updated(there, settings, wanted):
    made = expect_there(stubs(), **there)
    expect_update(made, wanted)
    expect_start(expect_tags(made))
    runner(made, **settings).submit(DOCUMENT, {})
    made.check()


@pytest.mark.parametrize(
    ("there", "settings"), [(LOGS_ON, {"state_machine_log_group": LOG_GROUP}), (LOGS_OFF, {}), ({"level": "OFF"}, {})]
)
def test_a_machine_that_logs_as_the_configuration_says_is_not_updated(there, settings):
    made = expect_start(expect_tags(expect_there(stubs(), loggingConfiguration=there)))
    runner(made, **settings).submit(DOCUMENT, {})
    made.check()


def test_an_execution_of_an_earlier_version_is_stopped_and_a_new_one_started():
    made = expect_start(expect_tags(expect_there(stubs())), text="{}")
    made.expect("stepfunctions", "stop_execution", {"stopDate": TIME})
    expect_start(made)
    runner(made).submit(DOCUMENT, {})
    made.check()


def test_a_machine_that_never_is_what_was_compiled_is_told_and_nothing_of_it_left_running():
    made = expect_tags(expect_there(stubs()))
    for _ in range(4):
        expect_start(made, text="{}").expect("stepfunctions", "stop_execution", {"stopDate": TIME})
    with pytest.raises(PlatformRefused, match="still is not what was compiled"):
        runner(made).submit(DOCUMENT, {})
    made.check()


def test_a_wrong_parameter_and_a_missing_role_are_refused_before_anything_is_asked():
    with pytest.raises(ConfigError, match="expected INT"):
        runner(stubs()).submit(DOCUMENT, {"bless": "one"})
    with pytest.raises(ConfigError, match=r"aws\.state_machine_role"):
        runner(stubs(), state_machine_role=None).submit(DOCUMENT, {})


def test_a_quota_is_told_as_something_that_may_pass():
    made = stubs().expect("s3", "put_object", {})
    made.refuse("stepfunctions", "describe_state_machine", "StateMachineDoesNotExist")
    made.refuse("stepfunctions", "create_state_machine", "StateMachineLimitExceeded", "10000 is the limit")
    with pytest.raises(PlatformBusy, match="higher quota"):
        runner(made).submit(DOCUMENT, {})


def states(history):
    return {node_id: job.state for job in jobs_of(history.events, NAMES) for node_id in job.node_ids}


def test_jobs_are_told_by_node_in_branches_too():
    history = History()
    history.job("ArrowExampleGen")
    parallel = history.enter("Together 1", "Parallel")
    schema = history.enter("ImportSchemaGen", previous=parallel)
    statistics = history.enter("StatisticsGen", previous=parallel)
    history.succeed("ImportSchemaGen", history.schedule("ImportSchemaGen", "j1", schema))
    history.schedule("StatisticsGen", "j2", statistics)
    found = states(history)
    assert found["ImportSchemaGen"] == found["latest_blessed_model"] == "COMPLETE"
    assert found["StatisticsGen"] == "RUNNING"
    assert "Trainer" not in found


def test_a_job_that_is_started_anew_after_a_failure_of_the_service_is_running_again():
    history = History()
    failed = history.fail(
        "SageMaker.AmazonSageMakerException", "…", history.schedule("Transform", "j1", history.enter("Transform"))
    )
    history.schedule("Transform", "j2", failed)
    (job,) = jobs_of(history.events, NAMES)
    assert (job.state, job.job_name, job.failure) == ("RUNNING", "j2", "")


def test_a_failed_job_is_told_in_the_nodes_own_words():
    history = History()
    description = {"ProcessingJobName": "j1", "FailureReason": "exit code: 4", "ExitMessage": "size: 3 rows"}
    history.fail(
        "States.TaskFailed",
        json.dumps(description),
        history.schedule("DataQualityGate", "j1", history.enter("DataQualityGate")),
    )
    (job,) = jobs_of(history.events, NAMES)
    assert (job.state, job.failure) == ("FAILED", "size: 3 rows")


def test_a_job_that_was_never_created_is_told_in_the_services_words():
    history = History()
    history.fail("SageMaker.ResourceLimitExceededException", "no ml.g5.xlarge", history.enter("Trainer"))
    assert jobs_of(history.events, NAMES)[0].failure == "SageMaker.ResourceLimitExceededException: no ml.g5.xlarge"


def test_a_job_that_took_too_long_is_told_with_the_key_to_set():
    history = History()
    started = history.schedule("Trainer", "j1", history.enter("Trainer"), kind="Training")
    details = {"resourceType": "sagemaker", "resource": "x", "error": "States.Timeout"}
    history.add("TaskTimedOut", started, taskTimedOutEventDetails=details)
    (job,) = jobs_of(history.events, NAMES)
    assert "timeout_s" in job.failure
    assert job.log_group == "/aws/sagemaker/TrainingJobs"


def gated(way):
    history = History()
    history.job("ModelApproval")
    history.enter("If-ModelApproval", "Choice")
    history.enter(
        way, "Pass" if way.startswith("Past") else "Task", previous=history.leave("If-ModelApproval", "Choice")
    )
    return states(history)


def test_what_a_choice_leaves_out_is_skipped_and_what_it_lets_through_is_not():
    assert gated("Past If-ModelApproval") == {
        "ModelApproval": "COMPLETE",
        "Pusher": "SKIPPED",
        "ModelRegistry": "SKIPPED",
    }
    assert gated("Pusher") == {"ModelApproval": "COMPLETE", "Pusher": "RUNNING"}


def expect_watch(made, status, history, **more):
    answer = {"executionArn": RUN, "stateMachineArn": MACHINE, "status": status, "startDate": TIME, **more}
    made.expect("stepfunctions", "describe_execution", answer, executionArn=RUN)
    made.expect("stepfunctions", "describe_state_machine_for_execution", started_machine(), executionArn=RUN)
    return expect_history(made, history)


def expect_history(made, history):
    return made.expect(
        "stepfunctions",
        "get_execution_history",
        {"events": history.events},
        executionArn=RUN,
        includeExecutionData=True,
        maxResults=1000,
    )


def test_a_run_that_asked_a_person_waits_until_there_is_an_answer():
    history = History()
    history.ask("Ask for ModelApproval", previous=history.job("ModelApproval"))
    progress = runner(expect_watch(stubs(), "RUNNING", history)).watch(HANDLE)
    assert (progress.state, progress.status.nodes["ModelApproval"]) == ("AWAITING_APPROVAL", "AWAITING_APPROVAL")
    answered = {"resourceType": "sqs", "resource": "sendMessage.waitForTaskToken"}
    history.enter(
        "ModelApproval",
        previous=history.leave(
            "Ask for ModelApproval", previous=history.add("TaskSucceeded", taskSucceededEventDetails=answered)
        ),
    )
    progress = runner(expect_watch(stubs(), "RUNNING", history)).watch(HANDLE)
    assert (progress.state, progress.status.nodes["ModelApproval"]) == ("RUNNING", "RUNNING")


def test_what_ran_when_the_run_was_stopped_did_not_run():
    history = History()
    history.schedule("Transform", "j1", history.enter("Transform"))
    history.add("ExecutionAborted", executionAbortedEventDetails={"error": "PenstockStopped", "cause": "stopped"})
    made = expect_watch(stubs(), "ABORTED", history, error="PenstockStopped", cause="stopped")
    progress = runner(made).watch(HANDLE)
    assert (progress.state, progress.status.nodes["Transform"]) == ("INTERRUPTED", "NOT_RUN")


def test_after_a_redrive_a_jobs_events_are_still_its_own():
    history = History()
    history.schedule("Transform", "j1", history.enter("Transform"))
    history.add("ExecutionAborted", executionAbortedEventDetails={})
    history.schedule(
        "Transform", "j2", history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    )
    (job,) = jobs_of(history.events, NAMES)
    assert (job.name, job.state, job.job_name) == ("Transform", "RUNNING", "j2")


def test_a_failure_that_is_no_jobs_is_told():
    made = expect_watch(stubs(), "FAILED", History(), error="States.Runtime", cause="a path was not there")
    assert runner(made).watch(HANDLE).failure == "States.Runtime: a path was not there"


def test_a_long_history_is_read_to_its_end():
    history, rest = History(), History()
    history.job("ArrowExampleGen")
    rest.events = history.events[2:]
    history.events = history.events[:2]
    answer = {"executionArn": RUN, "stateMachineArn": MACHINE, "status": "RUNNING", "startDate": TIME}
    made = stubs().expect("stepfunctions", "describe_execution", answer)
    made.expect("stepfunctions", "describe_state_machine_for_execution", started_machine())
    made.expect("stepfunctions", "get_execution_history", {"events": history.events, "nextToken": "more"})
    made.expect("stepfunctions", "get_execution_history", {"events": rest.events})
    assert runner(made).status(HANDLE).nodes["ArrowExampleGen"] == "COMPLETE"
    made.check()


def summary(name, minutes=0):
    return {
        "executionArn": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:reviews:{name}",
        "stateMachineArn": MACHINE,
        "name": name,
        "status": "FAILED",
        "startDate": TIME + datetime.timedelta(minutes=minutes),
    }


def test_a_run_is_found_by_its_newest_execution():
    executions = [summary("b_resumed_2"), summary("a"), summary("b")]
    made = stubs().expect("stepfunctions", "list_executions", {"executions": executions}, stateMachineArn=MACHINE)
    found = runner(made).find("reviews", "b")
    assert (found.run_id, found.execution_arn.rpartition(":")[2]) == ("b", "b_resumed_2")
    made.expect("stepfunctions", "list_executions", {"executions": executions})
    assert runner(made).find("reviews", "latest").run_id == "b"
    made.expect("stepfunctions", "list_executions", {"executions": executions})
    with pytest.raises(NotFound, match="Latest runs: b, a"):
        runner(made).find("reviews", "c")


def expect_status(made, status, **more):
    answer = {"executionArn": RUN, "stateMachineArn": MACHINE, "status": status, "startDate": TIME, **more}
    return made.expect("stepfunctions", "describe_execution", answer, executionArn=RUN)


def test_a_run_under_way_is_stopped_and_one_that_is_over_is_not():
    made = expect_status(stubs(), "RUNNING")
    made.expect(
        "stepfunctions",
        "stop_execution",
        {"stopDate": TIME},
        executionArn=RUN,
        error="PenstockStopped",
        cause="stopped with penstock stop",
    )
    runner(made).stop(HANDLE)
    made.check()
    with pytest.raises(ConfigError, match="nothing to stop"):
        runner(expect_status(made, "SUCCEEDED")).stop(HANDLE)


def test_a_run_that_was_stopped_is_redriven():
    history = History()
    history.schedule("Transform", "j1", history.enter("Transform"))
    made = expect_history(expect_status(stubs(), "ABORTED"), history)
    made.by_name["stepfunctions"].add_response("redrive_execution", {"redriveDate": TIME})
    assert runner(made).resume(HANDLE) == HANDLE
    made.check()


def test_a_run_whose_failure_was_caught_goes_on_in_a_new_execution_under_its_own_id():
    history = History()
    history.enter("Run failed", "Fail")
    made = expect_history(expect_status(stubs(), "FAILED", input='{"bless": 1}'), history)
    made.expect("stepfunctions", "describe_state_machine", machine(), stateMachineArn=MACHINE)
    made.expect("stepfunctions", "describe_state_machine_for_execution", started_machine(), executionArn=RUN)
    following = f"{RUN}_resumed_2"
    made.expect(
        "stepfunctions",
        "start_execution",
        {"executionArn": following, "startDate": TIME},
        stateMachineArn=MACHINE,
        name=f"{RUN_ID}_resumed_2",
        input=json.dumps({"bless": 1, "run_id": RUN_ID}),
    )
    handle = runner(made).resume(HANDLE)
    made.check()
    assert (handle.run_id, handle.execution_arn) == (RUN_ID, following)


def test_a_run_whose_pipeline_was_changed_since_cannot_go_on():
    history = History()
    history.enter("Run failed", "Fail")
    made = expect_history(expect_status(stubs(), "FAILED"), history)
    made.expect("stepfunctions", "describe_state_machine", machine(definition="{}"))
    made.expect("stepfunctions", "describe_state_machine_for_execution", started_machine())
    with pytest.raises(ConfigError, match="penstock submit --runner step_functions"):
        runner(made).resume(HANDLE)
    made.check()


def test_a_run_under_way_cannot_be_resumed():
    with pytest.raises(ConfigError, match="only one that failed or was stopped"):
        runner(expect_status(stubs(), "RUNNING")).resume(HANDLE)


def test_the_log_of_a_node_is_that_of_its_last_job():
    history = History()
    history.job("Transform", "penstock-Transform-1")
    made = expect_watch(stubs(), "RUNNING", history)
    made.expect(
        "logs",
        "describe_log_streams",
        {"logStreams": [{"logStreamName": "penstock-Transform-1/algo-1-5"}]},
        logGroupName="/aws/sagemaker/ProcessingJobs",
        logStreamNamePrefix="penstock-Transform-1/",
    )
    made.expect("logs", "get_log_events", {"events": [{"message": "rows: 7"}], "nextForwardToken": "f"})
    made.expect("logs", "get_log_events", {"events": [], "nextForwardToken": "f"})
    assert list(runner(made).logs(HANDLE, "Transform", LogRange())) == ["rows: 7"]
    made.check()
