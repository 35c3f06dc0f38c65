"""The sample pipeline on each platform, against the same run on this machine: the same artifacts, and the same in them.

Every file of every artifact is compared, as artifact_equality.py says: rows, graph, weights and metrics bit for bit.

From `penstock submit` on, as a user would: the document is stored with the platform, which carries it out as far as a
person's approval; `penstock approve` has the same run go on, to a pushed, registered and deployed model.
"""

import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from artifact_equality import Made, differences
from aws_platforms import MachineRun
from model_events import Started, group_of, package_of, started_by
from projects import ROOT, completed, make_project

from components.ledger.ledger import Ledger
from pipeline.errors import EXIT_WAITING
from pipeline.metadata import LineageStore
from pipeline.run_store import RunStore

pytestmark = pytest.mark.integration

ROWS = 1500
"""Enough that the test split decides; always answering the most common rating would be right in 57 of 100."""

OVERRIDES = (
    f"schema.path={ROOT / 'schemas/reviews/schema.pbtxt'}",
    "training.epochs=1",
    "training.batch_size=16",
    "evaluation.thresholds=[{metric: accuracy, lower: 0.58}]",
    "distribution.enabled=false",
    "explanation.enabled=false",
    "bias.facets=[]",
    "review.enabled=false",
    "approval.mode=required",
)
ON_PLATFORMS_ONLY = ("EndpointPusher", "endpoint")
"""Runs on this machine deploy nothing, so it has nothing to be compared with; what it says is looked at by itself."""

HERE = "run-on-this-machine"
"""The id of the run that the others are compared with."""

ASKS = "Ask for ModelApproval"
WHY = "better than a constant answer"


@pytest.fixture(scope="module")
def local(tmp_path_factory, signer):
    """The data, and what an approved run on this machine made of it."""
    folder = tmp_path_factory.mktemp("local")
    data = folder / "reviews.tsv"
    project = make_project(folder, (ROOT / "penstock.yaml").read_text())
    completed(project.penstock_plain("sample-data", "--output", str(data), f"--rows={ROWS}"), 0)
    sets = [f"data.path={data}", signer.setting, *OVERRIDES]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in signer.variables.items():
            patch.setenv(name, value)
        completed(project.penstock("run", f"--run-id={HERE}", overrides=sets), EXIT_WAITING)
        completed(project.penstock("approve", HERE, "--by=ann", "--reason", WHY, overrides=sets), 0)
    outputs = LineageStore(RunStore(project.root).metadata_uri).outputs_of_run(HERE)
    folders = {(item.node_id, item.key): Path(item.uri) for item in outputs}
    return data, Made(folders, {HERE: "RUN", str(project.root): "ROOT"})


