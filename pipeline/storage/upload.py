"""Puts an artifact on S3: in parallel, each object checked by S3 on arrival, the manifest last."""

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.storage.errors import StorageError
from pipeline.storage.manifest import Manifest, StoredFile
from pipeline.storage.parts import PartedUpload, composite_checksum
from pipeline.storage.published import manifest_place, objects_of
from pipeline.storage.s3 import (
    CONNECTIONS,
    Location,
    StoredObject,
    checksum_header,
    delete,
    head,
    s3_client,
    sha256_of,
    told_in_our_words,
    write_text,
)
from pipeline.storage.tree import local_entries, read_sha256

WHOLE_BYTES = 64 * 2**20
"""Files up to this size go in one request; larger ones in parts, several at a time."""

_log = logging.getLogger(__name__)


def upload(source: Path, uri: str, client: Any = None) -> Manifest:
    """Publishes the folder or file at `uri`; until it returns, nothing is published there.

    What an attempt that was killed has left is used where it is the same and removed where it is not.

    Raises:
      StorageError: the folder holds what S3 cannot (links, pipes), a file changed meanwhile, or S3 does not take it.
      OSError: a file cannot be read.
    """
    client, place, started = client or s3_client(), Location.parse(uri), time.monotonic()
    files, folders = _scan(source)
    delete([manifest_place(place)], client)
    present = objects_of(place, client)
    _remove_strangers(place, present, {file.name for file in files}, client)
    stored = _send_all([_Sending(place.below(file.name), file, present.get(file.name)) for file in files], client)
    manifest = Manifest(tuple(stored), tuple(folders))
    write_text(manifest_place(place).uri, manifest.to_json())
    _log.info("Uploaded %s: %d bytes in %.1f s.", place.uri, manifest.size, time.monotonic() - started)
    return manifest


@dataclasses.dataclass(frozen=True)
class _LocalFile:
    """A file to send, with size and time of change at the moment when its SHA-256 was computed."""

    name: str
    path: Path
    sha256: str
    size: int
    changed_ns: int

    def check(self) -> None:
        """Raises StorageError if the file changed since."""
        status = self.path.stat()
        if (status.st_size, status.st_mtime_ns) != (self.size, self.changed_ns):
            raise StorageError(
                f"{self.path}: changed while it was uploaded. The node still writes after it ended: have it close its "
                "files and end its threads before it returns."
            )


def _scan(source: Path) -> tuple[list[_LocalFile], list[str]]:
    times: dict[Path, int] = {}

    def digest(path: Path) -> str:
        times[path] = path.stat().st_mtime_ns
        return read_sha256(path)

    entries = local_entries(source, digest)
    odd = [f"{name or source} ({kind})" for name, kind, _, _ in entries if kind not in ("file", "folder")]
    odd += [f"{name!r} (no UTF-8)" for name, _, _, _ in entries if not _is_utf8(name)]
    if odd:
        raise StorageError(
            f"{source}: S3 holds files with names in UTF-8 only, found {', '.join(odd[:5])}. Have the node write such "
            "files instead of links to folders, pipes and the like."
        )
    paths = {name: source / name if name else source for name, _, _, _ in entries}
    files = [
        _LocalFile(name, paths[name], sha256, size, times[paths[name]])
        for name, kind, size, sha256 in entries
        if kind == "file"
    ]
    return files, [name for name, kind, _, _ in entries if kind == "folder"]


def _is_utf8(name: str) -> bool:
    return name.encode("utf-8", "replace") == name.encode("utf-8", "surrogatepass")


def _remove_strangers(place: Location, present: Mapping[str, StoredObject], wanted: set[str], client: Any) -> None:
    strangers = [Location(place.bucket, item.key) for name, item in present.items() if name not in wanted]
    delete(strangers, client)


@dataclasses.dataclass(frozen=True)
class _Sending:
    """A file, where it goes, and what is there already."""

    place: Location
    file: _LocalFile
    present: StoredObject | None

    @property
    def is_in_parts(self) -> bool:
        return self.file.size > WHOLE_BYTES

    def kept(self, client: Any) -> str | None:
        """The ETag of the object if it is there with the very bytes, None if it has to be sent."""
        if self.present is None or self.present.size != self.file.size:
            return None
        answer = head(self.place, client)
        return str(answer["ETag"]).strip('"') if answer is not None and self._is_mine(answer) else None

    def _is_mine(self, answer: Mapping[str, Any]) -> bool:
        if not self.is_in_parts:
            return sha256_of(answer) == self.file.sha256
        checksum = str(answer.get("ChecksumSHA256") or "").partition("-")[0]
        return checksum == composite_checksum(self.file.path, self.file.size)

    def send_whole(self, client: Any) -> str:
        """The ETag of the object after one request."""
        if (etag := self.kept(client)) is not None:
            return etag
        with told_in_our_words(self.place, "write"), self.file.path.open("rb") as body:
            answer = client.put_object(
                Bucket=self.place.bucket,
                Key=self.place.key,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum_header(self.file.sha256),
            )
        return str(answer["ETag"]).strip('"')


def _send_all(sendings: Sequence[_Sending], client: Any) -> list[StoredFile]:
    pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="upload")
    begun: list[PartedUpload] = []
    try:
        whole = {s.file.name: pool.submit(s.send_whole, client) for s in sendings if not s.is_in_parts}
        parted, etags = {}, {}
        for sending in (sending for sending in sendings if sending.is_in_parts):
            if (etag := sending.kept(client)) is not None:
                etags[sending.file.name] = etag
                continue
            begun.append(PartedUpload(sending.file.path, sending.file.size, sending.place, client))
            parted[sending.file.name] = begun[-1], [pool.submit(begun[-1].send, n) for n in begun[-1].numbers()]
        etags.update({name: future.result() for name, future in whole.items()})
        for name, (parts, futures) in parted.items():
            etags[name] = parts.complete([future.result() for future in futures])
            begun.remove(parts)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for parts in begun:
            parts.abort()
    for sending in sendings:
        sending.file.check()
    return [StoredFile(s.file.name, s.file.size, s.file.sha256, etags[s.file.name]) for s in sendings]
