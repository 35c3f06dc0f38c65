"""Each request and answer is checked by botocore against SageMaker's own model; the definition is the compiled one."""

import dataclasses
import datetime
import io
import json
from pathlib import Path

import pytest
from aws_config import ACCOUNT, REGION, SETTINGS, config_on_aws
from aws_stubs import ANY, stubs

from pipeline import ir as ir_documents
from pipeline.errors import ConfigError, NotFound, PlatformRefused
from pipeline.jobs import plan_jobs, plan_rest
from pipeline.run_handle import RunHandle
from pipeline.runners.base import Document
from pipeline.runners.remote import LogRange
from pipeline.runners.sagemaker.definition import render
from pipeline.runners.sagemaker.runner import SageMakerRunner

IR = (Path(__file__).parents[4] / "golden" / "reviews.ir.json").read_text(encoding="utf-8")
CONFIG = config_on_aws()
NODES = ir_documents.node_ids(IR)
REST = Document("sagemaker", "reviews-continue", render(plan_rest(IR, CONFIG)), NODES, {"RunId": "STRING"}, IR)
DOCUMENT = Document("sagemaker", "reviews", render(plan_jobs(IR, CONFIG)), NODES, {"bless": "INT"}, IR, REST)
IR_KEY = f"prefix/ir/{ir_documents.digest(IR)}.json"
TAGS = [{"Key": "penstock-pipeline", "Value": "reviews"}, {"Key": "team", "Value": "reviews"}]
PIPELINE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/reviews"
RUN = f"{PIPELINE}/execution/abc123def456"
AGAIN = f"{PIPELINE}-continue/execution/zzz999zzz999"
HANDLE = RunHandle("sagemaker", "reviews", "abc123def456", RUN)
TIME = datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.UTC)


def runner(made, **changes):
    return SageMakerRunner(made.clients, dataclasses.replace(SETTINGS, **changes))


def expect_there(made, document, text=None, role=SETTINGS.pipeline_role):
    arn = f"{PIPELINE}{'-continue' if document is REST else ''}"
    answer = {"PipelineArn": arn, "PipelineDefinition": text or document.text, "RoleArn": role}
    made.expect("sagemaker", "describe_pipeline", answer, PipelineName=document.pipeline_name)
    if (text or document.text, role) != (document.text, SETTINGS.pipeline_role):
        made.expect(
            "sagemaker",
            "update_pipeline",
            {"PipelineArn": arn},
            PipelineName=document.pipeline_name,
            PipelineDefinition=document.text,
            RoleArn=SETTINGS.pipeline_role,
        )
    return made.expect("sagemaker", "add_tags", {}, ResourceArn=arn, Tags=TAGS)


def expect_start(made, parameters=()):
    return made.expect(
        "sagemaker",
        "start_pipeline_execution",
        {"PipelineExecutionArn": RUN},
        PipelineName="reviews",
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters],
        ClientRequestToken=ANY,
    )


def test_a_first_submission_uploads_the_ir_creates_both_pipelines_with_role_and_tags_and_starts_one():
    made = stubs().expect(
        "s3",
        "put_object",
        {},
        Bucket="bucket",
        Key=IR_KEY,
        Body=IR.encode(),
        ContentType="application/json",
        IfNoneMatch="*",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=SETTINGS.kms_key,
    )
    for document in (REST, DOCUMENT):
        made.refuse("sagemaker", "describe_pipeline", "ResourceNotFound", "Pipeline does not exist.")
        made.expect(
            "sagemaker",
            "create_pipeline",
            {"PipelineArn": PIPELINE},
            PipelineName=document.pipeline_name,
            PipelineDefinition=document.text,
            RoleArn=SETTINGS.pipeline_role,
            Tags=TAGS,
            ClientRequestToken=ANY,
        )
    expect_start(made, [("bless", "1")])
    handle = runner(made).submit(DOCUMENT, {"bless": "1"})
    made.check()
    assert (handle.runner, handle.pipeline_name, handle.run_id) == ("sagemaker", "reviews", "abc123def456")
    assert handle.execution_arn == RUN
    assert handle.document_digest == ir_documents.digest(DOCUMENT.text)
    assert handle.submitted_at


