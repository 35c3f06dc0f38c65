"""A fingerprint of a file or folder: the same for the same bytes under the same names, whenever and wherever."""

import hashlib
from pathlib import Path
from typing import BinaryIO

from pipeline.caching.file_index import FileIndex
from pipeline.storage.tree import local_fingerprint

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
    return local_fingerprint(path, lambda file: file_digest(file, index))


def _read_digest(file: BinaryIO) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants a raw reader
