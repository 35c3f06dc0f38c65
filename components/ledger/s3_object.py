"""A ledger's lines in one object on S3, which is only ever replaced if it is still what was read.

S3 cannot add to an object: the object is read, and written whole on condition that its ETag is the same (If-Match), or
that there is none yet (If-None-Match). Who loses the race reads again and tries again, so that no entry is lost.
Source: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. boto3 is imported on first use.
"""

import dataclasses
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from components.aws_advice import advice, client_advice
from components.errors import ComponentError

SCHEME = "s3://"
MOST_TRIES = 40
"""With pauses of up to two seconds more than a minute, in which some other writer got through each time."""

_LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_ABSENT = frozenset({"NoSuchKey", "404"})


class LedgerUnreachable(ComponentError):
    """The record's object cannot be read or written; nothing was changed."""


@dataclasses.dataclass(frozen=True)
class S3Object:
    """See `ledger.Keeper`; the object need not exist yet.

    Attributes:
      uri: `s3://BUCKET/KEY`.
      client: boto3's; None = one from the environment.
      sleep: waits that many seconds.
    """

    uri: str
    client: Any = None
    sleep: Callable[[float], None] = time.sleep

    def read(self) -> bytes:
        """The whole object.

        Raises:
          LedgerUnreachable: S3 refuses or does not answer.
        """
        return self._get(self.client or s3_client())[0]

    def extend(self, line_after: Callable[[bytes], bytes]) -> None:
        """Adds the line to what the object holds at that moment; `line_after` is asked anew after a lost race.

        Raises:
          LedgerUnreachable: S3 refuses or does not answer, or others won every race for a minute.
        """
        client, tried = self.client or s3_client(), None
        for attempt in range(MOST_TRIES):
            content, etag = self._get(client)
            if tried is not None and content.startswith(tried):
                return  # the write before was done, only its answer was lost
            tried = content + line_after(content)
            if self._put(client, tried, etag):
                return
            self.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))
        raise LedgerUnreachable(
            f"{self.uri}: {MOST_TRIES} attempts to write were each overtaken by another writer. Nothing was written. "
            "Find out who writes there so often, and try again."
        )

    def _get(self, client: Any) -> tuple[bytes, str | None]:
        """Content and ETag; empty and None where there is no object."""
        from botocore.exceptions import ClientError

        with self._told("read"):
            try:
                answer = client.get_object(**self._place)
            except ClientError as error:
                if error.response["Error"].get("Code") in _ABSENT:
                    return b"", None
                raise
            return answer["Body"].read(), answer["ETag"]

    def _put(self, client: Any, content: bytes, etag: str | None) -> bool:
        """False if the object is not what had that ETag any more."""
        from botocore.exceptions import ClientError

        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._told("write"):
            try:
                client.put_object(**self._place, Body=content, ChecksumAlgorithm="SHA256", **condition)
            except ClientError as error:
                if error.response["Error"].get("Code") in _LOST | _ABSENT:
                    return False
                raise
        return True

    @property
    def _place(self) -> dict[str, str]:
        bucket, _, key = self.uri.removeprefix(SCHEME).partition("/")
        return {"Bucket": bucket, "Key": key}

    @contextmanager
    def _told(self, act: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise LedgerUnreachable(
                f"{self.uri}: the record could not be {'read' if act == 'read' else 'written'}: {error}. Nothing was "
                f"changed. {_todo(error)}"
            ) from error


def _todo(error: Any) -> str:
    """What to do about an error of S3, or of its client."""
    answered = getattr(error, "response", {}).get("Error", {})
    known = (
        advice(str(answered.get("Code")), str(answered.get("Message")), "s3", error.operation_name)
        if answered
        else client_advice(error)
    )
    return known or "Check the bucket, the role's permissions (s3:GetObject, s3:PutObject) and the region."


def s3_client() -> Any:
    """boto3's client, by the environment's credentials, region and endpoint.

    Raises:
      LedgerUnreachable: boto3 is not installed.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise LedgerUnreachable(
            "A record on S3 needs the package boto3, which is not part of the local environment: pip install --require-"
            "hashes -r requirements-aws.lock."
        ) from error
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    try:
        return boto3.session.Session().client("s3", region_name=region)
    except BotoCoreError as error:
        raise LedgerUnreachable(f"The record on S3 cannot be asked for: {error}. {_todo(error)}") from error
