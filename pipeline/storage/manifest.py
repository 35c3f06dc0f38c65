"""What a complete artifact on S3 consists of. Pure.

A manifest lies beside the artifact (`…/model/7` and `…/model/7.manifest.json`) and is written last: an artifact
without one is not published. Its fingerprint is the one that the same files have on a disk
(`pipeline.caching.fingerprints`), so that the cache's keys do not depend on where artifacts lie.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from pipeline.storage.errors import Damaged

SUFFIX = ".manifest.json"
PROPERTY = "fingerprint"
"""Custom property of an artifact that keeps its fingerprint."""

_FORMAT = 1

Entry = tuple[str, str, int, str]
"""Name relative to the folder ("" for the artifact itself), kind (`file`, `folder`, …), size in bytes, SHA-256 of the
content or target of a link."""


def fingerprint_of(entries: Iterable[Entry]) -> str:
    """SHA-256 over the entries in order of their names."""
    digest = hashlib.sha256()
    for entry in sorted(entries):
        digest.update(json.dumps(entry).encode("ascii") + b"\n")
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class StoredFile:
    """A file of the artifact.

    Attributes:
      name: relative to the artifact with slashes; "" if the artifact is this one file.
      size: bytes.
      sha256: of the content, hexadecimal digits.
      etag: what S3 called the object's state when it was written.
    """

    name: str
    size: int
    sha256: str
    etag: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The files and folders of an artifact, in order of their names."""

    files: tuple[StoredFile, ...]
    folders: tuple[str, ...] = ()

    @property
    def is_file(self) -> bool:
        """True if the artifact is one file instead of a folder."""
        return [file.name for file in self.files] == [""]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def fingerprint(self) -> str:
        """As `pipeline.caching.fingerprints.fingerprint` of the same files on a disk."""
        files: list[Entry] = [(file.name, "file", file.size, file.sha256) for file in self.files]
        return fingerprint_of([*files, *((name, "folder", 0, "") for name in self.folders)])

    def to_json(self) -> str:
        """One document; the same artifact in the same state gives the same bytes."""
        document = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "folders": list(self.folders),
            "files": [dataclasses.asdict(file) for file in self.files],
        }
        return json.dumps(document, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, uri: str) -> "Manifest":
        """The inverse of `to_json`, for the artifact at `uri`.

        Raises:
          Damaged: the text is no manifest, or holds a name that would lead out of the artifact's folder.
        """
        try:
            document = json.loads(text)
            manifest = _checked(document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged(
                f"{uri}{SUFFIX}: not a manifest ({error}). Delete it and run the node that writes {uri} again."
            ) from error
        return manifest


def _checked(document: Any) -> Manifest:
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']!r}, expected {_FORMAT}")
    files = tuple(
        StoredFile(_name(item["name"]), int(item["size"]), _digest(item["sha256"]), str(item["etag"]))
        for item in document["files"]
    )
    manifest = Manifest(files, tuple(_name(name) for name in document["folders"]))
    names = [*(file.name for file in files), *manifest.folders]
    if len(names) != len(set(names)) or ("" in names and len(names) > 1):
        raise ValueError("two entries have one name")
    if manifest.fingerprint != document["fingerprint"]:
        raise ValueError("its entries do not have its fingerprint")
    return manifest


def _name(name: str) -> str:
    """The name, if it stays below the artifact's folder."""
    path = PurePosixPath(name)
    if name and (path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name):
        raise ValueError(f"the name {name!r} is not one of a file below the artifact")
    return name


def _digest(text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"{text!r} is no SHA-256")
    return text
