"""What goes to another account is what was tested: the same bytes, the same image, or nothing."""

import base64
import dataclasses
import functools
import hashlib

import boto3.session
import pytest
from aws_config import SETTINGS, config_on_aws
from botocore.stub import ANY, Stubber
from ecr_stand_in import Ecr

from components.ledger.ledger import Entry, Ledger
from components.model_registry.registry import Ask
from components.model_registry.versions import ModelVersion
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.promotion import Accounts, carry_out, files_of, plan_promotion

DIGEST = SETTINGS.image.partition("@")[2]
THERE_IMAGE = f"999999999999.dkr.ecr.eu-central-1.amazonaws.com/penstock@{DIGEST}"
DEV = config_on_aws()
PROD = config_on_aws(root="s3://prod/reviews", image=THERE_IMAGE, kms_key=None)
REGISTERED = Entry(1, "2026-01-01T00:00:00Z", "registered", {}, "")
VERSION = ModelVersion("7", "staging", "r1", "uri", "ab" * 32, "cd", "people", "signed", "key", {}, (REGISTERED,))
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
    """The account that models go to, and the registry that their image comes from; they ask nobody."""

    def __init__(self, folder, tmp_path):
        self.s3, self.folder, self.ledger = session().client("s3"), folder, Ledger(tmp_path / "record.jsonl")
        self.stub = Stubber(self.s3)
        self.stub.activate()
        self.here, self.there = Ecr("123456789012"), Ecr("999999999999")
        digest = self.here.push(b"layer")
        dev, prod = (config_on_aws(root=root, image=side.image(digest), kms_key=None) for root, side in self.sides)
        self.plan = plan_promotion(VERSION, files_of(folder), dev, prod)

    @property
    def sides(self):
        return ("s3://bucket/prefix", self.here), ("s3://prod/reviews", self.there)

    def lacks(self, name, content):
        self.stub.add_client_error("head_object", "404")
        request = {
            "Bucket": "prod",
            "Key": f"reviews/promoted/reviews/7/{name}",
            "Body": ANY,
            "ChecksumSHA256": checksum(content),
            "IfNoneMatch": "*",
        }
        self.stub.add_response("put_object", {}, request)

    def has(self, content):
        self.stub.add_response("head_object", {"ChecksumSHA256": checksum(content)})

    def promote(self):
        accounts = Accounts(self.s3, self.there.client(), self.here.client(), self.here.open)
        return carry_out(self.plan, self.folder, accounts, ANN, self.ledger)


@pytest.fixture
def account(folder, tmp_path):
    return Account(folder, tmp_path)


def test_image_and_files_go_over_under_their_digests_and_it_is_on_record(account):
    account.lacks("assets.extra/model.sig", b"signature")
    account.lacks("saved_model.pb", b"graph")
    entry, copied = account.promote()
    account.stub.assert_no_pending_responses()
    assert account.there.images == account.here.images
    assert (copied.manifests, copied.blobs) == (1, 2)
    assert entry.content == {
        "version": "7",
        "model_digest": "ab" * 32,
        "image_digest": account.plan.image_digest,
        "from": "s3://bucket/prefix",
        "to": "s3://prod/reviews/promoted/reviews/7",
        "by": "ann",
        "reason": "tested",
    }
    assert list(account.there.images) == [account.plan.image_digest]


def test_a_promotion_that_was_killed_goes_on_and_is_on_record_once(account):
    account.has(b"signature")
    account.lacks("saved_model.pb", b"graph")
    account.promote()
    account.has(b"signature")
    account.has(b"graph")
    _, copied = account.promote()
    account.stub.assert_no_pending_responses()
    assert (len(account.ledger.entries()), copied.manifests) == (1, 0)


def test_other_bytes_are_not_written_over(account):
    account.has(b"somebody else's")
    with pytest.raises(PlatformRefused, match="other bytes lie there"):
        account.promote()
    assert account.ledger.entries() == []


def test_the_image_that_serves_goes_over_too(account):
    serving = account.here.push(b"what answers", config=b"another", tag="serving")
    images = (*account.plan.images, (account.here.image(serving), account.there.image(serving)))
    account.plan = dataclasses.replace(account.plan, images=images)
    account.has(b"signature")
    account.has(b"graph")
    _, copied = account.promote()
    assert (copied.manifests, copied.blobs) == (2, 4)
    assert account.there.images == account.here.images


def test_without_the_image_nothing_goes_over(account):
    account.here.images.clear()
    with pytest.raises(PlatformRefused, match="a promotion builds none"):
        account.promote()
    assert (account.ledger.entries(), account.there.images) == ([], {})


def test_a_version_that_was_made_in_another_image_is_refused():
    entry = Entry(1, "", "registered", {"image": f"x/penstock@sha256:{'5' * 64}"}, "")
    with pytest.raises(ConfigError, match="made and tested in image sha256:555555555555, and"):
        plan_promotion(dataclasses.replace(VERSION, entries=(entry,)), {}, DEV, PROD)


def test_an_image_of_another_kind_of_registry_is_not_copied(account):
    account.plan = dataclasses.replace(account.plan, images=(("docker.io/penstock@sha256:ab", "x"),))
    with pytest.raises(ConfigError, match="x is to be promoted, and images go between Amazon's registries only"):
        account.promote()
