"""Where a machine keeps its copies of what is on S3, and the way back from a path to its URI. Pure but for `make`."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.storage.errors import StorageError
from pipeline.storage.s3 import SCHEME, Location

CHECKPOINTS = "PENSTOCK_CHECKPOINTS"
"""Environment variable: the folder that outlives the machine (in a training job, the one that the platform keeps on
S3 while the job runs and brings back after an interruption)."""

CONTINUED_OUTPUTS = frozenset({"model_run"})
"""Outputs that a node goes on from when it is started again: the Trainer's checkpoints."""


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A mirror of S3 on this machine: `s3://BUCKET/KEY` is at `SCRATCH/s3/BUCKET/KEY`.

    That every place has one path, and every path below the mirror one place, is what lets paths be turned back into
    URIs wherever an executor may have put them.

    Attributes:
      scratch: absolute, without symbolic links; who makes it removes it.
      checkpoints: the same for outputs that a node goes on from; None = with the others.
      run_id: keeps the checkpoints of runs apart.
      node_id: for messages.
    """

    scratch: Path
    run_id: str
    node_id: str
    checkpoints: Path | None = None

    @classmethod
    def make(cls, scratch: Path, run_id: str, node_id: str, environment: Mapping[str, str] = os.environ) -> "Workspace":
        """A workspace in these folders, which are made."""
        folders = [scratch, *([Path(environment[CHECKPOINTS])] if environment.get(CHECKPOINTS) else [])]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        resolved = [folder.resolve() for folder in folders]
        return cls(resolved[0], run_id, node_id, resolved[1] if len(resolved) > 1 else None)

    def local(self, uri: str) -> Path:
        """Where this machine's copy is."""
        return _below(self.scratch / "s3", uri)

    def local_output(self, key: str, uri: str) -> Path:
        """Where the executor writes the output of that key."""
        if key in CONTINUED_OUTPUTS and self.checkpoints is not None:
            return _below(self.checkpoints / self.run_id, uri)
        return self.local(uri)

    def restored(self, text: str) -> str:
        """The text with every path of the mirror replaced by its URI."""
        for root in self._roots():
            text = text.replace(f"{root}/", SCHEME)
        return text

    def leak(self, content: bytes) -> str:
        """The folder of this machine that the bytes name, "" if they name none."""
        named = [root for root in (self.scratch, self.checkpoints) if root is not None and bytes(root) in content]
        return str(named[0]) if named else ""

    def _roots(self) -> list[Path]:
        return [self.scratch / "s3", *([self.checkpoints / self.run_id] if self.checkpoints else [])]


def _below(root: Path, uri: str) -> Path:
    place = Location.parse(uri)
    parts = [place.bucket, *(place.key.split("/") if place.key else [])]
    if any(part in ("", ".", "..") for part in parts):
        raise StorageError(f"{uri}: a place with '.', '..' or nothing between slashes cannot be mirrored on a disk.")
    return root.joinpath(*parts)
