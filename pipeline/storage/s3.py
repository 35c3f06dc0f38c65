"""Places on S3, the client from the environment, and small texts. boto3 is imported when the first client is made."""

import base64
import dataclasses
import datetime
import fnmatch
import functools
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from components.aws_advice import DENIED, advice, client_advice
from pipeline.storage.errors import Damaged, NotPublished, NotReached, StorageError

SCHEME = "s3://"
CONNECTIONS = 16
"""Requests at a time: what one machine's network takes before more of them only wait for each other."""

_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})


def is_remote(uri: str) -> bool:
    """True for a URI of another machine (`s3://…`), False for a path."""
    return "://" in uri


@dataclasses.dataclass(frozen=True)
class Location:
    """A bucket and a key in it, the key without slashes at its ends."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> "Location":
        """The place that a URI names.

        Raises:
          StorageError: it is not `s3://BUCKET[/KEY]`.
        """
        bucket, _, key = uri.removeprefix(SCHEME).partition("/")
        if not uri.startswith(SCHEME) or not bucket:
            raise StorageError(f"{uri}: expected a place such as s3://bucket/folder; no other storage is supported.")
        return cls(bucket, key.strip("/"))

    @property
    def uri(self) -> str:
        """`s3://BUCKET/KEY`."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    def below(self, name: str) -> "Location":
        """The place `name` below this one; this one itself for ""."""
        return Location(self.bucket, f"{self.key}/{name}".strip("/")) if name else self


@dataclasses.dataclass(frozen=True)
class StoredObject:
    """An object's key, size in bytes, ETag (another one whenever the bytes are other ones), and when it was written."""

    key: str
    size: int
    etag: str
    written_at: datetime.datetime


def s3_client() -> Any:
    """A boto3 client for the endpoint, region and credentials of the environment, the same as long as they are."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return _client(endpoint, region, os.environ.get("AWS_ACCESS_KEY_ID"), os.getpid())


@functools.lru_cache(maxsize=4)
def _client(endpoint: str | None, region: str | None, _identity: str | None, _process: int) -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as error:
        raise StorageError("Places on S3 (s3://…) need boto3, which is not installed here: run `make aws`.") from error

    config = Config(
        max_pool_connections=CONNECTIONS,
        retries={"max_attempts": 6, "mode": "standard"},
        s3={"addressing_style": "path"} if endpoint else None,
    )
    try:
        return boto3.session.Session().client("s3", region_name=region, endpoint_url=endpoint, config=config)
    except BotoCoreError as error:  # of the environment: a profile that is not there
        raise NotReached(f"S3 cannot be asked: {error}. {client_advice(error)}".rstrip()) from error


@contextmanager
def told_in_our_words(place: Location, act: str) -> Iterator[None]:
    """Turns boto3's errors into ours, which say where and what was to be done."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code in _GONE:
            raise NotPublished(f"{place.uri}: there is no such object.") from error
        if code == "InvalidRange":
            raise Damaged(f"{place.uri}: it is shorter than what was written there. Write it again.") from error
        if code == "NoSuchBucket":
            raise NotReached(
                f"{place.uri}: there is no bucket '{place.bucket}'. Check the root in the configuration."
            ) from error
        todo = advice(code, message, "s3", error.operation_name) or "Check the role's permissions and the region."
        raise NotReached(f"{place.uri}: S3 refused to {act} ({code}: {message.rstrip('.')}). {todo}") from error
    except BotoCoreError as error:
        todo = client_advice(error) or "Check the network, the credentials and AWS_REGION."
        raise NotReached(f"{place.uri}: could not {act} ({error}). {todo}") from error


