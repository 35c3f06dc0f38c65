"""Brings artifacts from S3 to a disk: in parallel, going on where a killed attempt stopped, every byte verified."""

import dataclasses
import fcntl
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from pipeline.storage.errors import Damaged, DiskTooSmall, NotPublished, StorageError
from pipeline.storage.manifest import SUFFIX, Manifest, StoredFile
from pipeline.storage.published import read_manifest
from pipeline.storage.s3 import CONNECTIONS, Location, head, s3_client, sha256_of, told_in_our_words
from pipeline.storage.tree import local_fingerprint, read_sha256

PIECE_BYTES = 32 * 2**20
"""Files are fetched in pieces of this size, several at a time; what is lost by a kill is a few of them."""

_CHUNK_BYTES = 2**20
_ATTEMPTS = 5
"""Times that a piece is asked for when the connection breaks while it is read."""

SPARE_BYTES = 512 * 2**20
"""Left free on the disk for what the node itself writes down while it starts."""

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Download:
    """An artifact, or any one object, to bring to this machine.

    Attributes:
      uri: where it is.
      target: the folder or file to make of it.
      fingerprint: what the artifact must have, "" if that is not known.
      is_artifact: False for an object that somebody else put there, without a manifest. Its bytes are compared with
        the SHA-256 that S3 keeps, if S3 keeps one.
    """

    uri: str
    target: Path
    fingerprint: str = ""
    is_artifact: bool = True


def download(downloads: Sequence[Download], *, for_whom: str = "", client: Any = None) -> None:
    """Brings all of them, or raises with none of the unfinished ones at its target.

    What is at a target already is kept if its bytes are right, and replaced otherwise. A target appears at once, when
    all of it is verified; until then its files are in a hidden folder beside it, where the next attempt finds them.

    Args:
      downloads: what to bring where.
      for_whom: the node that needs them, for messages.
      client: boto3's; by default from the environment.

    Raises:
      NotPublished: an artifact is not there, or its upload was never finished.
      Damaged: an object's bytes are not those that were written.
      DiskTooSmall: they do not fit; found before the first byte is asked for.
      StorageError: S3 does not answer.
    """
    client, downloads = client or s3_client(), list({item.target: item for item in downloads}.values())
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="manifest") as pool:
        manifests = list(pool.map(lambda item: _manifest(item, for_whom, client), downloads))
    with ExitStack() as stack:
        for item in sorted(downloads, key=lambda item: item.target):
            stack.enter_context(_only_one(item.target))
        missing = [
            _Arrival(item, manifest)
            for item, manifest in zip(downloads, manifests, strict=True)
            if local_fingerprint(item.target) != manifest.fingerprint
        ]
        _check_space(missing, for_whom)
        started = time.monotonic()
        _fetch_all(missing, client)
        for arrival in missing:
            arrival.finish()
        size = sum(arrival.manifest.size for arrival in missing)
        _log.info("Downloaded %d artifacts, %d bytes, in %.1f s.", len(missing), size, time.monotonic() - started)


def _manifest(item: Download, for_whom: str, client: Any) -> Manifest:
    if not item.is_artifact:
        return _manifest_of_object(item, for_whom, client)
    manifest = read_manifest(item.uri)
    if manifest is None:
        raise NotPublished(
            f"{_for(for_whom)}{item.uri}: nothing complete is there ({item.uri}{SUFFIX} is missing). The node that "
            "writes it did not finish, or it was removed: run that node again."
        )
    if item.fingerprint and manifest.fingerprint != item.fingerprint:
        raise Damaged(
            f"{_for(for_whom)}{item.uri}: the lineage store recorded the fingerprint {item.fingerprint[:12]}…, what "
            f"is published there has {manifest.fingerprint[:12]}…: it was replaced. Run the node that writes it again."
        )
    return manifest


def _manifest_of_object(item: Download, for_whom: str, client: Any) -> Manifest:
    answer = head(Location.parse(item.uri), client)
    if answer is None:
        raise NotPublished(f"{_for(for_whom)}{item.uri}: there is no such object. Put it there, or correct the path.")
    etag = str(answer["ETag"]).strip('"')
    return Manifest((StoredFile("", int(answer["ContentLength"]), sha256_of(answer) or "", etag),))


