"""Files that come out: gzip TFRecord shards per split, and the quarantine."""

import concurrent.futures
import contextlib
import glob
import gzip
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import BinaryIO, Self

from components.arrow_example_gen import tfrecord
from components.arrow_example_gen.bad_rows import BadRow

SHARD_BYTES = 256 << 20  # before gzip
GZIP_LEVEL = 1  # tf.Examples repeat their feature names: higher levels cost seconds and save little
QUARANTINE_FILE = "rows.jsonl"
_UNFINISHED = ".unfinished"


class SplitWriter:
    """Writes one split as `data_tfrecord-00000-of-0000N.gz`; use as a context, leaving it names the shards.

    One of several writers of a split is told a `share`, which makes its own files. It leaves them unnamed: whoever
    knows all of them calls `name_shards`.

    A thread of its own compresses one batch while the caller makes the next.

    Attributes:
      rows: records written so far.
      shards: paths of its shards so far, empty ones left out.
    """

    def __init__(self, folder: str, share: str | None = None, shard_bytes: int = SHARD_BYTES) -> None:
        self.rows = 0
        self._folder = folder
        self._share = share
        self._shard_bytes = shard_bytes
        self._shards: dict[str, int] = {}  # bytes before gzip, by path
        self._compressor = concurrent.futures.ThreadPoolExecutor(1)
        self._compressing: concurrent.futures.Future[int] | None = None
        self._path = ""
        self._open_files = contextlib.ExitStack()
        self._file: gzip.GzipFile | None = None

    def __enter__(self) -> Self:
        """Makes the folder and the first shard, so that even an empty split has a file."""
        os.makedirs(self._folder, exist_ok=True)
        self._open_shard()
        return self

    def write(self, examples: list[bytes]) -> None:
        """Appends serialized tf.Examples."""
        data = tfrecord.frame(examples)
        self._wait()
        if self._shards[self._path] >= self._shard_bytes:
            self._open_files.close()
            self._open_shard()
        assert self._file is not None
        self._compressing = self._compressor.submit(self._file.write, data)
        self._shards[self._path] += len(data)
        self.rows += len(examples)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the last shard and gives all their final names."""
        try:
            self._wait()
        finally:
            self._compressor.shutdown()
            self._open_files.close()
        if error is not None:
            return
        for path, size_bytes in self._shards.items():
            _check_length(path, size_bytes)
        if self._share is None:
            name_shards(self._folder, self.shards or list(self._shards))

    @property
    def shards(self) -> list[str]:
        return [path for path, size_bytes in self._shards.items() if size_bytes]

    def _wait(self) -> None:
        """Waits for the batch that is being compressed; raises what went wrong with it."""
        if self._compressing is not None:
            self._compressing.result()

    def _open_shard(self) -> None:
        name = "-".join((_UNFINISHED, *([self._share] if self._share else []), f"{len(self._shards):05d}"))
        self._path = os.path.join(self._folder, name)
        self._shards[self._path] = 0
        raw = self._open_files.enter_context(open(self._path, "wb"))  # noqa: SIM115
        # Without the time in its header: equal rows make equal bytes, and later nodes are not run again for nothing.
        self._file = self._open_files.enter_context(gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0))


def name_shards(folder: str, shards: Sequence[str]) -> None:
    """Gives the shards of a split, in order, their final names; removes what a worker that was stopped has left."""
    for number, path in enumerate(shards):
        os.replace(path, os.path.join(folder, f"data_tfrecord-{number:05d}-of-{len(shards):05d}.gz"))
    _remove_unfinished(folder)


def _check_length(path: str, size_bytes: int) -> None:
    """Compares what was written with what the gzip file says it holds: its last four bytes, modulo 2**32.

    Raises:
      OSError: they differ.
    """
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        held = int.from_bytes(file.read(4), "little")
    if held != size_bytes % 2**32:
        raise OSError(f"{path} holds {held} bytes of records modulo 2**32, {size_bytes} were written. Check the disk.")


class QuarantineWriter:
    """Writes bad rows of a share as lines of JSON; use as a context. The file appears with the first bad row.

    Attributes:
      rows: rows written so far.
      path: the file; `join_quarantines` makes one of those of all shares.
    """

    def __init__(self, folder: str, share: str) -> None:
        self.rows = 0
        self.path = os.path.join(folder, f"{_UNFINISHED}-{share}.jsonl")
        self._folder = folder
        self._open_files = contextlib.ExitStack()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, rows: Iterable[BadRow]) -> None:
        """Appends rows."""
        for row in rows:
            if self._file is None:
                os.makedirs(self._folder, exist_ok=True)
                self._file = self._open_files.enter_context(open(self.path, "wb"))  # noqa: SIM115
            self._file.write(json.dumps(row.to_json(), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
            self.rows += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._open_files.close()


def join_quarantines(folder: str, paths: Sequence[str]) -> None:
    """Puts the files of bad rows together, in order; removes them and what a worker that was stopped has left."""
    if paths:
        with open(os.path.join(folder, QUARANTINE_FILE), "wb") as whole:
            for path in paths:
                with open(path, "rb") as part:
                    shutil.copyfileobj(part, whole)
    _remove_unfinished(folder)


def _remove_unfinished(folder: str) -> None:
    for path in glob.glob(os.path.join(glob.escape(folder), f"{_UNFINISHED}-*")):
        os.remove(path)


def count_quarantined(folder: str) -> int:
    """Lines in the quarantine file, 0 if there is none."""
    path = os.path.join(folder, QUARANTINE_FILE)
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return sum(1 for _ in file)
