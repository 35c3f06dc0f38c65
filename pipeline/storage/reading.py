"""Reads files on S3 where they lie: found by patterns, read piece by piece, without a copy on the disk."""

import io
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from pipeline.storage.errors import NotPublished
from pipeline.storage.s3 import Location, describe, listing, matching, s3_client, told_in_our_words

_BUFFER_BYTES = 2**20


class S3Files:
    """What `components.arrow_example_gen.remote_files` wants to know of S3."""

    def __init__(self, client: Any = None) -> None:
        """Takes boto3's client; None = from the environment, when it is first needed."""
        self._client = client

    def find(self, pattern: str) -> Sequence[str]:
        """The objects that match a glob; a wildcard never covers a slash."""
        bucket = Location.parse(pattern).bucket
        return [Location(bucket, item.key).uri for item in matching(pattern, self._client)]

    def is_dir(self, path: str) -> bool:
        """True if objects lie below it; also for the empty object that stands for a folder."""
        return path.endswith("/") or next(listing(Location.parse(path), self._client), None) is not None

    def open(self, path: str) -> BinaryIO:
        """A seekable reader.

        Raises:
          NotPublished: there is no such object.
        """
        reader = _Reader(Location.parse(path), self._client or s3_client())
        return cast("BinaryIO", io.BufferedReader(reader, _BUFFER_BYTES))


class _Reader(io.RawIOBase):
    """Each read asks for the bytes that it wants, of the object as it was when it was opened."""

    def __init__(self, place: Location, client: Any) -> None:
        found = describe(place, client)
        if found is None:
            raise NotPublished(f"{place.uri}: there is no such object. Put it there, or correct the path.")
        self._place, self._client, self._etag, self._size = place, client, found.etag, found.size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._size, self._position + len(buffer))
        if end <= self._position:
            return 0
        wanted = {"Range": f"bytes={self._position}-{end - 1}", "IfMatch": self._etag}
        with told_in_our_words(self._place, "read"):
            answer = self._client.get_object(Bucket=self._place.bucket, Key=self._place.key, **wanted)
            content = answer["Body"].read()
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)