def test_what_is_there_already_is_neither_uploaded_nor_updated_again():
    made = stubs().refuse("s3", "put_object", "PreconditionFailed", "At least one precondition did not hold")
    expect_start(expect_there(expect_there(made, REST), DOCUMENT))
    runner(made).submit(DOCUMENT, {})
    made.check()


@pytest.mark.parametrize("old", [{"text": "{}"}, {"role": f"arn:aws:iam::{ACCOUNT}:role/another"}])
def test_a_pipeline_with_another_definition_or_role_is_updated_before_it_is_started(old):
    made = stubs().expect("s3", "put_object", {})
    expect_start(expect_there(expect_there(made, REST), DOCUMENT, **old))
    runner(made).submit(DOCUMENT, {})
    made.check()


def test_a_wrong_parameter_is_refused_before_anything_is_asked():
    with pytest.raises(ConfigError, match="blss"):
        runner(stubs()).submit(DOCUMENT, {"blss": "1"})


def test_without_a_role_nothing_is_submitted():
    with pytest.raises(ConfigError, match=r"aws\.pipeline_role"):
        runner(stubs(), pipeline_role=None).submit(DOCUMENT, {})


def test_a_bucket_that_is_not_there_is_told_as_such():
    made = stubs().refuse("s3", "put_object", "NoSuchBucket", "no bucket")
    with pytest.raises(NotFound, match=r"that of aws\.root"):
        runner(made).submit(DOCUMENT, {})


def test_a_role_that_may_not_be_passed_is_told_with_what_to_allow():
    made = stubs().expect("s3", "put_object", {})
    made.refuse("sagemaker", "describe_pipeline", "AccessDeniedException", "not authorized")
    with pytest.raises(PlatformRefused, match="Allow sagemaker:DescribePipeline"):
        runner(made).submit(DOCUMENT, {})


def step(name, status, **more):
    return {"StepName": name, "StepStatus": status, "StartTime": TIME, **more}


def processing(name):
    return {"Metadata": {"ProcessingJob": {"Arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{name}"}}}


def training(name):
    return {"Metadata": {"TrainingJob": {"Arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"}}}


def condition(outcome):
    return {"Metadata": {"Condition": {"Outcome": outcome}}}


APPROVED = [step("ModelApproval", "Succeeded", **processing("pipelines-m"))]


def expect_run(made, status, steps, *, arn=RUN, document=DOCUMENT, failure="", parameters=None):
    made.expect("sagemaker", "describe_pipeline_definition_for_execution", {"PipelineDefinition": document.text})
    made.expect(
        "sagemaker",
        "list_pipeline_execution_steps",
        {"PipelineExecutionSteps": steps},
        PipelineExecutionArn=arn,
        SortOrder="Ascending",
    )
    if parameters is not None:
        found = [{"Name": name, "Value": value} for name, value in parameters.items()]
        made.expect("sagemaker", "list_pipeline_parameters_for_execution", {"PipelineParameters": found})
    return made


def expect_execution(made, status, arn=RUN, failure=""):
    answer = {"PipelineExecutionStatus": status, "CreationTime": TIME, "FailureReason": failure}
    return made.expect("sagemaker", "describe_pipeline_execution", answer, PipelineExecutionArn=arn)


def expect_continuations(made, *arns, of="abc123def456"):
    made.expect(
        "sagemaker",
        "list_pipeline_executions",
        {"PipelineExecutionSummaries": [{"PipelineExecutionArn": arn} for arn in arns]},
        PipelineName="reviews-continue",
        SortBy="CreationTime",
        SortOrder="Descending",
        CreatedAfter=TIME,
    )
    for _ in arns:
        found = {"PipelineParameters": [{"Name": "RunId", "Value": of}]}
        made.expect("sagemaker", "list_pipeline_parameters_for_execution", found)
    return made