def _for(for_whom: str) -> str:
    return f"Node '{for_whom}': " if for_whom else ""


class _Arrival:
    """One artifact on its way: complete files and pieces of others in a hidden folder beside its target."""

    def __init__(self, item: Download, manifest: Manifest) -> None:
        self.item, self.manifest = item, manifest
        self.place = Location.parse(item.uri)
        # By fingerprint: pieces of what was there before are of no use.
        self.folder = item.target.with_name(f".{item.target.name}.{manifest.fingerprint[:16]}.incoming")
        self.whole = self.folder / "whole"

    def path(self, file: StoredFile) -> Path:
        """Where the complete file is."""
        return self.whole / file.name if file.name else self.whole

    def files(self) -> Iterator["_IncomingFile"]:
        """Those that are not complete."""
        for number, file in enumerate(self.manifest.files):
            incoming = _IncomingFile(self.place.below(file.name), file, self.path(file), self.folder / f"{number}.part")
            if not incoming.is_complete():
                yield incoming

    def missing_bytes(self) -> int:
        """What the disk still has to take."""
        return sum(file.missing_bytes() for file in self.files())

    def prepare(self) -> None:
        """Makes the folders, and removes what is left of other contents, or of contents that cannot be told apart."""
        target, is_known = self.item.target, all(file.sha256 for file in self.manifest.files)
        for found in list(target.parent.iterdir()):
            if (
                (found != self.folder or not is_known)
                and found.name.startswith(f".{target.name}.")
                and found.suffix == ".incoming"
            ):
                shutil.rmtree(found)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.manifest.is_file:
            self.whole.mkdir(exist_ok=True)
        for name in self.manifest.folders:
            (self.whole / name).mkdir(parents=True, exist_ok=True)

    def finish(self) -> None:
        """Puts the verified artifact at its target."""
        is_known = all(file.sha256 for file in self.manifest.files)
        if is_known and local_fingerprint(self.whole) != self.manifest.fingerprint:  # a stray file of somebody else's
            shutil.rmtree(self.folder)
            raise Damaged(f"{self.place.uri}: {self.folder} holds other files than the artifact. Start the node again.")
        remove_local(self.item.target)
        self.whole.replace(self.item.target)
        shutil.rmtree(self.folder)


