"""Model packages as botocore's own model of SageMaker takes and gives them; nobody is asked."""

import datetime
import functools

import boto3.session
import pytest
from botocore.stub import Stubber

from components.ledger.ledger import Ledger
from components.model_registry.packages import (
    PackageRefused,
    Packages,
    PackageSettings,
    package_of,
    package_request,
    word_of,
)
from pipeline.runners.service_model import operation_problems

ARN = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/reviews/7"
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/penstock@sha256:{'ab' * 32}"
SETTINGS = PackageSettings("eu-central-1", "reviews", IMAGE, "reviews")
NOW = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)
EVALUATION = "s3://bucket/prefix/artifacts/reviews/Evaluator/evaluation/9"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "approvals.jsonl", lambda: NOW)


@pytest.fixture
def request_entry(ledger):
    content = {
        "run": "abc123def456",
        "model_uri": "s3://bucket/prefix/artifacts/reviews/Trainer/model/8",
        "model_digest": "ab" * 32,
        "evidence_digest": "cd" * 32,
    }
    return ledger.append("requested", content)


@functools.cache
def session():
    return boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-central-1")


@pytest.fixture
def registry():
    client = session().client("sagemaker")
    stub = Stubber(client)
    stub.activate()
    return Packages(SETTINGS, client), stub


def described(entry, status="PendingManualApproval", **more):
    metadata = {"run_id": "abc123def456", "ledger_entry": entry.hash, "model_digest": "ab" * 32}
    return {
        "ModelPackageName": "reviews",
        "ModelPackageArn": ARN,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": status,
        "CustomerMetadataProperties": metadata,
        **more,
    }


def test_a_request_becomes_a_package_that_waits_and_says_whose_it_is(request_entry):
    request = package_request(SETTINGS, request_entry, EVALUATION)
    assert request == {
        "ModelPackageGroupName": "reviews",
        "ModelPackageDescription": "Run abc123def456 of pipeline reviews asks for an approval.",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataSource": {
                        "S3DataSource": {
                            "S3Uri": "s3://bucket/prefix/artifacts/reviews/Trainer/model/8/Format-Serving/",
                            "S3DataType": "S3Prefix",
                            "CompressionType": "None",
                        }
                    },
                }
            ],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"{EVALUATION}/analysis.json"}}
        },
        "CustomerMetadataProperties": {
            "run_id": "abc123def456",
            "ledger_entry": request_entry.hash,
            "model_digest": "ab" * 32,
            "pipeline": "reviews",
            "metrics": f"{EVALUATION}/analysis.json",
        },
        "ClientToken": request_entry.hash[:36],
    }
    assert list(operation_problems("sagemaker", "CreateModelPackage", request, lambda value: value)) == []


def test_a_request_is_registered_once_and_its_package_is_on_record(registry, ledger, request_entry):
    packages, stub = registry
    stub.add_response("create_model_package", {"ModelPackageArn": ARN})
    stub.add_response("describe_model_package", described(request_entry), {"ModelPackageName": ARN})
    stub.add_response("describe_model_package", described(request_entry), {"ModelPackageName": ARN})
    assert packages.word(ledger, request_entry, EVALUATION) is None
    assert packages.word(ledger, request_entry, EVALUATION) is None
    stub.assert_no_pending_responses()
    assert [entry.kind for entry in ledger.entries()] == ["requested", "package"]
    assert package_of(ledger.entries(), request_entry) == ARN


@pytest.mark.parametrize(("status", "kind"), [("Approved", "approved"), ("Rejected", "rejected")])
def test_the_status_is_the_word_with_who_when_and_why(request_entry, status, kind):
    later = NOW + datetime.timedelta(hours=1)
    more = {
        "ApprovalDescription": "looks\ngood",
        "LastModifiedTime": later,
        "LastModifiedBy": {"UserProfileName": "ann"},
    }
    word = word_of(described(request_entry, status, **more), request_entry)
    assert (word.kind, word.by, word.reason) == (kind, "ann", "looks good")
    assert word.source == {
        "place": "sagemaker_model_package",
        "arn": ARN,
        "status": status,
        "decided_at": "2026-11-26T13:00:00+00:00",
    }


def test_where_aws_does_not_tell_who_it_was_nobody_is_made_up(request_entry):
    assert word_of(described(request_entry, "Approved"), request_entry).by == "somebody (SageMaker model registry)"
    identity = {"LastModifiedBy": {"IamIdentity": {"Arn": "arn:aws:sts::1:assumed-role/admin/bob"}}}
    assert word_of(described(request_entry, "Approved", **identity), request_entry).by.endswith("admin/bob")


@pytest.mark.parametrize("key", ["run_id", "ledger_entry", "model_digest"])
def test_a_package_that_was_changed_counts_for_nothing(request_entry, key):
    changed = described(request_entry, "Approved")
    changed["CustomerMetadataProperties"] = {**changed["CustomerMetadataProperties"], key: "other"}
    with pytest.raises(PackageRefused, match=f"{key} is 'other'"):
        word_of(changed, request_entry)
    del changed["CustomerMetadataProperties"]
    with pytest.raises(PackageRefused, match="was changed"):
        word_of(changed, request_entry)


def test_a_decision_of_ours_is_told_to_the_registry(registry):
    packages, stub = registry
    expected = {"ModelPackageArn": ARN, "ModelApprovalStatus": "Rejected", "ApprovalDescription": "ann: no good"}
    stub.add_response("update_model_package", {"ModelPackageArn": ARN}, expected)
    packages.decide(ARN, "rejected", "ann: no\n good")
    stub.assert_no_pending_responses()


def test_what_aws_refuses_is_told(registry):
    packages, stub = registry
    stub.add_client_error("update_model_package", "AccessDeniedException", "not authorized")
    with pytest.raises(PackageRefused, match=r"not authorized.*sagemaker:CreateModelPackage"):
        packages.decide(ARN, "approved", "x")


def test_settings_survive_json():
    assert PackageSettings.from_json(SETTINGS.to_json()) == SETTINGS
