"""Remembers what was computed from a file's bytes, so that an unchanged file is not read again (as git's index does).

An entry holds while size, times of change and inode are the same. A file that was changed a moment ago is not
remembered: it could change once more within the resolution of the clock, and look the same (git calls such entries
racy). The index is only a memory: lost or damaged, it costs time and nothing else.
"""

import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

_FORMAT = 1
_MOST_ENTRIES = 5_000
"""Above this many, entries of files that are gone are dropped."""

_MOST_KEPT = 50_000
"""Above this many, the oldest entries are dropped: the whole index is read and written by every node."""

_FINE_MARGIN_NS = 100_000_000
_COARSE_MARGIN_NS = 2_000_000_000
"""For file systems that keep whole seconds (FAT: every other second)."""

Stamp = tuple[int, int, int, int]
"""Size in bytes, time of modification and of change in nanoseconds, inode."""

Compute = Callable[[BinaryIO], Any]


class FileIndex:
    """What was computed from files; a context manager that writes down what is new when its block ends."""

    def __init__(self, path: Path | None, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """An index kept in the file `path`; without a path nothing is kept after this process.

        Args:
          path: made when something is to be kept.
          clock_ns: nanoseconds since 1970, by the clock that stamps files.
        """
        self._path = path
        self._clock_ns = clock_ns
        self._entries: dict[str, list[Any]] = {} if path is None else _load(path)
        self._new: dict[str, list[Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.save()

    def value(self, path: Path, kind: str, compute: Compute) -> Any:
        """What `compute` makes of the open file, remembered under `kind`; must be JSON.

        Raises:
          OSError: the file is not there or cannot be read.
        """
        key = f"{kind}:{os.path.abspath(path)}"
        entry = self._entries.get(key)
        if entry is not None and _stamp(os.stat(path)) == tuple(entry[:4]):
            return entry[4]
        with path.open("rb") as file:
            before, read_at = _stamp(os.fstat(file.fileno())), self._clock_ns()
            found = compute(file)
            after = _stamp(os.fstat(file.fileno()))
        if before == after and _has_settled(before, read_at):
            self._entries[key] = self._new[key] = [*before, found]
        return found

    def save(self) -> None:
        """Adds what is new to the file; other processes may do the same at the same time."""
        if self._path is None or not self._new:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_name(f"{self._path.name}.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _replace(self._path, _pruned({**_load(self._path), **self._new}))
        except OSError as error:  # a store that can only be read: its files are read anew each time
            logging.info("%s is not written: %s", self._path, error)
        self._new = {}


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _has_settled(stamp: Stamp, read_at_ns: int) -> bool:
    """True if a change after the reading cannot have these times."""
    latest = max(stamp[1], stamp[2])
    margin = _FINE_MARGIN_NS if latest % 1_000_000_000 else _COARSE_MARGIN_NS
    return latest < read_at_ns - margin


def _load(path: Path) -> dict[str, list[Any]]:
    """The entries of the file that are whole; none if it is not there or damaged."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    entries = document.get("entries")
    if not isinstance(entries, dict):
        return {}
    return {key: entry for key, entry in entries.items() if _is_whole(entry)}


def _is_whole(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 5 and all(type(number) is int for number in entry[:4])


def _pruned(entries: dict[str, list[Any]]) -> dict[str, list[Any]]:
    if len(entries) <= _MOST_ENTRIES:
        return entries
    there = [item for item in entries.items() if os.path.exists(item[0].partition(":")[2])]
    return dict(there[-_MOST_KEPT:])


def _replace(path: Path, entries: Mapping[str, list[Any]]) -> None:
    """A reader sees the old or the new file, never half of one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        temporary.write_text(json.dumps({"format": _FORMAT, "entries": entries}), encoding="ascii")
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