def test_steps_are_told_by_node_with_those_that_share_a_job():
    made = expect_execution(stubs(), "Executing")
    steps = [
        step("ArrowExampleGen", "Succeeded", EndTime=TIME, **processing("pipelines-a")),
        step("ImportSchemaGen", "Executing", **processing("pipelines-b")),
        step("StatisticsGen", "Starting"),
    ]
    expect_run(made, "Executing", steps)
    progress = runner(made).watch(HANDLE)
    made.check()
    assert progress.state == "RUNNING"
    assert progress.status.nodes["latest_blessed_model"] == "COMPLETE"
    assert progress.status.nodes["ImportSchemaGen"] == "RUNNING"
    assert "Transform" not in progress.status.nodes
    assert progress.jobs[0].job_name == "pipelines-a"
    assert progress.jobs[0].started_at == "2026-11-26T12:00:00+00:00"


def test_a_failed_node_is_told_in_its_own_words_and_not_in_the_platforms():
    made = expect_execution(stubs(), "Failed", failure="Step failure: One or multiple steps failed.")
    reason = "ClientError: AlgorithmError: See job logs for more information, exit code: 4"
    steps = [step("DataQualityGate", "Failed", FailureReason=reason, **processing("pipelines-q"))]
    expect_run(made, "Failed", steps)
    made.expect("sagemaker", "describe_processing_job", described("size: 3 rows, at least 500", reason))
    progress = runner(made).watch(HANDLE)
    made.check()
    assert progress.state == "FAILED"
    assert progress.jobs[0].failure == "size: 3 rows, at least 500"
    assert progress.failure == ""


def described(message, reason, status="Failed"):
    return {
        "ProcessingJobName": "pipelines-q",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/pipelines-q",
        "ProcessingJobStatus": status,
        "CreationTime": TIME,
        **({"ExitMessage": message} if message else {}),
        **({"FailureReason": reason} if reason else {}),
    }


def test_a_failed_training_is_told_in_the_trainers_words():
    made = expect_execution(stubs(), "Failed")
    expect_run(made, "Failed", [step("Trainer", "Failed", FailureReason="x", **training("pipelines-t"))])
    reason = "AlgorithmError: Trainer: the loss is no number, exit code: 3"
    made.expect(
        "sagemaker",
        "describe_training_job",
        {
            "TrainingJobName": "pipelines-t",
            "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/pipelines-t",
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
            "TrainingJobStatus": "Failed",
            "SecondaryStatus": "Failed",
            "ResourceConfig": {"VolumeSizeInGB": 30},
            "StoppingCondition": {},
            "CreationTime": TIME,
            "FailureReason": reason,
        },
    )
    assert runner(made).watch(HANDLE).jobs[0].failure == "Trainer: the loss is no number, exit code: 3"
    made.check()


def test_a_step_that_never_got_a_job_is_told_in_the_platforms_words():
    made = expect_execution(stubs(), "Failed")
    steps = [step("Trainer", "Failed", FailureReason="ResourceLimitExceeded: no ml.g5.xlarge for you")]
    expect_run(made, "Failed", steps)
    assert "no ml.g5.xlarge" in runner(made).watch(HANDLE).jobs[0].failure


def test_a_condition_whose_decision_cannot_be_read_is_told():
    made = expect_execution(stubs(), "Failed")
    steps = [*APPROVED, step("If-ModelApproval", "Failed", FailureReason="property file not found")]
    progress = runner(expect_run(made, "Failed", steps)).watch(HANDLE)
    assert progress.jobs[-1].failure == "property file not found"
    assert set(progress.status.nodes) == {"ModelApproval"}


def test_a_failure_of_the_whole_that_is_no_steps_is_told():
    made = expect_run(expect_execution(stubs(), "Failed", failure="RoleArn cannot be assumed"), "Failed", [])
    assert runner(made).watch(HANDLE).failure == "RoleArn cannot be assumed"


def decision(value):
    return {"Body": io.BytesIO(json.dumps({"ModelApproval": value}).encode())}


def expect_decision(made, value):
    key = "prefix/decisions/abc123def456/ModelApproval/decision.json"
    return made.expect("s3", "get_object", decision(value), Bucket="bucket", Key=key)


