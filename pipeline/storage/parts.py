"""Large files go to S3 in parts, several at a time; parts that a killed attempt has sent are not sent again."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.storage.errors import StorageError
from pipeline.storage.s3 import Location, told_in_our_words

PART_BYTES = 16 * 2**20
"""Each of the threads that send parts holds one in memory."""

_MOST_PARTS = 10_000


def part_bytes(size: int) -> int:
    """The size of the parts of a file of that size; the same every time, so that parts can be recognised."""
    return max(PART_BYTES, -(-size // _MOST_PARTS))


def composite_checksum(path: Path, size: int) -> str:
    """What S3 calls the checksum of an object that was sent in our parts: SHA-256 over the parts' SHA-256, base 64.

    Source: "Checking object integrity", Amazon S3 User Guide (there it ends in `-` and the number of parts).
    """
    digests, step = hashlib.sha256(), part_bytes(size)
    with path.open("rb") as file:
        while body := file.read(step):
            digests.update(hashlib.sha256(body).digest())
    return base64.b64encode(digests.digest()).decode("ascii")


class PartedUpload:
    """One file on its way."""

    def __init__(self, path: Path, size: int, place: Location, client: Any) -> None:
        """Takes up the upload that a killed attempt has begun, or begins one."""
        self._path, self._size, self._client = path, size, client
        self.place = place
        self._where = {"Bucket": place.bucket, "Key": place.key}
        with told_in_our_words(place, "write"):
            begun = _begun(place, client)
            self._where["UploadId"] = begun or self._begin()
            self._arrived = _arrived(self._where, client) if begun else {}

    def _begin(self) -> str:
        return str(self._client.create_multipart_upload(**self._where, ChecksumAlgorithm="SHA256")["UploadId"])

    def numbers(self) -> range:
        """Of the parts, from 1."""
        return range(1, -(-self._size // part_bytes(self._size)) + 1)

    def send(self, number: int) -> dict[str, Any]:
        """Sends a part, unless it has arrived before; returns what S3 wants to hear of it in the end."""
        step = part_bytes(self._size)
        with self._path.open("rb") as file:
            body = os.pread(file.fileno(), step, (number - 1) * step)
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
        etag = _etag_if_same(self._arrived.get(number), body, checksum)
        if etag is None:
            sent = {"PartNumber": number, "ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum}
            with told_in_our_words(self.place, "write"):
                etag = self._client.upload_part(**self._where, Body=body, **sent)["ETag"]
        return {"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum}

    def complete(self, parts: Sequence[Mapping[str, Any]]) -> str:
        """The ETag of the object that the parts make."""
        with told_in_our_words(self.place, "write"):
            answer = self._client.complete_multipart_upload(**self._where, MultipartUpload={"Parts": list(parts)})
        return str(answer["ETag"]).strip('"')

    def abort(self) -> None:
        """Gives the parts up, which would cost storage otherwise."""
        with suppress(StorageError), told_in_our_words(self.place, "give up"):
            self._client.abort_multipart_upload(**self._where)


def _begun(place: Location, client: Any) -> str | None:
    """The newest upload to that very key that was neither completed nor given up."""
    answer = client.list_multipart_uploads(Bucket=place.bucket, Prefix=place.key)
    found = [item for item in answer.get("Uploads", ()) if item["Key"] == place.key]
    return str(max(found, key=lambda item: item["Initiated"])["UploadId"]) if found else None


def _arrived(where: Mapping[str, str], client: Any) -> dict[int, Mapping[str, Any]]:
    pages = client.get_paginator("list_parts").paginate(**where)
    return {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}


def _etag_if_same(part: Mapping[str, Any] | None, body: bytes, checksum: str) -> str | None:
    """The ETag of a part that has arrived, if it is this one; where S3 keeps no SHA-256 of it, by its MD5."""
    if part is None or part["Size"] != len(body):
        return None
    etag = str(part["ETag"])
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    is_same = part["ChecksumSHA256"] == checksum if "ChecksumSHA256" in part else etag.strip('"') == md5
    return etag if is_same else None
