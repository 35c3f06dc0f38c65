"""What one start of the launcher is asked to do."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from pipeline.cache_policy import CachePolicy
from pipeline.caching.fingerprints import INDEX_NAME
from pipeline.metadata import metadata_path


@dataclasses.dataclass(frozen=True)
class LaunchRequest:
    """Which nodes of which pipeline to run.

    Attributes:
      ir_path: the compiled pipeline: a file, `s3://…` or `packed:…`.
      node_ids: nodes to run one after the other.
      run_id: the run that the executions belong to.
      metadata_uri: the ML Metadata store (pipeline/metadata/connection.py says which there are).
      parameters: values of runtime parameters.
      progress_path: gets what the node says of its progress, one JSON object a line; None for nowhere.
      caching: when nodes may take earlier answers, where the pipeline's own `enable_cache` lets them.
      scratch: a folder on this machine for what needs not outlive it; None: there is none, and none is needed as long
        as the store and every artifact are files of this machine.
      root: below which what became of each node is noted down; None: below that of the compiled pipeline if it is on
        S3, else nowhere.
    """

    ir_path: str
    node_ids: tuple[str, ...]
    run_id: str
    metadata_uri: str
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    progress_path: str | None = None
    caching: CachePolicy = dataclasses.field(default_factory=CachePolicy)
    scratch: Path | None = None
    root: str | None = None

    @property
    def index_path(self) -> Path | None:
        """The memory of files' fingerprints: beside the store, or in the scratch folder if that is a server."""
        if (store := metadata_path(self.metadata_uri)) is not None:
            return store.with_name(INDEX_NAME)
        return None if self.scratch is None else self.scratch / INDEX_NAME
