"""Whether the code that a process has loaded is what the files say now.

A process forked from a warm one has modules that were imported minutes ago. If a file was edited since, its digest
speaks of other code than what ran; such an execution's answer must not be taken later.
"""

import functools
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

LOADED_AFTER_NS = time.time_ns()
"""When this module was imported: before any other local module that a node could run (see `runners/preload.py`)."""


class LoadedCode:
    """What was loaded when a node began; nanoseconds since 1970."""

    def __init__(self, began_ns: int | None = None, loaded: Iterable[str] | None = None) -> None:
        """Notes the moment, and which files are loaded by now."""
        self._began_ns = time.time_ns() if began_ns is None else began_ns
        self._loaded = _loaded_files() if loaded is None else set(loaded)

    def edited(self, files: Iterable[Path]) -> list[Path]:
        """Those files that were changed after this process loaded them, or may have been."""
        return [path for path in files if _changed_ns(path) >= self._loaded_ns(path)]

    def _loaded_ns(self, path: Path) -> int:
        return LOADED_AFTER_NS if str(path) in self._loaded else self._began_ns


def _loaded_files() -> set[str]:
    """Where the files of all modules are, through links; of thousands of files, each folder is looked at once."""
    real, found = functools.cache(os.path.realpath), set()
    for module in list(sys.modules.values()):
        if file := getattr(module, "__file__", None):
            folder, name = os.path.split(file)
            path = os.path.join(real(folder), name)
            found.add(os.path.realpath(path) if os.path.islink(path) else path)
    return found


def _changed_ns(path: Path) -> int:
    """When the file's bytes or place last changed; a copied modification time does not hide it. Gone: just now."""
    try:
        return path.stat().st_ctime_ns
    except FileNotFoundError:
        return time.time_ns()
