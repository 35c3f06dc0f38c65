"""A fingerprint of a file or folder: the same for the same bytes under the same names, whenever and wherever."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.caching.file_index import FileIndex

INDEX_NAME = "fingerprints.json"
"""The index's file in a pipeline's root."""

_DIGEST = "sha256"


def file_digest(path: Path, index: FileIndex) -> str:
    """SHA-256 of the file's bytes, as hexadecimal digits.

    Raises:
      OSError: it is not there or cannot be read.
    """
    found = index.value(path, _DIGEST, _read_digest)
    return str(found)


def fingerprint(path: Path, index: FileIndex) -> str | None:
    """SHA-256 over name, size and content of everything below `path` (or of the one file); None if nothing is there.

    Empty folders count. A link to a file counts as that file; any other link by the text of its target, without being
    followed; sockets and pipes by what they are.

    Raises:
      OSError: a file cannot be read, or was taken away meanwhile.
    """
    if not os.path.lexists(path):
        return None
    entries = sorted(_below(path, index)) if path.is_dir() else [_entry("", path, index)]
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(json.dumps(entry).encode("ascii") + b"\n")
    return digest.hexdigest()


Entry = tuple[str, str, int, str]
"""Name relative to the folder, kind, size in bytes, SHA-256 of the content or target of the link."""


def _below(folder: Path, index: FileIndex) -> Iterator[Entry]:
    pending = [folder]
    while pending:
        current = pending.pop()
        with os.scandir(current) as items:
            for item in items:
                path = Path(item.path)
                if item.is_dir(follow_symlinks=False):
                    pending.append(path)
                    yield (path.relative_to(folder).as_posix(), "folder", 0, "")
                else:
                    yield _entry(path.relative_to(folder).as_posix(), path, index)


def _entry(name: str, path: Path, index: FileIndex) -> Entry:
    if path.is_file():
        return (name, "file", path.stat().st_size, file_digest(path, index))
    if path.is_symlink():
        return (name, "link", 0, os.readlink(path))
    return (name, stat.filemode(path.stat().st_mode)[0], 0, "")


def _read_digest(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants a raw reader
