"""Reads small files that a run is planned from, and names them by their content."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import ConfigError


def read_input(path: Path) -> bytes:
    """The file's content.

    Raises:
      ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}."]) from error


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 of names and contents, in the order given, as hexadecimal digits."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
