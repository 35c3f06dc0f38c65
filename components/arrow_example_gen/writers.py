"""Files that come out: gzip TFRecord shards per split, and the quarantine."""

import concurrent.futures
import contextlib
import gzip
import json
import os
from collections.abc import Iterable
from types import TracebackType
from typing import BinaryIO, Self

from components.arrow_example_gen import tfrecord
from components.arrow_example_gen.bad_rows import BadRow

SHARD_BYTES = 256 << 20  # before gzip
GZIP_LEVEL = 1  # tf.Examples repeat their feature names: higher levels cost seconds and save little
QUARANTINE_FILE = "rows.jsonl"


class SplitWriter:
    """Writes one split as `data_tfrecord-00000-of-0000N.gz`; use as a context, leaving it names the shards.

    A thread of its own compresses one batch while the caller makes the next.

    Attributes:
      rows: records written so far.
    """

    def __init__(self, folder: str, shard_bytes: int = SHARD_BYTES) -> None:
        self.rows = 0
        self._folder = folder
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
        for number, (path, size_bytes) in enumerate(self._shards.items()):
            _check_length(path, size_bytes)
            name = f"data_tfrecord-{number:05d}-of-{len(self._shards):05d}.gz"
            os.replace(path, os.path.join(self._folder, name))

    def _wait(self) -> None:
        """Waits for the batch that is being compressed; raises what went wrong with it."""
        if self._compressing is not None:
            self._compressing.result()

    def _open_shard(self) -> None:
        self._path = os.path.join(self._folder, f".unfinished-{len(self._shards):05d}")
        self._shards[self._path] = 0
        raw = self._open_files.enter_context(open(self._path, "wb"))  # noqa: SIM115
        # Without the time in its header: equal rows make equal bytes, and later nodes are not run again for nothing.
        self._file = self._open_files.enter_context(gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0))


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
    """Writes bad rows as lines of JSON; use as a context. The file appears with the first bad row.

    Attributes:
      rows: rows written so far.
    """

    def __init__(self, folder: str) -> None:
        self.rows = 0
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
                path = os.path.join(self._folder, QUARANTINE_FILE)
                self._file = self._open_files.enter_context(open(path, "wb"))  # noqa: SIM115
            self._file.write(json.dumps(row.to_json(), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
            self.rows += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._open_files.close()


def count_quarantined(folder: str) -> int:
    """Lines in the quarantine file, 0 if there is none."""
    path = os.path.join(folder, QUARANTINE_FILE)
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return sum(1 for _ in file)
