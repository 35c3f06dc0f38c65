"""The files of artifacts as values: JSON and protos, with a clear error where one is missing or damaged."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from pipeline.errors import NotFound

SPLIT_PREFIX = "Split-"

SomeMessage = TypeVar("SomeMessage", bound=Message)


def read_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 become backslash escapes.

    Raises:
      NotFound: the file cannot be read.
    """
    return read_bytes(path).decode("utf-8", "backslashreplace")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
      NotFound: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path}: cannot be read ({error.strerror or error}).") from error


def read_json(path: Path) -> Any:
    """The JSON document in a file; numbers that are not finite become None, because JSON has none.

    Raises:
      NotFound: the file cannot be read or holds no JSON.
    """
    try:
        return json.loads(read_text(path), parse_constant=lambda _: None)
    except ValueError as error:
        raise NotFound(f"{path}: damaged, not a JSON document ({error}).") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
      NotFound: the file cannot be read or holds no JSON object.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise NotFound(f"{path}: damaged, expected a JSON object and found {type(found).__name__}.")
    return found


def read_proto(path: Path, message: SomeMessage) -> SomeMessage:
    """The message, filled with the serialized proto of a file.

    Raises:
      NotFound: the file cannot be read or holds no such proto.
    """
    content = read_bytes(path)
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        name = message.DESCRIPTOR.name
        raise NotFound(f"{path}: damaged, its {len(content):,} bytes are no {name} ({error}).") from error
    return message


def split_names(folder: Path) -> list[str]:
    """The splits in an artifact's folder: train, eval and test first, then by name.

    Raises:
      NotFound: the folder is not there or holds no split.
    """
    if not folder.is_dir():
        raise NotFound(f"{folder}: the artifact's folder is not there.")
    names = [path.name.removeprefix(SPLIT_PREFIX) for path in folder.glob(f"{SPLIT_PREFIX}*") if path.is_dir()]
    if not names:
        raise NotFound(f"{folder}: holds no split ({SPLIT_PREFIX}<name>).")
    return sorted(names, key=lambda name: (_USUAL.get(name, len(_USUAL)), name))


_USUAL = {"train": 0, "eval": 1, "test": 2}


def finite(value: float | None) -> float | None:
    """The number, None if it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def size_bytes(folder: Path) -> int:
    """The size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
