"""A model folder becomes a numbered version in one atomic step. Files only, no TFX.

TensorFlow Serving watches a base folder for subfolders named by whole numbers and serves the largest. The model is
copied into a hidden sibling, signed, forced to the disk and then renamed, so a reader sees either no such version or
all of it, signature included. A push that was killed leaves a hidden folder, which readers ignore and the next push
removes.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from components.model_digest import PUT_IN_AFTERWARDS, model_digest

_HIDDEN_PREFIX = ".penstock-push-"
_LOCK_NAME = ".penstock-push.lock"

#: Inside a pushed version, where TensorFlow Serving looks for nothing: which push made it, from which model.
RECEIPT = PUT_IN_AFTERWARDS[0]
Receipt = dict[str, str | int]


@dataclasses.dataclass(frozen=True)
class Publication:
    """Where a model is served from.

    Attributes:
      version: the version's folder.
      was_there: an earlier push had put this very model there, and nothing newer is served.
    """

    version: Path
    was_there: bool


@dataclasses.dataclass(frozen=True)
class Seal:
    """How a version is signed.

    Attributes:
      put: signs the model in a folder.
      holds: True if the model in a folder is signed as `put` would sign it.
    """

    put: Callable[[Path], None]
    holds: Callable[[Path], bool]


def publish(
    model: Path, base: Path, push_id: str, model_uri: str, now_s: int | None = None, seal: Seal | None = None
) -> Publication:
    """The version below `base` that holds this model; made now, unless this push or an earlier one has made it.

    An earlier push counts only while its version is the newest: after a step back to another model, the same model is
    pushed anew. It must be the same model by URI and, file by file, by content, and signed as this push would sign it.

    Args:
      model: the SavedModel's folder.
      base: the folder that servers watch; created if need be.
      push_id: the same after a restart; a push is never done twice.
      model_uri: the model artifact's; the same whenever the same training is taken from the cache.
      now_s: Unix time, the version's number unless a version as large exists already.
      seal: signs the version before it can be seen; None leaves it unsigned.
    """
    base.mkdir(parents=True, exist_ok=True)
    with _only_pusher(base):
        for leftover in base.glob(f"{_HIDDEN_PREFIX}*"):
            shutil.rmtree(leftover)
        present = versions(base)
        done = next((version for version in present if _receipt(version).get("push_id") == push_id), None)
        if done is not None:
            return Publication(done, was_there=False)
        if present and _holds(present[-1], model, model_uri) and (seal is None or seal.holds(present[-1])):
            return Publication(present[-1], was_there=True)
        number = max([int(time.time()) if now_s is None else now_s, *(taken + 1 for taken in _numbers(base))])
        receipt: Receipt = {"push_id": push_id, "version": number, "model_uri": model_uri}
        return Publication(_add_version(model, base, receipt, seal), was_there=False)


def _add_version(model: Path, base: Path, receipt: Receipt, seal: Seal | None) -> Path:
    name = str(receipt["version"])  # the hidden folder bears it too: a signature names the folder that it is over
    hidden, target = base / f"{_HIDDEN_PREFIX}{name}" / name, base / name
    shutil.copytree(model, hidden)
    path = hidden / RECEIPT
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(receipt), encoding="utf-8")
    if seal is not None:
        seal.put(hidden)
    sync_tree(hidden)
    hidden.rename(target)
    hidden.parent.rmdir()
    sync(base)
    return target


def _numbers(base: Path) -> list[int]:
    """Every number that is a name below `base`, also of what is no version."""
    return [int(path.name) for path in base.iterdir() if path.name.isascii() and path.name.isdigit()]


def versions(base: Path) -> list[Path]:
    """The version folders below `base`, oldest first."""
    found = [path for path in base.iterdir() if path.name.isascii() and path.name.isdigit() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))


def _holds(version: Path, model: Path, model_uri: str) -> bool:
    return _receipt(version).get("model_uri") == model_uri and model_digest(version) == model_digest(model)


def _receipt(version: Path) -> Receipt:
    """What the push that made a version left in it, empty if another program put the version there."""
    path = version / RECEIPT
    receipt: Receipt = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return receipt


@contextlib.contextmanager
def _only_pusher(base: Path) -> Iterator[None]:
    """Waits until no other push to `base` is under way; the lock goes with the process, however it ends."""
    with (base / _LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync_tree(folder: Path) -> None:
    """Forces everything in the folder to the disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Forces a file, or what a folder lists, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
