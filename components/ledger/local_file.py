"""A ledger's lines in a file of this machine; writers wait for each other at a lock on it."""

import dataclasses
import fcntl
import os
from collections.abc import Callable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class LocalFile:
    """See `ledger.Keeper`; the file need not exist yet."""

    path: Path

    def read(self) -> bytes:
        """Everything in the file."""
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return file.read()

    def extend(self, line_after: Callable[[bytes], bytes]) -> None:
        """Adds the line and forces it to the disk, with the file locked from reading to writing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            file.write(line_after(file.read()))
            file.flush()
            os.fsync(file.fileno())
