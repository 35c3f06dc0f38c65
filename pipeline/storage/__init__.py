"""Artifacts on S3: places, transfers, TFX's file operations, and executors that see local copies only.

boto3, pyarrow and TFX are imported when they are first needed, so that whoever only asks `is_remote` pays nothing.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from pipeline.storage.s3 import is_remote, read_text, write_text

__all__ = ["Sharing", "executor_operators", "is_remote", "read_text", "register", "run_and_discard", "write_text"]


class Sharing(Protocol):
    """Other machines that run an executor together with this one.

    announce → inputs are brought here (and there) → training: the executor → outputs are uploaded
    """

    def announce(self, execution: bytes) -> None:
        """Tells them what to run: TFX's ExecutionInvocation, with places that they can read."""

    def training(self) -> AbstractContextManager[None]:
        """Around the executor on this machine."""


def register() -> None:
    """Has TFX's `fileio` understand `s3://`; done where a program starts, never by an import."""
    from pipeline.storage import fileio_plugin

    fileio_plugin.register()


def executor_operators(scratch: Path, sharing: Sharing | None = None) -> dict[Any, Any]:
    """The `custom_executor_operators` of TFX's Launcher, see `pipeline.storage.localize`."""
    from pipeline.storage import localize

    return localize.executor_operators(scratch, sharing)


def run_and_discard(spec: Any, info: Any, scratch: Path) -> None:
    """Runs an executor for its effects on other machines only, see `pipeline.storage.share`."""
    from pipeline.storage import share

    share.run_and_discard(spec, info, scratch)