def test_a_model_that_waits_for_a_person_is_recognised_and_what_follows_is_not_called_skipped():
    made = expect_continuations(expect_execution(stubs(), "Succeeded"))
    steps = [*APPROVED, step("If-ModelApproval", "Succeeded", **condition("False"))]
    expect_decision(expect_run(made, "Succeeded", steps, parameters={}), "waiting")
    progress = runner(made).watch(HANDLE)
    made.check()
    assert progress.state == "AWAITING_APPROVAL"
    assert progress.status.nodes["ModelApproval"] == "AWAITING_APPROVAL"
    assert "Pusher" not in progress.status.nodes


def test_a_model_that_was_refused_leaves_out_what_follows_and_the_run_is_complete():
    made = expect_continuations(expect_execution(stubs(), "Succeeded"))
    steps = [*APPROVED, step("If-ModelApproval", "Succeeded", **condition("False"))]
    expect_decision(expect_run(made, "Succeeded", steps, parameters={}), "refused")
    progress = runner(made).watch(HANDLE)
    assert progress.state == "COMPLETE"
    assert progress.status.nodes["ModelApproval"] == "COMPLETE"
    assert progress.status.nodes["Pusher"] == progress.status.nodes["ModelRegistry"] == "SKIPPED"


def test_what_went_on_after_the_approval_belongs_to_the_same_run():
    made = expect_continuations(expect_execution(stubs(), "Succeeded"), AGAIN)
    expect_execution(made, "Executing", arn=AGAIN)
    steps = [*APPROVED, step("If-ModelApproval", "Succeeded", **condition("False"))]
    expect_decision(expect_run(made, "Succeeded", steps, parameters={}), "waiting")
    more = [*APPROVED, step("If-ModelApproval", "Succeeded", **condition("True")), step("Pusher", "Executing")]
    expect_run(made, "Executing", more, arn=AGAIN, document=REST)
    progress = runner(made).watch(HANDLE)
    made.check()
    assert progress.state == "RUNNING"
    assert progress.status.nodes["ModelApproval"] == "COMPLETE"
    assert progress.status.nodes["Pusher"] == "RUNNING"


def test_what_went_on_with_another_run_is_not_this_ones():
    made = expect_continuations(expect_execution(stubs(), "Succeeded"), AGAIN, of="another")
    expect_run(made, "Succeeded", APPROVED)
    assert runner(made).watch(HANDLE).state == "COMPLETE"
    made.check()


def test_long_lists_of_steps_are_read_to_their_end():
    made = expect_execution(stubs(), "Executing")
    made.expect("sagemaker", "describe_pipeline_definition_for_execution", {"PipelineDefinition": DOCUMENT.text})
    first = {"PipelineExecutionSteps": [step("Transform", "Succeeded")], "NextToken": "more"}
    made.expect("sagemaker", "list_pipeline_execution_steps", first)
    made.expect(
        "sagemaker",
        "list_pipeline_execution_steps",
        {"PipelineExecutionSteps": [step("Trainer", "Executing")]},
        PipelineExecutionArn=RUN,
        SortOrder="Ascending",
        NextToken="more",
    )
    assert set(runner(made).status(HANDLE).nodes) == {"Transform", "Trainer"}
    made.check()


def summaries(*names):
    return {
        "PipelineExecutionSummaries": [
            {"PipelineExecutionArn": f"{PIPELINE}/execution/{name}", "StartTime": TIME} for name in names
        ]
    }


def test_latest_is_the_newest_run_and_an_id_is_found_among_all():
    made = stubs().expect("sagemaker", "list_pipeline_executions", summaries("newest", "older"))
    assert runner(made).find("reviews", "latest").run_id == "newest"
    made.expect("sagemaker", "list_pipeline_executions", summaries("newest", "older"))
    assert runner(made).find("reviews", "older").execution_arn == f"{PIPELINE}/execution/older"


def test_a_run_that_nobody_knows_is_told_with_the_latest_ones():
    made = stubs().expect("sagemaker", "list_pipeline_executions", summaries("newest", "older"))
    with pytest.raises(NotFound, match="Latest runs: newest, older"):
        runner(made).find("reviews", "nope")
    made.refuse("sagemaker", "list_pipeline_executions", "ResourceNotFound", "no pipeline")
    with pytest.raises(NotFound, match="None was submitted yet"):
        runner(made).find("reviews", "latest")


