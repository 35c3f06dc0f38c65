"""Places on S3 and what S3 says of objects; no server is asked."""

import base64
import hashlib
import subprocess
import sys

import boto3.session
import pytest
from botocore import exceptions
from botocore.stub import Stubber

from pipeline.storage import is_remote
from pipeline.storage.beam import beam_s3_options
from pipeline.storage.errors import NotReached, StorageError
from pipeline.storage.parts import composite_checksum, part_bytes
from pipeline.storage.s3 import Location, bucket_region, checksum_header, head, sha256_of, told_in_our_words


def test_a_place_is_a_bucket_and_a_key():
    place = Location.parse("s3://bucket/folder/7/")
    assert (place.bucket, place.key, place.uri) == ("bucket", "folder/7", "s3://bucket/folder/7")
    assert place.below("a/b").uri == "s3://bucket/folder/7/a/b"
    assert place.below("") == place
    assert Location.parse("s3://bucket").key == ""
    assert Location.parse("s3://bucket").below("a").uri == "s3://bucket/a"


def test_another_storage_is_refused_with_what_is_expected():
    with pytest.raises(StorageError, match="gs://bucket/x: expected a place such as s3://bucket/folder"):
        Location.parse("gs://bucket/x")


def test_only_uris_are_remote():
    assert is_remote("s3://bucket/x")
    assert not is_remote("/local/s3/bucket")
    assert not is_remote("relative/path")


def test_a_checksum_of_s3_is_read_as_it_was_sent():
    digest = hashlib.sha256(b"rows").hexdigest()
    assert base64.b64decode(checksum_header(digest)) == hashlib.sha256(b"rows").digest()
    assert sha256_of({"ETag": '"e"', "ChecksumSHA256": checksum_header(digest)}) == digest


def test_a_checksum_of_parts_is_not_taken_for_one_of_the_bytes():
    header = checksum_header("0" * 64)
    assert sha256_of({"ETag": '"e-3"', "ChecksumSHA256": f"{header}-3"}) is None
    assert sha256_of({"ETag": '"e-3"', "ChecksumSHA256": header}) is None
    assert sha256_of({"ETag": '"e"'}) is None


def test_the_checksum_of_an_object_in_parts_is_made_of_the_parts_checksums(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.storage.parts.PART_BYTES", 4)
    path = tmp_path / "file"
    path.write_bytes(b"abcdefghij")
    digests = b"".join(hashlib.sha256(part).digest() for part in (b"abcd", b"efgh", b"ij"))
    assert base64.b64decode(composite_checksum(path, 10)) == hashlib.sha256(digests).digest()


def test_the_largest_object_of_s3_fits_into_its_ten_thousand_parts():
    largest = 5 * 2**40
    assert -(-largest // part_bytes(largest)) <= 10_000
    assert part_bytes(100 * 2**20) == 16 * 2**20


def test_beam_is_told_endpoint_and_region_and_no_secret():
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_REGION": "eu-central-1",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    assert beam_s3_options(environment) == ["--s3_endpoint_url=http://127.0.0.1:1", "--s3_region_name=eu-central-1"]
    assert beam_s3_options({**environment, "AWS_ENDPOINT_URL_S3": "http://s3"})[0] == "--s3_endpoint_url=http://s3"
    assert beam_s3_options({"AWS_SECRET_ACCESS_KEY": "secret"}) == []


def test_asking_whether_a_place_is_remote_costs_no_library():
    program = "import sys, pipeline.storage; print({'boto3', 'pyarrow', 'tfx'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"


@pytest.fixture(scope="module")
def client():
    session = boto3.session.Session("testing", "testing", region_name="eu-central-1")
    return session.client("s3")


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        ("AccessDenied", NotReached, "S3 refused to look at (AccessDenied: no). Allow s3:GetObject"),
        ("ExpiredToken", NotReached, "Sign in to AWS again"),
        ("RequestTimeTooSkewed", NotReached, "The clock of this machine is wrong"),
        ("NoSuchBucket", NotReached, "there is no bucket 'bucket'. Check the root in the configuration."),
        ("KeyTooLongError", NotReached, "Check the role's permissions and the region"),
    ],
)
def test_what_s3_refuses_is_told_with_place_answer_and_what_to_do(client, code, kind, told):
    with Stubber(client) as stub:
        stub.add_client_error("head_object", code, "no.")
        with pytest.raises(kind) as refused:
            head(Location("bucket", "a/b"), client)
    assert str(refused.value).startswith("s3://bucket/a/b: ")
    assert told in str(refused.value)


def test_what_is_not_there_is_no_refusal(client):
    with Stubber(client) as stub:
        stub.add_client_error("head_object", "404", "Not Found")
        assert head(Location("bucket", "a/b"), client) is None


def test_who_is_not_signed_in_is_told_how_to():
    said = r"could not write \(Unable to locate credentials\). Sign in \(aws sso login"
    with pytest.raises(NotReached, match=said), told_in_our_words(Location("bucket", "a"), "write"):
        raise exceptions.NoCredentialsError


def test_the_region_of_a_bucket_is_what_s3_says_or_unknown_to_whoever_may_not_ask(client):
    with Stubber(client) as stub:
        stub.add_response("head_bucket", {"BucketRegion": "us-east-1"}, {"Bucket": "bucket"})
        assert bucket_region("bucket", client) == "us-east-1"
        stub.add_client_error("head_bucket", "403", "Forbidden")
        assert bucket_region("bucket", client) is None
        stub.add_client_error("head_bucket", "404", "Not Found")
        with pytest.raises(NotReached, match="s3://bucket: there is no such bucket"):
            bucket_region("bucket", client)
        stub.add_client_error("head_bucket", "ExpiredToken", "old")
        with pytest.raises(NotReached, match="Sign in to AWS again"):
            bucket_region("bucket", client)
