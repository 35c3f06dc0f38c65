"""What lies below a place on a disk, as entries of a fingerprint."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.storage.manifest import Entry, fingerprint_of

Digest = Callable[[Path], str]


def read_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def local_fingerprint(path: Path, digest: Digest = read_sha256) -> str | None:
    """The fingerprint of the folder or file; None if nothing is there.

    Raises:
      OSError: a file cannot be read, or was taken away meanwhile.
    """
    return fingerprint_of(local_entries(path, digest)) if os.path.lexists(path) else None


def local_entries(path: Path, digest: Digest) -> list[Entry]:
    """Everything below a folder, or the one file, in order of names.

    Empty folders count. A link to a file counts as that file; any other link by the text of its target, without being
    followed; sockets and pipes by what they are.
    """
    return sorted(_below(path, digest)) if path.is_dir() else [_entry("", path, digest)]


def _below(folder: Path, digest: Digest) -> Iterator[Entry]:
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
                    yield _entry(path.relative_to(folder).as_posix(), path, digest)


def _entry(name: str, path: Path, digest: Digest) -> Entry:
    if path.is_file():
        return (name, "file", path.stat().st_size, digest(path))
    if path.is_symlink():
        return (name, "link", 0, os.readlink(path))
    return (name, stat.filemode(path.stat().st_mode)[0], 0, "")
