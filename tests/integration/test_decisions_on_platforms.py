"""Decisions about models on platforms, from the request to the endpoint: tiny_models.py, whose nodes are our own.

The way of a decision from `penstock approve` on, with a model that was trained, is in test_platforms_match.py.
"""

import dataclasses
import time

import pytest
from model_events import Started, group_of, package_of, started_by
from tiny_platform_compile import compile_models

from components.endpoint_pusher.settings import DeploySettings
from components.model_approval.settings import ApprovalSettings
from components.signing.settings import SigningSettings
from pipeline.approvals.deciding import Decision
from pipeline.approvals.platforms import Queue, decide_on_platform, record_of, tell_registry
from pipeline.platform_root import platform_root

pytestmark = pytest.mark.integration

RUN = "DECIDEDRUN01"
NODES = ("MakeModel", "ModelApproval", "Pusher", "ModelRegistry", "EndpointPusher")
BEHIND = {"Pusher", "ModelRegistry", "EndpointPusher"}
ASKS = "Ask for ModelApproval"


@dataclasses.dataclass
class Models:
    """The pipeline in one place."""

    place: object

    @property
    def config(self):
        return self.place.config

    def compile(self, runner):
        log = self.place.folder / "compile.log"
        document = self.place.warm.call(compile_models, runner, self.config, log_path=log)
        self.place.upload_ir(document)
        return document

    def wait_on_sagemaker(self):
        """The document of a run that has ended waiting, its package pending."""
        document = self.compile("sagemaker")
        report = self.place.run_definition(document.text, RUN)
        assert report["status"] == "Succeeded", report["log"]
        assert report["steps"]["If-ModelApproval"]["outcome"] is False
        assert f"penstock approve {RUN} --reason" in self.place.jobs()["ModelApproval"][-1]["message"]
        assert package_of(self.place)["ModelApprovalStatus"] == "PendingManualApproval"
        assert started_by(self.place, "tiny") == []
        return document

    def go_on(self, document):
        """What becomes of that run by the event of the package's status."""
        (started,) = started_by(self.place, "tiny")
        assert started == Started("tiny-continue", {"RunId": RUN})
        assert document.continuation.pipeline_name == started.pipeline
        return self.place.run_definition(document.continuation.text, "CONTINUING01", **started.parameters)

    def decide_in_the_console(self, status, reason):
        client = self.place.services.client("sagemaker")
        arn = package_of(self.place)["ModelPackageArn"]
        client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=reason)

    def decide(self, kind):
        """The decision of a person who says it to us; the request."""
        decision = Decision(kind, "ann", "looked at it")
        ledger = record_of(platform_root("sagemaker", self.config))
        return decide_on_platform(self.config, ledger, RUN, decision)[0], decision

    def begin_machine(self):
        """A run that waits for its token."""
        run = self.place.begin_machine(self.place.create_machine(self.compile("step_functions")), RUN)
        deadline = time.monotonic() + 240
        while ASKS not in run.states():
            assert time.monotonic() < deadline, f"nobody asked; jobs: {self.place.jobs()}"
            time.sleep(0.2)
        return run

    def answer(self, kind):
        clients = [self.place.services.client(service) for service in ("sqs", "stepfunctions")]
        Queue(*clients, self.config.aws).answer(RUN, kind)

    def change_the_model(self):
        """A byte of it, as somebody may who can write to the bucket."""
        s3, bucket = self.place.services.client("s3"), self.config.aws.bucket
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
        (key,) = [key for key in keys if key.endswith("Format-Serving/saved_model.pb")]
        s3.put_object(Bucket=bucket, Key=key, Body=b"grapg")

    def recorded(self):
        """Kinds of the record's entries; reading it checks the chain."""
        return [entry.kind for entry in record_of(platform_root("sagemaker", self.config)).entries()]

    def served(self):
        """What of the model is out: keys below the folder that is pushed to, and the place's endpoints."""
        s3, aws = self.place.services.client("s3"), self.config.aws
        prefix = f"{aws.root.partition(aws.bucket)[2].strip('/')}/pushed/"
        pushed = s3.list_objects_v2(Bucket=aws.bucket, Prefix=prefix).get("Contents", ())
        endpoints = self.place.services.client("sagemaker").list_endpoints(NameContains=aws.bucket)["Endpoints"]
        return [item["Key"] for item in pushed], [item["EndpointStatus"] for item in endpoints]


