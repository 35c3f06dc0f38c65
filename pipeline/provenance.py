"""Where a run comes from: the code's commit, the lock and the machine, written into its folder when it starts."""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import psutil

PROJECT_ROOT = Path(__file__).resolve().parent.parent

NOTED_DISTRIBUTIONS = (
    "tfx",
    "tensorflow",
    "keras",
    "apache-beam",
    "tensorflow-transform",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "ml-metadata",
    "tfx-bsl",
    "pyarrow",
    "numpy",
    "protobuf",
)
"""Distributions whose version decides what nodes make; the lock's digest stands for all of them."""

_GIT_TIMEOUT_S = 5


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The code and environment of a run.

    Attributes:
      git_commit: the checkout's commit, None outside a git checkout.
      git_dirty: True if tracked files of the checkout differ from that commit, None outside.
      lock_digest: SHA-256 of requirements.lock, None if it is not beside the code.
      packages: version by distribution name.
      cpu_count: processors that this process may use.
      memory_bytes: of the machine.
    """

    git_commit: str | None
    git_dirty: bool | None
    lock_digest: str | None
    python: str
    platform: str
    packages: dict[str, str]
    cpu_count: int
    memory_bytes: int

    def to_json(self) -> str:
        """It as a JSON document."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The provenance in a file that holds `to_json`."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**data)


def collect(root: Path = PROJECT_ROOT) -> Provenance:
    """The provenance of a run started from this checkout now; a fraction of a second, nothing heavy is imported."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = None if commit is None else _git(root, "status", "--porcelain", "--untracked-files=no")
    return Provenance(
        git_commit=commit,
        git_dirty=None if changes is None else bool(changes),
        lock_digest=lock_digest(root),
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: version for name in NOTED_DISTRIBUTIONS if (version := _version(name))},
        cpu_count=processor_count(),
        memory_bytes=psutil.virtual_memory().total,
    )


def processor_count() -> int:
    """Processors that this process may use; of the machine, where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lock_digest(root: Path = PROJECT_ROOT) -> str | None:
    """SHA-256 of requirements.lock as hexadecimal digits, None if there is none."""
    path = root / "requirements.lock"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers, None if this is no checkout or there is no git."""
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
