"""The sample pipeline on each platform, against the same runs on this machine: the same made, and the same lineage.

Every file of every artifact is compared, as artifact_equality.py says: rows, graph, weights and metrics bit for bit; of
the lineage every field, as lineage_equality.py says.

From `penstock submit` on, as a user would: the document is stored with the platform, which carries it out as far as a
person's approval; `penstock approve` has the same run go on, to a pushed, registered and deployed model.

On Kubeflow three runs are held against three here, in one lineage store each:

    1  cold; Transform is killed in the middle, the Pusher fails, and both succeed when they are tried again
    2  one parameter overridden, so that the model is below the bar: what comes after its approval is left out
    3  the first submitted again unchanged: everything comes from the cache, but for lookups
"""

import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from artifact_equality import Made, differences, sha256_of
from aws_platforms import MachineRun
from kubeflow_pods import let_in, place_on
from lineage_equality import lineage_differences, lineage_of, without
from model_events import Started, group_of, package_of, started_by
from projects import ROOT, completed, make_project
from reviews_here import names_of_table, reviews_here
from reviews_on_cluster import reviews_on

from components.ledger.ledger import Ledger
from pipeline.errors import EXIT_NOT_PUSHED, EXIT_WAITING
from pipeline.metadata import LineageStore

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

HIGHER_BAR = "evaluation.thresholds=[{metric: accuracy, lower: 0.999}]"
"""Overrides one parameter of the same run, so that its model does not pass."""

BELOW_THE_BAR = "run-below-the-bar"
"""The id of the run on this machine with that parameter."""

AGAIN = "run-once-more"
"""The id of the first run on this machine once more."""

LOOKUPS = {"latest_blessed_model", "previous_metrics"}
"""They look anew each time."""

NOT_FROM_THE_CACHE = LOOKUPS | {"Evaluator", "ServingCheck", "ModelCard", "ModelApproval"}
"""What that parameter reaches, and the lookups."""

REGISTERS_PACKAGES = {
    "execution ModelApproval.custom properties.packages: only there",
    *(
        f"execution ModelApproval.custom properties.cache_parts.parameters.packages.{key}: only there"
        for key in ("group", "image", "pipeline", "region")
    ),
}
"""On SageMaker alone ModelApproval asks in the Model Registry, and its settings say where that is."""

BEHIND_THE_APPROVAL = ("Pusher", "ModelRegistry")
"""On this machine they run to say that they do nothing; for a model that is refused platforms start nothing."""

DATA_KEY = "data/reviews.tsv"
"""Of the table on S3."""

ASKS = "Ask for ModelApproval"
WHY = "better than a constant answer"


