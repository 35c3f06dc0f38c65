"""Where runs on a platform keep everything, as it is reached from this machine.

A root `s3://…` is reached with the credentials that are here; a folder on a volume, where that volume is mounted at the
same path.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.config import Config
from pipeline.errors import ConfigError, NotFound
from pipeline.places import is_on_s3
from pipeline.runners.registry import capabilities_of, metadata_for, placed_for, region_for, why_unreached
from pipeline.storage.errors import StorageError

_Answer = TypeVar("_Answer")

KEPT = "platforms"
"""Where copies of what runs on platforms left are kept, below the root of runs on this machine."""


@dataclasses.dataclass(frozen=True)
class PlatformRoot:
    """The root of the runs on one platform.

    Attributes:
      runner: the word after `--runner`.
      config: the configuration with everything below that root.
      metadata: the lineage store that the runs write to, as the configuration names it.
      kept: a folder of this machine for copies, which can be deleted at any time.
    """

    runner: str
    config: Config
    metadata: str
    kept: Path

    @property
    def place(self) -> str:
        """`s3://…`, or a folder."""
        return self.config.pipeline.root

    @property
    def is_on_s3(self) -> bool:
        """False if it is a folder on a volume."""
        return is_on_s3(self.place)

    def below(self, *names: str) -> str:
        """The place of something below it."""
        return self.config.place(*names)


def platform_root(runner: str, config: Config) -> PlatformRoot:
    """The root of the runs of a runner, whether it can be reached from here or not.

    Raises:
      ConfigError: there is no such runner, or no section for it.
    """
    return PlatformRoot(runner, placed_for(runner, config), metadata_for(runner, config), config.root / KEPT)


def reached_root(runner: str | None, config: Config) -> PlatformRoot | None:
    """The root of a platform's runs, to be read and written from here; None if runs on this machine are meant.

    Clients that only know the environment then find the platform's region there.

    Raises:
      ConfigError: there is no such runner, no section for it, or its root is on a volume that is not mounted here.
    """
    if runner is None or capabilities_of(runner).runs_here:
        return None
    root = platform_root(runner, config)
    if problem := why_unreached(runner, config):
        raise ConfigError([problem])
    use_region(runner, config)
    return root


def use_region(runner: str, config: Config) -> None:
    """Has clients that only know the environment find the platform's region there, unless it names one."""
    if region := region_for(runner, config):
        os.environ.setdefault("AWS_REGION", region)


def told(ask: Callable[[], _Answer]) -> _Answer:
    """The answer from a root; what it does not answer is raised as the command line's own error."""
    try:
        return ask()
    except StorageError as error:
        raise NotFound(str(error)) from error
