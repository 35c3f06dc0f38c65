"""The lock of the environment: its digest is a part of every key, its packages say what a change of it means."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.provenance import PROJECT_ROOT

LOCK_NAME = "requirements.lock"
_CONTEXT_TYPE = "penstock_lock"
_PACKAGES = "packages"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", flags=re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class LockFile:
    """What requirements.lock says; `digest` is None where there is none."""

    digest: str | None
    packages: Mapping[str, str]


@cache
def read_lock(project_root: Path = PROJECT_ROOT) -> LockFile:
    """The lock of the project in this folder."""
    path = project_root / LOCK_NAME
    if not path.is_file():
        return LockFile(None, {})
    content = path.read_bytes()
    pins = _PINNED.findall(content.decode("utf-8", errors="replace"))
    return LockFile(hashlib.sha256(content).hexdigest(), {name.lower(): version for name, version in pins})


def store_lock_packages(store: Any, lock: LockFile) -> None:
    """Keeps the lock's packages in the ML Metadata store, once for each lock."""
    from ml_metadata import errors
    from ml_metadata.proto import metadata_store_pb2

    if lock.digest is None or store.get_context_by_type_and_name(_CONTEXT_TYPE, lock.digest) is not None:
        return
    type_id = store.put_context_type(metadata_store_pb2.ContextType(name=_CONTEXT_TYPE))
    context = metadata_store_pb2.Context(type_id=type_id, name=lock.digest)
    context.custom_properties[_PACKAGES].string_value = json.dumps(dict(lock.packages))
    try:
        store.put_contexts([context])
    except errors.AlreadyExistsError:  # another process was faster
        return


def stored_packages(store: Any, digest: str) -> Mapping[str, str] | None:
    """The packages of a lock that a run in this store had; None if they are not known."""
    context = store.get_context_by_type_and_name(_CONTEXT_TYPE, digest)
    if context is None:
        return None
    packages: dict[str, str] = json.loads(context.custom_properties[_PACKAGES].string_value)
    return packages


def changed_packages(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Which packages differ: `tensorflow 2.20 → 2.21`, `rich 14.0 is new`, `six is gone`."""
    lines = []
    for name in sorted({*old, *new}):
        if name not in old:
            lines.append(f"{name} {new[name]} is new")
        elif name not in new:
            lines.append(f"{name} is gone")
        elif old[name] != new[name]:
            lines.append(f"{name} {old[name]} → {new[name]}")
    return lines
