"""What goes to another account is what was tested: the same bytes, the same image, or nothing."""

import base64
import dataclasses
import functools
import hashlib

import boto3.session
import pytest
from aws_config import SETTINGS, config_on_aws
from botocore.stub import ANY, Stubber

from components.ledger.ledger import Ledger
from components.model_registry.registry import Ask
from components.model_registry.versions import ModelVersion
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.promotion import carry_out, files_of, plan_promotion

DIGEST = SETTINGS.image.partition("@")[2]
THERE_IMAGE = f"999999999999.dkr.ecr.eu-central-1.amazonaws.com/penstock@{DIGEST}"
DEV = config_on_aws()
PROD = config_on_aws(root="s3://prod/reviews", image=THERE_IMAGE, kms_key=None)
VERSION = ModelVersion("7", "staging", "r1", "uri", "ab" * 32, "cd", "people", "signed", "key", {}, ())
ANN = Ask("ann", "tested")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def checksum(content):
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "7"
    (path / "assets.extra").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"graph")
    (path / "assets.extra" / "model.sig").write_bytes(b"signature")
    return path


def test_everything_of_the_folder_goes_over_the_signature_too(folder):
    assert files_of(folder) == {"assets.extra/model.sig": sha256(b"signature"), "saved_model.pb": sha256(b"graph")}
    plan = plan_promotion(VERSION, files_of(folder), DEV, PROD)
    assert (plan.destination, plan.record) == (
        "s3://prod/reviews/promoted/reviews/7",
        "s3://prod/reviews/promoted/reviews.jsonl",
    )
    assert (plan.model_digest, plan.image_digest) == ("ab" * 32, DIGEST)


def test_what_would_be_another_image_or_model_or_place_is_refused_all_at_once(folder):
    other = config_on_aws("churn", image=SETTINGS.image.replace("0123", "3210"))
    with pytest.raises(ConfigError) as refused:
        plan_promotion(dataclasses.replace(VERSION, stage="candidate"), {}, DEV, other)
    told = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 4
    assert all(words in told for words in ("not tested with", "nowhere to promote", "'churn' there", "stage candidate"))


@functools.cache
def session():
    return boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-central-1")


class Account:
    """The account that models go to; it asks nobody."""

    def __init__(self, folder, tmp_path):
        self.clients = {name: session().client(name) for name in ("s3", "ecr")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()
        self.folder, self.ledger = folder, Ledger(tmp_path / "record.jsonl")
        self.plan = plan_promotion(VERSION, files_of(folder), DEV, PROD)

    def has_the_image(self):
        request = {"registryId": "999999999999", "repositoryName": "penstock", "imageIds": [{"imageDigest": DIGEST}]}
        self.stubs["ecr"].add_response("describe_images", {"imageDetails": []}, request)

    def lacks(self, name, content):
        self.stubs["s3"].add_client_error("head_object", "404")
        request = {
            "Bucket": "prod",
            "Key": f"reviews/promoted/reviews/7/{name}",
            "Body": ANY,
            "ChecksumSHA256": checksum(content),
            "IfNoneMatch": "*",
        }
        self.stubs["s3"].add_response("put_object", {}, request)

    def has(self, content):
        self.stubs["s3"].add_response("head_object", {"ChecksumSHA256": checksum(content)})

    def promote(self):
        return carry_out(self.plan, self.folder, self.clients["s3"], self.clients["ecr"], ANN, self.ledger)

    def done(self):
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def account(folder, tmp_path):
    return Account(folder, tmp_path)


def test_files_go_over_under_their_checksums_and_it_is_on_record(account):
    account.has_the_image()
    account.lacks("assets.extra/model.sig", b"signature")
    account.lacks("saved_model.pb", b"graph")
    entry = account.promote()
    account.done()
    assert entry.content == {
        "version": "7",
        "model_digest": "ab" * 32,
        "image_digest": DIGEST,
        "from": "s3://bucket/prefix",
        "to": "s3://prod/reviews/promoted/reviews/7",
        "by": "ann",
        "reason": "tested",
    }


def test_a_promotion_that_was_killed_goes_on_and_is_on_record_once(account):
    account.has_the_image()
    account.has(b"signature")
    account.lacks("saved_model.pb", b"graph")
    account.promote()
    account.has_the_image()
    account.has(b"signature")
    account.has(b"graph")
    account.promote()
    account.done()
    assert len(account.ledger.entries()) == 1


def test_other_bytes_are_not_written_over(account):
    account.has_the_image()
    account.has(b"somebody else's")
    with pytest.raises(PlatformRefused, match="other bytes lie there"):
        account.promote()
    assert account.ledger.entries() == []


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_is_not_there_is_not_built(account, code):
    account.stubs["ecr"].add_client_error("describe_images", code, "no such image")
    with pytest.raises(PlatformRefused, match="a promotion builds none"):
        account.promote()
    account.done()


def test_a_missing_right_is_not_taken_for_a_missing_image(account):
    account.stubs["ecr"].add_client_error("describe_images", "AccessDeniedException", "no")
    with pytest.raises(PlatformRefused, match="ecr:DescribeImages"):
        account.promote()