@pytest.fixture
def models(place, signer, monkeypatch):
    for name, value in place.services.variables.items():
        monkeypatch.setenv(name, value)
    bucket = place.config.aws.bucket
    group = group_of(bucket, "tiny")
    place.services.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    settings = {
        "aws": dataclasses.replace(place.config.aws, model_package_group=group),
        "approval": ApprovalSettings("required"),
        "signing": SigningSettings("kms", kms="awskms:///alias/models", public_key=str(signer.public_key)),
        "deploy": DeploySettings(enabled=True, endpoint=bucket, image=place.config.aws.image),
    }
    place.config = place.config.model_copy(update=settings)
    return Models(place)


def test_an_approval_in_the_console_is_on_record_once_and_deployed_once_though_its_event_comes_twice(models):
    document = models.wait_on_sagemaker()
    models.decide_in_the_console("Approved", "good on every slice")
    twice = [
        models.place.begin_definition(document.continuation.text, f"CONTINUING0{number}", **started.parameters)
        for number, started in enumerate(started_by(models.place, "tiny", times=2), 1)
    ]
    assert len(twice) == 2
    reports = [continuing.report() for continuing in twice]
    failures = [step["failure"] for report in reports for step in report["steps"].values() if step["failure"]]
    assert failures == []
    assert models.place.executions(RUN) == {node_id: ["COMPLETE"] for node_id in NODES}
    assert models.place.executions("CONTINUING01") == {}
    assert models.recorded() == ["requested", "package", "approved"]
    package, decision = (
        package_of(models.place),
        record_of(platform_root("sagemaker", models.config)).entries()[-1].content,
    )
    assert (decision["by"], decision["reason"]) == (package["LastModifiedBy"]["UserProfileName"], "good on every slice")
    assert decision["source"] == {
        "place": "sagemaker_model_package",
        "arn": package["ModelPackageArn"],
        "status": "Approved",
        "decided_at": package["LastModifiedTime"].isoformat(),
    }
    pushed, endpoints = models.served()
    assert [key.rpartition("/")[2] for key in pushed].count("saved_model.pb") == 1
    assert endpoints == ["InService"]


def test_a_rejection_in_the_console_is_on_record_at_once_and_nothing_is_pushed(models):
    document = models.wait_on_sagemaker()
    models.decide_in_the_console("Rejected", "wrong on books")
    report = models.go_on(document)
    assert report["status"] == "Succeeded", report["log"]
    assert report["steps"]["If-ModelApproval"]["outcome"] is False
    assert models.recorded() == ["requested", "package", "rejected"]
    assert record_of(platform_root("sagemaker", models.config)).entries()[-1].content["reason"] == "wrong on books"
    assert not BEHIND & set(models.place.jobs())
    assert models.served() == ([], [])


def test_a_model_that_changed_after_its_approval_is_refused_by_what_continues_its_run(models):
    document = models.wait_on_sagemaker()
    request, decision = models.decide("approved")
    client = models.place.services.client("sagemaker")
    tell_registry(models.config, record_of(platform_root("sagemaker", models.config)), client, request, decision)
    models.change_the_model()
    report = models.go_on(document)
    assert report["status"] == "Failed"
    assert "Format-Serving/saved_model.pb" in report["steps"]["ModelApproval"]["failure"]
    assert not BEHIND & set(models.place.jobs())
    assert models.served() == ([], [])


def test_a_rejection_ends_a_state_machine_that_waits_and_nothing_is_pushed(models):
    run = models.begin_machine()
    models.decide("rejected")
    models.answer("rejected")
    end = run.wait()
    assert end["status"] == "SUCCEEDED", end
    assert models.recorded() == ["requested", "rejected"]
    assert len(models.place.jobs()["ModelApproval"]) == 2
    assert not BEHIND & set(models.place.jobs())
    assert models.served() == ([], [])


def test_a_model_that_changed_after_its_approval_fails_the_state_machine(models):
    run = models.begin_machine()
    models.decide("approved")
    models.change_the_model()
    models.answer("approved")
    end = run.wait()
    assert end["status"] == "FAILED"
    assert "Format-Serving/saved_model.pb" in end["cause"]
    assert not BEHIND & set(models.place.jobs())
    assert models.served() == ([], [])
