"""The record on S3: races, and answers that are lost, on a stand-in that keeps S3's rules about conditions."""

import datetime
import itertools
import json

import pytest
from botocore.exceptions import ClientError

from components.ledger.ledger import Ledger, LedgerDamaged
from components.ledger.s3_object import MOST_TRIES, LedgerUnreachable, S3Object

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
URI = "s3://bucket/approvals/reviews.jsonl"


class Body:
    def __init__(self, content):
        self.read = lambda: content


class Bucket:
    """One object. `before_put` runs when a write is about to arrive; `lose_answer` of the next write."""

    def __init__(self):
        self.content, self.etag = None, 0
        self.numbers = itertools.count(1)
        self.before_put = lambda: None
        self.lose_answer = False

    def get_object(self, **_):
        if self.content is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": Body(self.content), "ETag": f'"{self.etag}"'}

    def put_object(self, Body, IfMatch=None, IfNoneMatch=None, **_):  # noqa: N803 - boto3's names
        self.before_put()
        is_there = self.content is not None
        if is_there if IfNoneMatch else not (is_there and IfMatch == f'"{self.etag}"'):
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.content, self.etag = Body, next(self.numbers)
        if self.lose_answer:
            self.lose_answer = False  # the client writes again, as after a broken connection
            self.put_object(Body, IfMatch=IfMatch, IfNoneMatch=IfNoneMatch)


class OnS3(Ledger):
    """A record in that bucket, which does not wait between attempts."""

    bucket = None

    @property
    def keeper(self):
        return S3Object(self.path, self.bucket, sleep=lambda _: None)


@pytest.fixture
def bucket(monkeypatch):
    made = Bucket()
    monkeypatch.setattr(OnS3, "bucket", made)
    return made


def names(bucket):
    return [json.loads(line)["by"] for line in bucket.content.splitlines()]


def test_entries_follow_each_other_as_in_a_file(bucket, tmp_path):
    there, here = OnS3(URI, clock=lambda: NOON), Ledger(tmp_path / "same.jsonl", clock=lambda: NOON)
    for name in ("ann", "bob", "cleo"):
        assert there.append("approved", {"by": name}) == here.append("approved", {"by": name})
    assert bucket.content == here.path.read_bytes()
    assert there.entries() == here.entries()


def test_who_loses_the_race_follows_the_winner_and_nothing_is_lost(bucket):
    races = iter(["bob", "cleo"])

    def overtake():
        if name := next(races, None):
            OnS3(URI).append("approved", {"by": name})

    bucket.before_put = overtake
    entry = OnS3(URI).append("approved", {"by": "ann"})
    assert names(bucket) == ["cleo", "bob", "ann"]
    assert (entry.number, entry.hash) == (3, OnS3(URI).head)


def test_whether_an_entry_may_follow_is_asked_anew_after_a_lost_race(bucket):
    def only_if_nobody_has_decided(entries):
        if entries:
            raise ValueError("decided")

    def overtake():
        bucket.before_put = lambda: None
        OnS3(URI).append("rejected", {"by": "bob"})

    bucket.before_put = overtake
    with pytest.raises(ValueError, match="decided"):
        OnS3(URI).append("approved", {"by": "ann"}, allow=only_if_nobody_has_decided)
    assert names(bucket) == ["bob"]


def test_an_entry_whose_answer_was_lost_is_not_written_twice(bucket):
    OnS3(URI).append("approved", {"by": "ann"})
    bucket.lose_answer = True
    entry = OnS3(URI).append("approved", {"by": "bob"})
    assert names(bucket) == ["ann", "bob"]
    assert entry.number == 2


def test_a_damaged_record_is_not_written_to(bucket):
    OnS3(URI).append("approved", {"by": "ann"})
    bucket.content = before = bucket.content.replace(b"ann", b"eve")
    with pytest.raises(LedgerDamaged, match=f"{URI}:1"):
        OnS3(URI).append("approved", {"by": "bob"})
    assert bucket.content == before


def test_whoever_is_always_overtaken_is_told_so_and_writes_nothing(bucket):
    def overtake():
        bucket.content, bucket.etag = (bucket.content or b"") + b"", next(bucket.numbers)

    bucket.content = b""
    bucket.before_put = overtake
    with pytest.raises(LedgerUnreachable, match=str(MOST_TRIES)):
        OnS3(URI).append("approved", {"by": "ann"})
    assert bucket.content == b""


def test_a_refusal_names_the_place_and_the_permissions(bucket):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    bucket.get_object = refuse
    with pytest.raises(LedgerUnreachable, match=f"{URI}.*AccessDenied.*Allow s3:GetObject"):
        OnS3(URI).entries()
