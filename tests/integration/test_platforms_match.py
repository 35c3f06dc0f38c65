"""The sample pipeline on each platform, against the same run on this machine: the same artifacts, and the same in them.

Every file of every artifact is compared, as artifact_equality.py says: rows, graph, weights and metrics bit for bit. Of
runs on Kubeflow the lineage is too, field by field (lineage_equality.py).

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
from kubeflow_pods import let_in, place_on
from lineage_equality import lineage_differences, lineage_of
from model_events import Started, group_of, package_of, started_by
from projects import ROOT, Project, completed, make_project
from reviews_on_cluster import reviews_on
from run_contract import executions_of

from components.ledger.ledger import Ledger
from pipeline.errors import EXIT_NOT_PUSHED, EXIT_WAITING
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

HIGHER_BAR = "evaluation.thresholds=[{metric: accuracy, lower: 0.999}]"
"""Overrides one parameter of the same run, so that its model does not pass."""

BELOW_THE_BAR = "run-below-the-bar"
"""The id of the run on this machine with that parameter."""

NOT_FROM_THE_CACHE = {
    "Evaluator", "ServingCheck", "ModelCard", "ModelApproval", "latest_blessed_model", "previous_metrics",
}  # fmt: skip
"""What that parameter reaches, and the lookups."""

BEHIND_THE_APPROVAL = ("Pusher", "ModelRegistry")
"""On this machine they run to say that they do nothing; for a model that is refused platforms start nothing."""

ASKS = "Ask for ModelApproval"
WHY = "better than a constant answer"


@dataclasses.dataclass(frozen=True)
class Here:
    """The runs on this machine that those on platforms are compared with: an approved one, and what is made of it."""

    data: Path
    project: Project
    public_key: Path
    sets: tuple[str, ...]

    @property
    def store_uri(self):
        return RunStore(self.project.root).metadata_uri

    def made(self, run_id=HERE):
        """The files of a run."""
        outputs = LineageStore(self.store_uri).outputs_of_run(run_id)
        folders = {(item.node_id, item.key): Path(item.uri) for item in outputs}
        places = {
            self.project.root: "ROOT",
            self.data: "DATA",
            self.data.parent: "FOLDER",
            self.public_key: "PUBLIC KEY",
        }
        return Made(
            folders, {HERE: "RUN 1", BELOW_THE_BAR: "RUN 2", **{str(path): name for path, name in places.items()}}
        )

    def lineage(self, run_id=HERE):
        """What the store has of it."""
        return lineage_of(self.store_uri, run_id, "reviews", self.made(run_id))

    def run_below_the_bar(self):
        """Runs the pipeline once more, with the one parameter overridden."""
        run = self.project.penstock("run", f"--run-id={BELOW_THE_BAR}", overrides=[*self.sets, HIGHER_BAR])
        completed(run, EXIT_NOT_PUSHED)


@pytest.fixture(scope="module")
def local(tmp_path_factory, signer):
    """The data, and what an approved run on this machine made of it."""
    folder = tmp_path_factory.mktemp("local")
    data = folder / "reviews.tsv"
    project = make_project(folder, (ROOT / "penstock.yaml").read_text())
    completed(project.penstock_plain("sample-data", "--output", str(data), f"--rows={ROWS}"), 0)
    here = Here(data, project, signer.public_key, (f"data.path={data}", signer.setting, *OVERRIDES))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in signer.variables.items():
            patch.setenv(name, value)
        completed(project.penstock("run", f"--run-id={HERE}", overrides=here.sets), EXIT_WAITING)
        completed(project.penstock("approve", HERE, "--by=ann", "--reason", WHY, overrides=here.sets), 0)
    return here


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
    place.services.client("s3").upload_file(str(local.data), bucket, "data/reviews.tsv")
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
    assert differences(here, Made(folders, {run_id: "RUN 1", place.config.aws.root: "ROOT"})) == []
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
    _check_equal(place, run_id, local.made())
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
    _check_equal(place, run_id, local.made())
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
def approved_on_cluster(reviews):
    """The id of a run whose first node failed at first and whose Transform was killed, and that was approved."""
    run_id = reviews.submit_before_the_data()
    reviews.kill(run_id, "Transform")
    reviews.wait(run_id, EXIT_WAITING)
    reviews.approve(run_id, "ann", WHY)
    reviews.wait(run_id, 0)
    return run_id


def test_kubeflow_makes_what_a_run_on_this_machine_makes_though_a_node_fails_and_one_is_killed(
    reviews, approved_on_cluster, local
):
    codes = reviews.exit_codes(approved_on_cluster)
    assert codes.pop("ArrowExampleGen")[0] not in (0, 137)
    assert codes.pop("Transform") == [137, 0]
    assert differences(local.made(), reviews.made(approved_on_cluster)) == []


def test_the_lineage_of_a_run_on_kubeflow_is_that_of_a_run_on_this_machine(reviews, approved_on_cluster, local):
    there = reviews.lineage(approved_on_cluster)
    assert lineage_differences(local.lineage(), there) == []


def test_one_parameter_runs_on_kubeflow_what_depends_on_it_and_a_model_below_the_bar_is_not_pushed(
    reviews, approved_on_cluster, local
):
    run_id = reviews.submit_and_wait(HIGHER_BAR, code=0)
    states = reviews.place.states(run_id)
    assert {node_id for node_id, state in states.items() if state != "CACHED"} == NOT_FROM_THE_CACHE
    pods = reviews.exit_codes(run_id)
    assert [pods[node_id] for node_id in BEHIND_THE_APPROVAL] == [[], []]
    local.run_below_the_bar()
    here = {node_id: found[-1] for node_id, found in executions_of(local.store_uri, BELOW_THE_BAR).items()}
    assert states == {node_id: state for node_id, state in here.items() if node_id not in BEHIND_THE_APPROVAL}
