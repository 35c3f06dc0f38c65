"""Files of other machines, such as `s3://…`: read by whoever was said to be able to.

Components do not know how to reach other machines. Who calls them may: planning through a client of S3, TFX's launcher
through its own file operations.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import BinaryIO, Protocol

from components.errors import BadData

_REMOTE = "://"


class Files(Protocol):
    """How files are found and read somewhere."""

    def find(self, pattern: str) -> Sequence[str]:
        """What matches a glob; a wildcard never covers a slash."""

    def is_dir(self, path: str) -> bool:
        """True for a folder."""

    def open(self, path: str) -> BinaryIO:
        """A seekable reader of the file's bytes."""


class LocalFiles:
    """Those of this machine."""

    def find(self, pattern: str) -> Sequence[str]:
        """As `glob.glob`."""
        return glob.glob(pattern)

    def is_dir(self, path: str) -> bool:
        """As `os.path.isdir`."""
        return os.path.isdir(path)

    def open(self, path: str) -> BinaryIO:
        """As `open`."""
        return open(path, "rb")


_LOCAL = LocalFiles()
_reached: ContextVar[Files | None] = ContextVar("reached", default=None)


@contextmanager
def reached_by(files: Files) -> Iterator[None]:
    """Has URIs be found and read so until the block ends."""
    token = _reached.set(files)
    try:
        yield
    finally:
        _reached.reset(token)


def files_at(place: str) -> Files:
    """How what lies at a path or URI is found and read.

    Raises:
      BadData: it is a URI, and nobody said how to reach any.
    """
    if _REMOTE not in place:
        return _LOCAL
    found = _reached.get()
    if found is None:
        raise BadData(f"{place}: is not on this machine, and cannot be read from here. Name a path, or run it on AWS.")
    return found
