"""How what a run on a platform left is reached from this machine."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pipeline.metadata import ArtifactRecord, Snapshot


class Lineage(Protocol):
    """What is asked of lineage, wherever it is kept."""

    def outputs_of_run(self, run_id: str, pipeline_name: str | None = None) -> list[ArtifactRecord]:
        """Artifacts that the run's nodes published or took from the cache."""

    def snapshot(self) -> Snapshot:
        """Everything that is known."""


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A run on a platform, and its way here.

    Attributes:
      runner: the word after `--runner`.
      root: `s3://…`, below which the records of approvals and of the registry are.
      lineage: what is known of its artifacts.
      is_there: says whether something whole was pushed to a place and is there now.
      registries: gives the records of the registries there.
      bring: gives a folder of this machine with an artifact's files; raises NotFound, saying why there is none.
    """

    runner: str
    root: str
    lineage: Lineage
    is_there: Callable[[str], bool]
    registries: Callable[[], list[str]]
    bring: Callable[[str], Path]