def bucket_region(bucket: str, client: Any = None) -> str | None:
    """The region that the bucket is in; None where S3 does not say it to whoever asks.

    Raises:
      NotReached: there is no such bucket, or S3 cannot be asked.
    """
    from botocore.exceptions import ClientError

    client = client or s3_client()
    with told_in_our_words(Location(bucket, ""), "look at"):
        try:
            answer = client.head_bucket(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"].get("Code")
            if code in _GONE:
                raise NotReached(
                    f"{SCHEME}{bucket}: there is no such bucket. Check the root in the configuration."
                ) from error
            if code in DENIED:  # whoever may write, may not have the right to list
                return None
            raise
    region: str | None = answer.get("BucketRegion")
    return region


def listing(place: Location, client: Any = None) -> Iterator[StoredObject]:
    """Every object below the place (`KEY/…`), in order of keys; the whole bucket for an empty key."""
    client = client or s3_client()
    prefix = f"{place.key}/" if place.key else ""
    with told_in_our_words(place, "list"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield StoredObject(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])


def folders(place: Location, client: Any = None) -> list[str]:
    """The names one level below the place that have something below them, in order."""
    client, prefix = client or s3_client(), f"{place.key}/" if place.key else ""
    found: list[str] = []
    with told_in_our_words(place, "list"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix, Delimiter="/")
        for page in pages:
            found += [item["Prefix"].removeprefix(prefix).rstrip("/") for item in page.get("CommonPrefixes", ())]
    return found


def matching(pattern: str, client: Any = None) -> list[StoredObject]:
    """The objects that a shell's pattern `s3://BUCKET/KEY` stands for, in order; a wildcard never covers a slash."""
    place = Location.parse(pattern)
    fixed = place.key.split("/")[:-1]
    while any(set(part) & set("*?[") for part in fixed):
        fixed.pop()
    wanted = place.key.split("/")
    found = listing(Location(place.bucket, "/".join(fixed)), client)
    return [item for item in found if _fits(item.key.split("/"), wanted)]


def _fits(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def describe(place: Location, client: Any = None) -> StoredObject | None:
    """The object at exactly this key, None if there is none."""
    found = head(place, client)
    if found is None:
        return None
    return StoredObject(place.key, found["ContentLength"], found["ETag"].strip('"'), found["LastModified"])


def head(place: Location, client: Any = None) -> Mapping[str, Any] | None:
    """What S3 says of the object, its checksum included; None if there is none."""
    client = client or s3_client()
    try:
        with told_in_our_words(place, "look at"):
            answer: Mapping[str, Any] = client.head_object(Bucket=place.bucket, Key=place.key, ChecksumMode="ENABLED")
            return answer
    except NotPublished:
        return None


def sha256_of(answer: Mapping[str, Any]) -> str | None:
    """The SHA-256 that S3 itself computed of the whole object, in hexadecimal digits; None where it did not."""
    checksum = str(answer.get("ChecksumSHA256") or "")
    if not checksum or "-" in str(answer["ETag"]):  # of the parts' checksums, for an object uploaded in parts
        return None
    return base64.b64decode(checksum).hex()


def checksum_header(sha256: str) -> str:
    """A SHA-256 in hexadecimal digits as S3 wants it with an upload, so that it checks what arrives."""
    return base64.b64encode(bytes.fromhex(sha256)).decode("ascii")


def content_digest(uri: str) -> str | None:
    """What changes whenever the object's bytes do: their SHA-256 where S3 knows it, else its ETag; None if it is gone.

    Raises:
      StorageError: S3 does not answer.
    """
    answer = head(Location.parse(uri))
    if answer is None:
        return None
    return sha256_of(answer) or f"etag:{answer['ETag'].strip(chr(34))}"


def read_bytes(uri: str) -> bytes:
    """The object's bytes.

    Raises:
      NotPublished: there is no such object.
      StorageError: S3 does not answer.
    """
    place, client = Location.parse(uri), s3_client()
    with told_in_our_words(place, "read"):
        content: bytes = client.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    return content


def read_text(uri: str) -> str:
    """The object's text (UTF-8); errors as `read_bytes`."""
    return read_bytes(uri).decode("utf-8")


def write_text(uri: str, text: str, *, if_absent: bool = False) -> bool:
    """Writes the object whole (UTF-8); as `write_bytes`."""
    return write_bytes(uri, text.encode("utf-8"), if_absent=if_absent)


def write_bytes(uri: str, content: bytes, *, if_absent: bool = False) -> bool:
    """Writes the object whole; returns False if it was there and `if_absent` let it alone.

    Raises:
      StorageError: S3 does not take it.
    """
    return _put(Location.parse(uri), content, hashlib.sha256(content).hexdigest(), if_absent=if_absent)


def put_file(path: Path, uri: str, sha256: str) -> bool:
    """Writes the file's bytes as one object, at most 5 GB; S3 refuses bytes that have another SHA-256.

    Returns:
      False if there was an object already, which is let alone.

    Raises:
      OSError: the file cannot be read.
      StorageError: S3 does not take it.
    """
    with path.open("rb") as content:
        return _put(Location.parse(uri), content, sha256, if_absent=True)


def _put(place: Location, content: bytes | BinaryIO, sha256: str, *, if_absent: bool) -> bool:
    from botocore.exceptions import ClientError

    condition = {"IfNoneMatch": "*"} if if_absent else {}
    checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum_header(sha256)}
    with told_in_our_words(place, "write"):
        try:
            s3_client().put_object(Bucket=place.bucket, Key=place.key, Body=content, **checksum, **condition)
        except ClientError as error:
            if if_absent and error.response["Error"].get("Code") in _TAKEN:
                return False
            raise
    return True


def delete(places: list[Location], client: Any = None) -> None:
    """Deletes the objects, a thousand at a time; those that are not there count as deleted."""
    client = client or s3_client()
    for start in range(0, len(places), 1000):
        batch = places[start : start + 1000]
        keys = [{"Key": place.key} for place in batch]
        with told_in_our_words(batch[0], "delete"):
            answer = client.delete_objects(Bucket=batch[0].bucket, Delete={"Objects": keys, "Quiet": True})
        if failed := answer.get("Errors"):
            first = failed[0]
            raise StorageError(
                f"s3://{batch[0].bucket}/{first['Key']}: S3 refused to delete ({first['Code']}: {first['Message']}), "
                f"and {len(failed) - 1} more. Check the role's permissions."
            )