def _copied(place, uri, folder):
    """The files of an artifact on S3, in the folder."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client = place.services.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    for key in (item["Key"] for page in pages for item in page.get("Contents", ()) if not item["Key"].endswith("/")):
        path = folder / key.removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, key, str(path))
    return folder


@pytest.fixture
def penstock(place, local, signer):
    """Runs a verb of the same project for a platform, its data on S3."""
    bucket = place.config.aws.bucket
    group = group_of(bucket, "reviews")
    place.services.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    place.config = place.config.model_copy(
        update={"aws": dataclasses.replace(place.config.aws, model_package_group=group)}
    )
    aws = {key: value for key, value in dataclasses.asdict(place.config.aws).items() if value}
    text = (ROOT / "penstock.yaml").read_text()
    project = make_project(place.folder / "project", f"{text}\naws: {json.dumps(aws)}\n")
    place.services.client("s3").upload_file(str(local[0]), bucket, "data/reviews.tsv")
    deploy = f"deploy={{enabled: true, endpoint: {bucket}, image: {aws['image']}}}"
    sets = [f"data.path=s3://{bucket}/data/reviews.tsv", signer.setting, deploy, *OVERRIDES]

    def run(*words):
        command = project.command(*words, overrides=sets)
        variables = {**os.environ, **place.services.variables}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=600, cwd=project.config.parent, env=variables, check=False
        )

    return run


def _submitted(penstock, runner):
    """Id and ARN of the run that `penstock submit` has started."""
    first, arn, *_ = completed(penstock("submit", "--runner", runner), 0).split("Run ", 1)[1].splitlines()
    return first.split(" ", 1)[0], arn


def _wait_for_pipeline(sagemaker, arn):
    """Returns when the execution has succeeded."""
    deadline = time.monotonic() + 700
    while True:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if found["PipelineExecutionStatus"] != "Executing":
            break
        assert time.monotonic() < deadline, found
        time.sleep(1)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert found["PipelineExecutionStatus"] == "Succeeded", steps


def _check_equal(place, run_id, here):
    """Fails unless the run made what the run on this machine made, and its model is on the endpoint."""
    outputs = LineageStore(place.store_uri).outputs_of_run(run_id, "reviews")
    assert {item.uri.partition(":")[0] for item in outputs} == {"s3"}
    copies = place.folder / "copies"
    folders = {(item.node_id, item.key): _copied(place, item.uri, copies / item.node_id / item.key) for item in outputs}
    endpoint = _document(folders.pop(ON_PLATFORMS_ONLY), "endpoint.json")
    assert differences(here, Made(folders, {run_id: "RUN", place.config.aws.root: "ROOT"})) == []
    _check_published(place, folders, endpoint)


def _document(folder, name):
    return json.loads((folder / name).read_text())


def _check_published(place, folders, endpoint):
    """Fails unless the model was approved by a person, pushed, registered, and is on its endpoint."""
    approval = _document(folders["ModelApproval", "approval"], "approval.json")
    version = _document(folders["ModelRegistry", "model_version"], "model_version.json")
    assert (approval["approved"], approval["decided_by"]) == (True, "people")
    assert [(item["by"], item["reason"]) for item in approval["decisions"]] == [("ann", WHY)]
    assert version["registered"]
    assert version["model_digest"] == approval["model_digest"]
    served = place.services.client("sagemaker").describe_endpoint(EndpointName=place.config.aws.bucket)
    assert (served["EndpointStatus"], served["EndpointConfigName"]) == ("InService", endpoint["endpoint_config"])
    assert (endpoint["model_digest"], endpoint["version"]) == (version["model_digest"], version["version"])


def _recorded(place, monkeypatch):
    """The record of approvals; reading it checks the chain."""
    for name, value in place.services.variables.items():
        monkeypatch.setenv(name, value)
    return Ledger(f"{place.config.aws.root}/approvals/reviews.jsonl").entries()


def _waiting(penstock, run_id, runner):
    """Fails unless that run, and no other, is listed as waiting for a person."""
    (request,) = json.loads(completed(penstock("approvals", "--runner", runner, "--json"), 0))["requests"]
    assert (request["run"], request["state"]) == (run_id, "pending")


def _check_seen_from_afar(penstock, place, run_id, runner):
    """Fails unless a machine with credentials, and without the lineage store, sees the run's artifacts and its page."""
    known = LineageStore(place.store_uri).outputs_of_run(run_id)
    shown = completed(penstock("show", run_id, "--runner", runner), 0)
    assert [item.uri for item in known if item.uri not in shown] == []
    assert f"{place.config.aws.bucket}, variant live, configuration" in shown
    page = Path(
        place.folder, "project", completed(penstock("report", run_id, "--runner", runner), 0).strip()
    ).read_text()
    assert "The model was trained, blessed and pushed." in page
    assert [words for words in ("cannot be read", "nothing complete is there") if words in page] == []
    told = completed(penstock("lineage", run_id, "--runner", runner), 0)
    assert f"endpoint {place.config.aws.bucket}, variant live" in " ".join(told.split())
    assert "In production" not in completed(penstock("models", "--runner", runner), 0)


def test_a_state_machine_waits_for_a_person_and_makes_what_a_run_on_this_machine_makes(
    place, local, penstock, monkeypatch
):
    run_id, arn = _submitted(penstock, "step_functions")
    run = MachineRun(place, arn)
    deadline = time.monotonic() + 550
    while ASKS not in run.states():
        assert time.monotonic() < deadline, run.states()
        time.sleep(1)
    completed(penstock("status", run_id, "--runner", "step_functions", "--wait"), EXIT_WAITING)
    _waiting(penstock, run_id, "step_functions")
    completed(penstock("approve", run_id, "--by=ann", "--reason", WHY), 0)
    end = run.wait()
    assert end["status"] == "SUCCEEDED", end
    completed(penstock("status", run_id, "--runner", "step_functions", "--wait"), 0)
    _check_equal(place, run_id, local[1])
    _check_seen_from_afar(penstock, place, run_id, "step_functions")
    assert [entry.kind for entry in _recorded(place, monkeypatch)] == ["requested", "approved"]


def test_a_sagemaker_pipeline_ends_waiting_and_goes_on_by_the_event_to_what_a_run_on_this_machine_makes(
    place, local, penstock, monkeypatch
):
    run_id, arn = _submitted(penstock, "sagemaker")
    sagemaker = place.services.client("sagemaker")
    _wait_for_pipeline(sagemaker, arn)
    completed(penstock("status", run_id, "--runner", "sagemaker", "--wait"), EXIT_WAITING)
    package = package_of(place)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    asked = _recorded(place, monkeypatch)[0]
    assert package["CustomerMetadataProperties"].items() >= {"run_id": run_id, "ledger_entry": asked.hash}.items()
    _waiting(penstock, run_id, "sagemaker")
    completed(penstock("approve", run_id, "--by=ann", "--reason", WHY), 0)
    assert package_of(place)["ModelApprovalStatus"] == "Approved"
    started = started_by(place, "reviews")
    assert started == [Started("reviews-continue", {"RunId": run_id})]
    given = [{"Name": name, "Value": value} for name, value in started[0].parameters.items()]
    going_on = sagemaker.start_pipeline_execution(PipelineName=started[0].pipeline, PipelineParameters=given)
    _wait_for_pipeline(sagemaker, going_on["PipelineExecutionArn"])
    completed(penstock("status", run_id, "--runner", "sagemaker", "--wait"), 0)
    _check_equal(place, run_id, local[1])
    assert [entry.kind for entry in _recorded(place, monkeypatch)] == ["requested", "package", "approved"]