def test_a_run_under_way_is_stopped_and_one_that_is_over_is_not():
    made = expect_execution(stubs(), "Executing")
    made.expect("sagemaker", "stop_pipeline_execution", {}, PipelineExecutionArn=RUN, ClientRequestToken=ANY)
    runner(made).stop(HANDLE)
    made.check()
    with pytest.raises(ConfigError, match="nothing to stop"):
        runner(expect_execution(made, "Failed")).stop(HANDLE)


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_run_that_failed_or_was_stopped_is_resumed(status):
    made = expect_execution(stubs(), status)
    made.expect("sagemaker", "retry_pipeline_execution", {}, PipelineExecutionArn=RUN, ClientRequestToken=ANY)
    assert runner(made).resume(HANDLE) == HANDLE
    made.check()


def test_a_run_that_failed_after_its_approval_is_resumed_where_it_failed():
    made = expect_continuations(expect_execution(stubs(), "Succeeded"), AGAIN)
    expect_execution(made, "Failed", arn=AGAIN)
    made.expect("sagemaker", "retry_pipeline_execution", {}, PipelineExecutionArn=AGAIN, ClientRequestToken=ANY)
    runner(made).resume(HANDLE)
    made.check()


def test_a_run_under_way_cannot_be_resumed():
    with pytest.raises(ConfigError, match="only a run that failed or was stopped"):
        runner(expect_execution(stubs(), "Executing")).resume(HANDLE)


def test_the_log_of_a_node_is_that_of_the_job_that_ran_it():
    made = expect_run(
        expect_execution(stubs(), "Executing"), "Executing", [step("Trainer", "Executing", **training("t1"))]
    )
    made.expect(
        "logs",
        "describe_log_streams",
        {"logStreams": [{"logStreamName": "t1/algo-1-99"}]},
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamNamePrefix="t1/",
    )
    answer = {"events": [{"message": "epoch 1"}, {"message": "epoch 2"}], "nextForwardToken": "f1"}
    made.expect("logs", "get_log_events", answer)
    made.expect("logs", "get_log_events", {"events": [], "nextForwardToken": "f1"})
    assert list(runner(made).logs(HANDLE, "Trainer", LogRange())) == ["epoch 1", "epoch 2"]
    made.check()


def test_a_node_without_a_job_has_no_log_and_a_mistyped_one_gets_the_nearest():
    made = expect_run(expect_execution(stubs(), "Executing"), "Executing", [step("Trainer", "Starting")])
    with pytest.raises(NotFound, match="there is no log"):
        runner(made).logs(HANDLE, "Trainer", LogRange())
    expect_run(expect_execution(made, "Executing"), "Executing", [step("Trainer", "Starting")])
    with pytest.raises(NotFound, match="Did you mean 'Trainer'"):
        runner(made).logs(HANDLE, "Trianer", LogRange())


def test_what_a_run_took_is_what_the_platform_bills_and_spot_bills_less_than_it_ran():
    steps = [
        step("DataQualityGate", "Succeeded", **processing("pipelines-q")),
        step("Trainer", "Succeeded", **training("pipelines-t")),
        step("Evaluator", "Starting"),
    ]
    made = expect_run(expect_execution(stubs(), "Executing"), "Executing", steps)
    minute = datetime.timedelta(minutes=1)
    times = {"ProcessingStartTime": TIME, "ProcessingEndTime": TIME + 2 * minute}
    made.expect("sagemaker", "describe_processing_job", {**described("", "", "Completed"), **times})
    made.expect(
        "sagemaker",
        "describe_training_job",
        {
            "TrainingJobName": "pipelines-t",
            "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/pipelines-t",
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50},
            "StoppingCondition": {},
            "CreationTime": TIME,
            "TrainingStartTime": TIME,
            "TrainingEndTime": TIME + 10 * minute,
            "BillableTimeInSeconds": 200,
        },
    )
    gate, trainer = runner(made).usage(HANDLE)
    made.check()
    assert (gate.instance_type, gate.instances, gate.billed_s, gate.ran_s) == ("ml.m5.large", 1, 120, 120)
    assert (trainer.instance_type, trainer.instances, trainer.billed_s, trainer.ran_s) == ("ml.g5.xlarge", 2, 200, 600)
