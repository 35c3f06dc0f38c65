"""The verbs for runs on AWS against a server that keeps what it is given; its state machines run for real.

That server lists no steps of a SageMaker pipeline, and knows no `.sync` jobs, stops or redrives: those are tested on
the stand-ins of platforms (test_contract_on_platforms.py), and against AWS's own models in tests/unit/pipeline/runners.
Jobs are started without waiting here, and end at once.
"""

import dataclasses
import json
import time

import pytest
from aws_config import config_on_aws, in_region
from aws_services import REGION
from branching_ir import BRANCHING
from ir_by_hand import ir_of, node
from projects import make_project
from tables import CHURN_CONFIG, FEWER_NODES, write_customers

from pipeline import ir as ir_documents
from pipeline.jobs import plan_jobs
from pipeline.metadata import LineageStore, handles
from pipeline.runners.aws.clients import make_clients
from pipeline.runners.base import Document
from pipeline.runners.step_functions.runner import StepFunctionsRunner
from pipeline.runners.step_functions.state_machine import render

pytestmark = pytest.mark.integration

END_S = 300


@pytest.fixture
def settings(s3_bucket):
    root = f"s3://{s3_bucket}/all"
    return in_region(REGION, root=root, kms_key=None, notify_topic=None, metadata="sqlite:////x")


@pytest.fixture
def project(tmp_path, settings):
    made = make_project(tmp_path, CHURN_CONFIG + FEWER_NODES)
    write_customers(made.config.parent / "customers.csv")
    aws = {key: value for key, value in dataclasses.asdict(settings).items() if value}
    aws["metadata"] = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    made.config.write_text(made.config.read_text() + f"aws: {json.dumps(aws)}\n")
    return made


def submitted(project, runner):
    """The handle of a run that was just submitted."""
    done = project.penstock("submit", "--runner", runner)
    assert done.returncode == 0, done.stderr
    return handles(LineageStore(f"sqlite:///{project.config.parent / 'jobs.sqlite'}"))[0]


def test_a_submitted_pipeline_is_on_sagemaker_with_all_that_its_jobs_read(project, settings, aws_services):
    handle = submitted(project, "sagemaker")
    sagemaker, s3 = aws_services.client("sagemaker"), aws_services.client("s3")
    document = project.penstock("compile", "--runner", "sagemaker").stdout.removesuffix("\n")
    there = sagemaker.describe_pipeline(PipelineName="churn")
    assert there["PipelineDefinition"] == document
    assert there["RoleArn"] == settings.pipeline_role
    assert handle.document_digest == ir_documents.digest(document)
    assert sagemaker.describe_pipeline(PipelineName="churn-continue")["PipelineDefinition"] != document
    assert handle.execution_arn.endswith(f"/{handle.run_id}")
    words = json.loads(document)["Steps"][0]["Arguments"]["AppSpecification"]["ContainerArguments"]
    key = words[words.index("--ir") + 1].removeprefix(f"s3://{settings.bucket}/")
    ir_text = s3.get_object(Bucket=settings.bucket, Key=key)["Body"].read().decode()
    assert key == f"all/ir/{ir_documents.digest(ir_text)}.json"
    staged = s3.list_objects_v2(Bucket=settings.bucket, Prefix="all/artifacts/churn/inputs/data/")["Contents"]
    assert [item["Size"] for item in staged] == [(project.config.parent / "customers.csv").stat().st_size]
    assert staged[0]["Key"].removesuffix("/customers.csv") in ir_text


def test_submitting_again_changes_nothing_and_starts_another_run(project, settings, aws_services):
    first = submitted(project, "sagemaker")
    s3 = aws_services.client("s3")
    before = s3.list_objects_v2(Bucket=settings.bucket)["Contents"]
    second = submitted(project, "sagemaker")
    assert s3.list_objects_v2(Bucket=settings.bucket)["Contents"] == before
    assert first.run_id != second.run_id
    assert first.document_digest == second.document_digest
    listed = project.penstock("runs").stdout
    assert first.run_id in listed
    assert second.run_id in listed


def test_a_run_that_nobody_submitted_is_told_in_one_sentence(project):
    done = project.penstock("status", "nobody", "--runner", "step_functions")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "knows no run 'nobody' of pipeline 'churn'" in done.stderr


def machine(ir_text, name, settings):
    """A document whose jobs are started and not waited for."""
    config = config_on_aws(**dataclasses.asdict(settings))
    text = render(plan_jobs(ir_text, config), config).replace("Job.sync", "Job")
    types = {parameter.name: parameter.type for parameter in ir_documents.parameters_of(ir_text)}
    return Document("step_functions", name, text, ir_documents.node_ids(ir_text), types, ir_text)


def ended(runner, handle):
    deadline = time.monotonic() + END_S
    while not (progress := runner.watch(handle)).is_over:
        assert time.monotonic() < deadline, progress
        time.sleep(0.2)
    return progress


def test_what_a_state_machine_did_is_read_from_its_history_branches_included(settings, interpreter):
    nodes = (node("Gen"), node("Left", "Gen"), node("Right", "Gen"), node("Last", "Left", "Right"))
    runner = StepFunctionsRunner(make_clients(settings), settings)
    handle = runner.submit(machine(ir_of(*nodes, name="fan"), "fan", settings), {})
    progress = ended(runner, handle)
    assert progress.state == "COMPLETE", progress
    assert dict(progress.status.nodes) == dict.fromkeys(("Gen", "Left", "Right", "Last"), "COMPLETE")
    assert all(job.job_name.startswith("penstock-") and job.ended_at for job in progress.jobs)
    assert runner.find("fan", "latest").run_id == runner.find("fan", handle.run_id).run_id == handle.run_id


def test_a_run_whose_failure_was_caught_goes_on_under_its_own_id_with_what_it_was_given(settings, interpreter):
    """Nobody writes the decisions that this machine reads, so it ends in the state to which all failures lead."""
    clients = make_clients(settings)
    runner = StepFunctionsRunner(clients, settings)
    handle = runner.submit(machine(BRANCHING, "branching", settings), {"span": "7"})
    progress = ended(runner, handle)
    assert progress.state == "FAILED"
    assert progress.status.nodes["Judge"] == "COMPLETE"
    assert "Mail" not in progress.status.nodes
    assert progress.failure
    going_on = runner.resume(handle)
    assert going_on.run_id == handle.run_id
    assert runner.find("branching", "latest") == dataclasses.replace(
        going_on, document_digest="", submitted_at=runner.find("branching", "latest").submitted_at
    )
    given = json.loads(clients.stepfunctions.describe_execution(executionArn=going_on.execution_arn)["input"])
    assert given == {"span": 7, "run_id": handle.run_id}


def test_another_pipeline_takes_the_place_of_the_earlier_one(settings, interpreter):
    runner = StepFunctionsRunner(make_clients(settings), settings)
    first = runner.submit(machine(ir_of(node("Gen"), name="swap"), "swap", settings), {})
    second = runner.submit(machine(ir_of(node("Gen"), node("More", "Gen"), name="swap"), "swap", settings), {})
    assert set(ended(runner, first).status.nodes) == {"Gen"}
    assert set(ended(runner, second).status.nodes) == {"Gen", "More"}
