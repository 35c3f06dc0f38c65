"""A model folder becomes a numbered version in one atomic step. Files only, no TFX.

TensorFlow Serving watches a base folder for subfolders named by whole numbers and serves the largest. The model is
copied into a hidden sibling, forced to the disk and then renamed, so a reader sees either no such version or all of
it. A push that was killed leaves a hidden folder, which readers ignore and the next push removes.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

_HIDDEN_PREFIX = ".penstock-push-"
_LOCK_NAME = ".penstock-push.lock"

#: Inside a pushed version, where TensorFlow Serving looks for nothing: which push made it.
RECEIPT = "assets.extra/penstock_push.json"


def publish(model: Path, base: Path, push_id: str, now_s: int | None = None) -> Path:
    """The version folder of this push below `base`; made now, unless the same push has made it before.

    Args:
      model: the SavedModel's folder.
      base: the folder that servers watch; created if need be.
      push_id: the same after a restart; a push is never done twice.
      now_s: Unix time, the version's number unless a version as large exists already.
    """
    base.mkdir(parents=True, exist_ok=True)
    with _only_pusher(base):
        for leftover in base.glob(f"{_HIDDEN_PREFIX}*"):
            shutil.rmtree(leftover)
        done = next((version for version in versions(base) if _pushed_by(version) == push_id), None)
        if done is not None:
            return done
        number = max([int(time.time()) if now_s is None else now_s, *(int(path.name) + 1 for path in versions(base))])
        hidden, target = base / f"{_HIDDEN_PREFIX}{number}", base / str(number)
        shutil.copytree(model, hidden)
        receipt = hidden / RECEIPT
        receipt.parent.mkdir(exist_ok=True)
        receipt.write_text(json.dumps({"push_id": push_id, "version": number}), encoding="utf-8")
        _sync_tree(hidden)
        hidden.rename(target)
        _sync(base)
        return target


def versions(base: Path) -> list[Path]:
    """The version folders below `base`, oldest first."""
    found = [path for path in base.iterdir() if path.name.isascii() and path.name.isdigit() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))


def _pushed_by(version: Path) -> str | None:
    """The push that made a version, None if another program put it there."""
    receipt = version / RECEIPT
    return str(json.loads(receipt.read_text(encoding="utf-8"))["push_id"]) if receipt.is_file() else None


@contextlib.contextmanager
def _only_pusher(base: Path) -> Iterator[None]:
    """Waits until no other push to `base` is under way; the lock goes with the process, however it ends."""
    with (base / _LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
