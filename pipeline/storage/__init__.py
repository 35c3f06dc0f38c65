"""Artifacts on S3: places, transfers, TFX's file operations, and executors that see local copies only.

boto3, pyarrow and TFX are imported when they are first needed, so that whoever only asks `is_remote` pays nothing.
"""

from pathlib import Path
from typing import Any

from pipeline.storage.s3 import is_remote, read_text, write_text

__all__ = ["executor_operators", "is_remote", "read_text", "register", "write_text"]


def register() -> None:
    """Has TFX's `fileio` understand `s3://`; done where a program starts, never by an import."""
    from pipeline.storage import fileio_plugin

    fileio_plugin.register()


def executor_operators(scratch: Path) -> dict[Any, Any]:
    """The `custom_executor_operators` of TFX's Launcher, see `pipeline.storage.localize`."""
    from pipeline.storage import localize

    return localize.executor_operators(scratch)
