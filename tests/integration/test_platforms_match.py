"""The sample pipeline on each platform, against the same run on this machine: the same artifacts, and the same in them.

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
EQUAL = ("examples", "statistics", "schema", "anomalies")
"""Outputs that have to be equal to the last byte."""

ON_PLATFORMS_ONLY = ("EndpointPusher", "endpoint")
"""Runs on this machine deploy nothing."""

ASKS = "Ask for ModelApproval"
WHY = "better than a constant answer"


@pytest.fixture(scope="module")
def local(tmp_path_factory, signer):
    """The project, its data, and every artifact of an approved run on this machine: (node, key) → files."""
    folder = tmp_path_factory.mktemp("local")
    data = folder / "reviews.tsv"
    project = make_project(folder, (ROOT / "penstock.yaml").read_text())
    completed(project.penstock_plain("sample-data", "--output", str(data), f"--rows={ROWS}"), 0)
    sets = [f"data.path={data}", signer.setting, *OVERRIDES]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in signer.variables.items():
            patch.setenv(name, value)
        completed(project.penstock("run", "--run-id=local", overrides=sets), EXIT_WAITING)
        completed(project.penstock("approve", "local", "--by=ann", "--reason", WHY, overrides=sets), 0)
    outputs = LineageStore(RunStore(project.root).metadata_uri).outputs_of_run("local")
    return data, {(item.node_id, item.key): _local_files(item.uri) for item in outputs}


def _local_files(uri):
    root = Path(uri)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _files_on_s3(place, uri):
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client = place.services.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", ()) if not item["Key"].endswith("/")]
    bodies = {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(f"{prefix}/"): body for key, body in bodies.items()}


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


def _check_equal(place, run_id, expected):
    """Fails unless the run's artifacts are those of the run on this machine."""
    outputs = LineageStore(place.store_uri).outputs_of_run(run_id)
    assert {item.uri.partition(":")[0] for item in outputs} == {"s3"}
    found = {(item.node_id, item.key): _files_on_s3(place, item.uri) for item in outputs}
    assert sorted(found) == sorted([*expected, ON_PLATFORMS_ONLY])
    for place_of, files in expected.items():
        if place_of[1] in EQUAL:
            assert {name: found[place_of].get(name) for name in files} == files, place_of
    here, there = (json.loads(files["Evaluator", "blessing"]["decision.json"]) for files in (expected, found))
    assert here["blessed"] is there["blessed"] is True
    assert there["metrics"] == here["metrics"]
    _check_published(place, expected, found)


def _check_published(place, expected, found):
    """Fails unless the approved model was pushed and registered as on this machine, and is on its endpoint."""
    approval, version = (
        [json.loads(files[output][document]) for files in (expected, found)]
        for output, document in (
            (("ModelApproval", "approval"), "approval.json"),
            (("ModelRegistry", "model_version"), "model_version.json"),
        )
    )
    for document in approval:
        assert (document["approved"], document["decided_by"]) == (True, "people")
        assert [(item["by"], item["reason"]) for item in document["decisions"]] == [("ann", WHY)]
    of_a_run = {"registry", "model_digest", "version"}
    here, there = ({key: value for key, value in each.items() if key not in of_a_run} for each in version)
    assert here == there
    assert version[1]["model_digest"] == approval[1]["model_digest"]
    pushed = [files["Pusher", "pushed_model"] for files in (expected, found)]
    assert sorted(pushed[0]) == sorted(pushed[1])
    endpoint = json.loads(found[ON_PLATFORMS_ONLY]["endpoint.json"])
    served = place.services.client("sagemaker").describe_endpoint(EndpointName=place.config.aws.bucket)
    assert (served["EndpointStatus"], served["EndpointConfigName"]) == ("InService", endpoint["endpoint_config"])
    assert (endpoint["model_digest"], endpoint["version"]) == (version[1]["model_digest"], version[1]["version"])


def _recorded(place, monkeypatch):
    """The record of approvals; reading it checks the chain."""
    for name, value in place.services.variables.items():
        monkeypatch.setenv(name, value)
    return Ledger(f"{place.config.aws.root}/approvals/reviews.jsonl").entries()


def _waiting(penstock, run_id, runner):
    """Fails unless that run, and no other, is listed as waiting for a person."""
    (request,) = json.loads(completed(penstock("approvals", "--runner", runner, "--json"), 0))["requests"]
    assert (request["run"], request["state"]) == (run_id, "pending")


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
    assert [entry.kind for entry in _recorded(place, monkeypatch)] == ["requested", "approved"]


def test_a_sagemaker_pipeline_ends_waiting_and_goes_on_by_the_event_to_what_a_run_on_this_machine_makes(
    place, local, penstock, monkeypatch
):
    run_id, _ = _submitted(penstock, "sagemaker")
    sagemaker = place.services.client("sagemaker")
    documents = [
        sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] for name in ("reviews", "reviews-continue")
    ]
    report = place.run_definition(documents[0], run_id)
    assert report["status"] == "Succeeded", report["log"]
    package = package_of(place)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    asked = _recorded(place, monkeypatch)[0]
    assert package["CustomerMetadataProperties"].items() >= {"run_id": run_id, "ledger_entry": asked.hash}.items()
    _waiting(penstock, run_id, "sagemaker")
    completed(penstock("approve", run_id, "--by=ann", "--reason", WHY), 0)
    assert package_of(place)["ModelApprovalStatus"] == "Approved"
    started = started_by(place, "reviews")
    assert started == [Started("reviews-continue", {"RunId": run_id})]
    report = place.run_definition(documents[1], "CONTINUING01", **started[0].parameters)
    assert report["status"] == "Succeeded", report["log"]
    _check_equal(place, run_id, local[1])
    assert [entry.kind for entry in _recorded(place, monkeypatch)] == ["requested", "package", "approved"]