@pytest.fixture(scope="module")
def local(tmp_path_factory, signer):
    """The project on this machine, which has not run yet."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in signer.variables.items():
            patch.setenv(name, value)
        yield reviews_here(tmp_path_factory.mktemp("local"), signer, ROWS, OVERRIDES)


@pytest.fixture(scope="module")
def approved_here(local):
    """A run on this machine whose model was approved, pushed and registered."""
    local.run(HERE, code=EXIT_WAITING)
    local.approve(HERE, "ann", WHY)
    return local.seen(HERE)


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
    place.services.client("s3").upload_file(str(local.data), bucket, DATA_KEY)
    deploy = f"deploy={{enabled: true, endpoint: {bucket}, image: {aws['image']}}}"
    sets = [f"data.path=s3://{bucket}/{DATA_KEY}", signer.setting, deploy, *OVERRIDES]

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


def _check_equal(place, run_id, local, here, own=frozenset()):
    """Fails unless the run made what the run on this machine made, and its model is on the endpoint.

    Its lineage has to be the same too, but for these differences.
    """
    outputs = LineageStore(place.store_uri).outputs_of_run(run_id, "reviews")
    assert {item.uri.partition(":")[0] for item in outputs} == {"s3"}
    copies = place.folder / "copies"
    folders = {(item.node_id, item.key): _copied(place, item.uri, copies / item.node_id / item.key) for item in outputs}
    endpoint = _document(folders.pop(ON_PLATFORMS_ONLY), "endpoint.json")
    there = Made(folders, _names(place, run_id, local))
    assert differences(here.made, there) == []
    lineage = lineage_of(place.store_uri, run_id, "reviews", there)
    assert set(lineage_differences(here.lineage, without(lineage, ON_PLATFORMS_ONLY[:1]))) == own
    _check_published(place, folders, endpoint)


def _names(place, run_id, local):
    """What the run calls by other names than the one on this machine; staged files are named by their content."""
    root, bucket = place.config.aws.root, place.config.aws.bucket
    data = place.services.client("s3").head_object(Bucket=bucket, Key=DATA_KEY)
    digests = [sha256_of(local.data), f"etag:{data['ETag']}".replace('"', "")]
    names = names_of_table(f"s3://{bucket}/{DATA_KEY}", data["LastModified"].timestamp(), digests)
    key = f"{root}/artifacts/reviews/inputs/files/{sha256_of(local.public_key)}/{local.public_key.name}"
    return {run_id: "RUN 1", root: "ROOT", **names, key: "PUBLIC KEY"}


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
    place, local, approved_here, penstock, monkeypatch
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
    _check_equal(place, run_id, local, approved_here)
    _check_seen_from_afar(penstock, place, run_id, "step_functions")
    assert [entry.kind for entry in _recorded(place, monkeypatch)] == ["requested", "approved"]


def test_a_sagemaker_pipeline_ends_waiting_and_goes_on_by_the_event_to_what_a_run_on_this_machine_makes(
    place, local, approved_here, penstock, monkeypatch
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
    _check_equal(place, run_id, local, approved_here, REGISTERS_PACKAGES)
    assert [entry.kind for entry in _recorded(place, monkeypatch)] == ["requested", "package", "approved"]


@pytest.fixture(scope="module")
def reviews(cluster, stand_in, mariadb, platform_warm, signer, local, tmp_path_factory):
    """The same project on a cluster with Kubeflow Pipelines, its data and its root on a volume."""
    stand_in.wait_for_warm_containers()
    with pytest.MonkeyPatch.context() as patch:
        let_in(patch, cluster)
        for name, value in signer.variables.items():
            patch.setenv(name, value)
        place = place_on(cluster, platform_warm, mariadb.new_uri(), tmp_path_factory.mktemp("on-cluster"))
        yield reviews_on(place, signer, local.data, OVERRIDES)


@pytest.fixture(scope="module")
def approved_there(reviews):
    """A run whose Transform was killed in the middle and whose Pusher failed at first, and that was approved."""
    run_id = reviews.submit()
    reviews.kill(run_id, "Transform")
    reviews.wait(run_id, EXIT_WAITING)
    reviews.approve_before_the_key(run_id, "ann", WHY)
    reviews.wait(run_id, 0)
    return reviews.seen(run_id)


@pytest.fixture(scope="module")
def below_the_bar(local, approved_here, reviews, approved_there):
    """A second run with the one parameter overridden, here and there."""
    local.run(BELOW_THE_BAR, HIGHER_BAR, code=EXIT_NOT_PUSHED)
    return local.seen(BELOW_THE_BAR), reviews.seen(reviews.submit_and_wait(HIGHER_BAR, code=0))


@pytest.fixture(scope="module")
def again(local, reviews, below_the_bar):
    """The first run once more, here and there; the model that the second refused is none to compare with."""
    local.run(AGAIN, code=0)
    return local.seen(AGAIN), reviews.seen(reviews.submit_and_wait(code=0))


def test_kubeflow_makes_what_a_run_on_this_machine_makes_though_a_node_is_killed_and_one_fails(
    reviews, approved_there, approved_here
):
    codes = reviews.exit_codes(approved_there.run_id)
    assert codes.pop("Transform") == [137, 0]
    failed, succeeded = codes.pop("Pusher")
    assert (failed in (0, 137), succeeded) == (False, 0)
    assert differences(approved_here.made, approved_there.made) == []


def test_the_lineage_of_a_run_on_kubeflow_is_that_of_a_run_on_this_machine(approved_there, approved_here):
    assert lineage_differences(approved_here.lineage, approved_there.lineage) == []


def test_one_parameter_runs_on_kubeflow_what_depends_on_it_and_a_model_below_the_bar_is_not_pushed(
    reviews, below_the_bar
):
    here, there = below_the_bar
    assert _ran(reviews, there.run_id) == NOT_FROM_THE_CACHE
    pods = reviews.exit_codes(there.run_id)
    assert [pods[node_id] for node_id in BEHIND_THE_APPROVAL] == [[], []]
    folders = {output: path for output, path in here.made.folders.items() if output[0] not in BEHIND_THE_APPROVAL}
    assert differences(dataclasses.replace(here.made, folders=folders), there.made) == []
    seen_here, seen_there = (without(run.lineage, BEHIND_THE_APPROVAL) for run in (here, there))
    assert lineage_differences(seen_here, seen_there) == []


def test_a_run_that_is_submitted_to_kubeflow_again_unchanged_comes_from_the_cache(reviews, again):
    here, there = again
    assert _ran(reviews, there.run_id) == LOOKUPS
    assert lineage_differences(here.lineage, there.lineage) == []


def _ran(reviews, run_id):
    """The nodes that the run did not take from the cache."""
    return {node_id for node_id, state in reviews.place.states(run_id).items() if state != "CACHED"}
