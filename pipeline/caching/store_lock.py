"""A lock on a file, among processes and among the threads of one.

The system releases it when a process dies, however it dies.
"""

import fcntl
import os
import threading
from pathlib import Path
from typing import IO


class StoreLock:
    """A lock among processes and threads; a thread that has it may take it again."""

    def __init__(self, path: Path) -> None:
        """A lock on the file `path`, which is made when needed."""
        self._path = path
        self._thread_lock = threading.RLock()
        self._depth = 0
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Waits until no other process or thread has the lock, then has it."""
        self._thread_lock.acquire()
        try:
            if self._depth == 0:
                self._file = self._locked_file()
            self._depth += 1
        except BaseException:
            self._thread_lock.release()
            raise

    def release(self) -> None:
        """Gives it back, once it was released as often as it was acquired."""
        self._depth -= 1
        if self._depth == 0 and self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()
            self._file = None
        self._thread_lock.release()

    def forget(self) -> None:
        """For a forked child: closes its copy of the open file, which would keep the parent's lock alive."""
        if self._file is not None:
            self._file.close()

    def _locked_file(self) -> IO[str]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except BaseException:
            file.close()
            raise
        return file


_locks: dict[Path, StoreLock] = {}
"""By file: two connections of one thread share a lock, else the second would wait for the first for ever."""


def _forget_locks() -> None:
    for lock in _locks.values():
        lock.forget()
    _locks.clear()


os.register_at_fork(after_in_child=_forget_locks)


def lock_at(path: Path) -> StoreLock:
    """The lock on that file, one for the whole process."""
    return _locks.setdefault(path, StoreLock(path))
