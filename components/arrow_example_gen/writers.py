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
from components.arrow_example_gen.source_files import open_bytes

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
        self._shards: list[str] = []
        self._compressor = concurrent.futures.ThreadPoolExecutor(1)
        self._compressing: concurrent.futures.Future[int] | None = None
        self._written = 0
        self._open_files = contextlib.ExitStack()
        self._file: gzip.GzipFile | None = None

    def __enter__(self) -> Self:
        """Makes the folder and the first shard, so that even an empty split has a file."""
        os.makedirs(self._folder, exist_ok=True)
        self._open_shard()
        return self

    def write(self, examples: list[bytes]) -> None:
        """Appends serialized tf.Examples."""
        data = b"".join(map(tfrecord.frame, examples))
        self._wait()
        if self._written >= self._shard_bytes:
            self._open_files.close()
            self._open_shard()
        assert self._file is not None
        self._compressing = self._compressor.submit(self._file.write, data)
        self._written += len(data)
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
        for number, path in enumerate(self._shards):
            name = f"data_tfrecord-{number:05d}-of-{len(self._shards):05d}.gz"
            os.replace(path, os.path.join(self._folder, name))

    def _wait(self) -> None:
        """Waits for the batch that is being compressed; raises what went wrong with it."""
        if self._compressing is not None:
            self._compressing.result()

    def _open_shard(self) -> None:
        path = os.path.join(self._folder, f".unfinished-{len(self._shards):05d}")
        self._shards.append(path)
        raw = self._open_files.enter_context(open(path, "wb"))  # noqa: SIM115
        self._file = self._open_files.enter_context(gzip.GzipFile("", "wb", GZIP_LEVEL, raw))
        self._written = 0


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


def count_records(folder: str) -> int:
    """Records in all shards of a split, read back from the disk; gzip's checksum vouches for their bytes."""
    count = 0
    for name in sorted(os.listdir(folder)):
        with open_bytes(os.path.join(folder, name)) as stream:
            count += tfrecord.count_records(stream)
    return count


def count_quarantined(folder: str) -> int:
    """Lines in the quarantine file, 0 if there is none."""
    path = os.path.join(folder, QUARANTINE_FILE)
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as file:
        return sum(1 for _ in file)