def remove_local(path: Path) -> None:
    """Removes the file or folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class _IncomingFile:
    """A file that arrives in pieces, with a journal of those that are on the disk."""

    def __init__(self, place: Location, file: StoredFile, target: Path, part: Path) -> None:
        self.place, self.file, self._target, self._part = place, file, target, part
        self._journal = part.with_suffix(".done")
        self._lock = threading.Lock()

    def is_complete(self) -> bool:
        """True if an earlier attempt brought it and its bytes are right."""
        return (
            self._target.is_file()
            and self._target.stat().st_size == self.file.size
            and read_sha256(self._target) == self.file.sha256
        )

    def missing_bytes(self) -> int:
        """What is not on the disk yet."""
        return sum(end - start for start, end in self.pieces())

    def pieces(self) -> list[tuple[int, int]]:
        """First byte and byte after the last of every piece not on the disk; of an empty file, one empty piece."""
        done = self._done()
        size, starts = self.file.size, range(0, max(1, self.file.size), PIECE_BYTES)
        return [(start, min(size, start + PIECE_BYTES)) for start in starts if start not in done]

    def _done(self) -> set[int]:
        if not self._part.is_file() or not self._journal.is_file():
            return set()
        lines = self._journal.read_text(encoding="ascii").split("\n")[:-1]  # the last line may be cut off
        return {int(line) for line in lines if line.isdigit()}

    def fetch(self, start: int, end: int, client: Any) -> None:
        """Brings one piece, and notes it down once it is written."""
        self._part.touch()
        if end > start:
            _attempted(lambda: self._read(start, end, client), self.place)
        else:
            self._check_size(int((head(self.place, client) or {"ContentLength": -1})["ContentLength"]))
        with self._lock, self._journal.open("a", encoding="ascii") as journal:
            journal.write(f"{start}\n")

    def _read(self, start: int, end: int, client: Any) -> None:
        byte_range = f"bytes={start}-{end - 1}"
        # Pieces of two states of an object cannot be told apart by a SHA-256 that nobody knows.
        same_state = {} if self.file.sha256 else {"IfMatch": self.file.etag}
        with told_in_our_words(self.place, "read"):
            answer = client.get_object(Bucket=self.place.bucket, Key=self.place.key, Range=byte_range, **same_state)
        with closing(answer["Body"]) as body, self._part.open("r+b") as part:
            self._check_size(int(answer["ContentRange"].rpartition("/")[2]))
            part.seek(start)
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                part.write(chunk)

    def _check_size(self, found: int) -> None:
        if found != self.file.size:
            raise Damaged(
                f"{self.place.uri}: {self.file.size} bytes were written there, found "
                f"{'no object' if found < 0 else f'{found} bytes'}: it was changed or damaged. "
                "Run the node that writes it again."
            )

    def settle(self) -> bool:
        """Takes the file for complete if its bytes are right; forgets what was fetched of it otherwise."""
        is_right = self._part.stat().st_size == self.file.size and (
            not self.file.sha256 or read_sha256(self._part) == self.file.sha256
        )
        if is_right:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._part.replace(self._target)
        else:
            self._part.unlink()
        self._journal.unlink()
        return is_right


def _attempted(read: Callable[[], None], place: Location) -> None:
    """Reads, once more for each broken connection; boto3 itself repeats only what fails before the first byte."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError
    from urllib3.exceptions import HTTPError

    for attempt in range(_ATTEMPTS):
        try:
            return read()
        except (HTTPClientError, IncompleteReadError, ResponseStreamingError, HTTPError, ConnectionError) as error:
            last = error
            time.sleep(0.2 * 2**attempt)
    raise StorageError(
        f"{place.uri}: the connection broke {_ATTEMPTS} times ({last}). Start the node again: it goes on from here."
    ) from last


def _check_space(arrivals: Sequence[_Arrival], for_whom: str) -> None:
    needed: dict[int, tuple[int, Path]] = {}
    for arrival in arrivals:
        folder = next(path for path in arrival.item.target.parents if path.exists())
        device = folder.stat().st_dev
        needed[device] = (needed.get(device, (0, folder))[0] + arrival.missing_bytes(), folder)
    for size, folder in needed.values():
        free = free_bytes(folder)
        if size + SPARE_BYTES > free:
            raise DiskTooSmall(
                f"{_for(for_whom)}its inputs need {_gb(size)} on the disk of {folder} and {_gb(SPARE_BYTES)} besides, "
                f"{_gb(free)} are free. Give the node a larger disk (resources.{for_whom or '<node>'}.disk_gb)."
            )


def free_bytes(folder: Path) -> int:
    """What the folder's disk can still take."""
    return shutil.disk_usage(folder).free


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


def _fetch_all(arrivals: Sequence[_Arrival], client: Any) -> None:
    for arrival in arrivals:
        arrival.prepare()
    incoming = [file for arrival in arrivals for file in arrival.files()]
    for file in _fetch(incoming, client):
        for damaged in _fetch([file], client):  # pieces of an attempt that the machine's crash spoilt, perhaps
            raise Damaged(
                f"{damaged.place.uri}: its bytes do not have the SHA-256 {damaged.file.sha256[:12]}… that they were "
                "written with: the object was changed or damaged. Run the node that writes it again."
            )


def _fetch(incoming: Sequence[_IncomingFile], client: Any) -> list[_IncomingFile]:
    """Fetches the files; returns those whose bytes are wrong."""
    pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="download")
    try:
        pieces = [pool.submit(file.fetch, *piece, client) for file in incoming for piece in file.pieces()]
        _all_of(pieces)
        settled = [pool.submit(file.settle) for file in incoming]
        return [file for file, is_right in zip(incoming, _all_of(settled), strict=True) if not is_right]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _all_of(futures: Sequence[Any]) -> list[Any]:
    """The results of all, or the first failure as soon as it happens."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
    return [future.result() for future in futures]


@contextmanager
def _only_one(target: Path) -> Iterator[None]:
    """Holds the target against other processes of this machine."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
