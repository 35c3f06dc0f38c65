"""Our own small interface to lineage: what ran, what it read and wrote. The store behind it is ML Metadata.

Everything that reads lineage goes through here, so that the store can be replaced.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, NotFound

_SQLITE = "sqlite:///"


@dataclasses.dataclass(frozen=True)
class ArtifactRecord:
    """One stored artifact.

    Attributes:
      type_name: TFX's artifact type, such as `Examples` or `Model`.
      node_id: the node that wrote it.
      key: the output it was written to, such as `examples`.
      properties: TFX's and the component's properties together.
    """

    artifact_id: int
    type_name: str
    uri: str
    node_id: str
    key: str
    properties: Mapping[str, str | int | float]


class LineageStore:
    """Reads of the lineage store; opens it on first use."""

    def __init__(self, metadata_uri: str) -> None:
        """Takes the store's URI as `pipeline.launch` does."""
        self._metadata_uri = metadata_uri
        self._opened: Any = None

    @property
    def _store(self) -> Any:
        if self._opened is None:
            from ml_metadata.metadata_store import metadata_store

            try:
                self._opened = metadata_store.MetadataStore(connection_config(self._metadata_uri, writable=False))
            except RuntimeError as error:
                path = self._metadata_uri.removeprefix(_SQLITE)
                cause = str(error).removeprefix("Error when executing query: ").partition(" query:")[0]
                advice = "Restore it, or move it away together with the runs and artifacts beside it."
                raise NotFound(f"{path}: cannot be read as a lineage store ({cause}). {advice}") from error
        return self._opened

    @property
    def ml_metadata(self) -> Any:
        """ML Metadata's own store, None where there is none yet; raises NotFound if it cannot be read."""
        return self._store if self._exists else None

    def check(self) -> None:
        """Raises NotFound if the store's file is there and cannot be read."""
        if self._exists:
            self._store.get_context_types()

    @property
    def _exists(self) -> bool:
        return metadata_path(self._metadata_uri).exists()

    def outputs_of_run(self, run_id: str) -> list[ArtifactRecord]:
        """Artifacts that the run's nodes published (or took from the cache), empty if the run published none."""
        if not self._exists:
            return []
        context = self._store.get_context_by_type_and_name("pipeline_run", run_id)
        if context is None:
            return []
        executions = {
            execution.id: _node_id(execution, self._store)
            for execution in self._store.get_executions_by_context(context.id)
        }
        return self._outputs_of(executions)

    def _outputs_of(self, executions: Mapping[int, str]) -> list[ArtifactRecord]:
        from ml_metadata.proto import metadata_store_pb2

        output = metadata_store_pb2.Event.OUTPUT
        events = [event for event in self._store.get_events_by_execution_ids(list(executions)) if event.type == output]
        artifacts = {
            artifact.id: artifact
            for artifact in self._store.get_artifacts_by_id([event.artifact_id for event in events])
        }
        return [
            _artifact_record(artifacts[event.artifact_id], executions[event.execution_id], _key(event))
            for event in events
        ]


def single(artifacts: list[ArtifactRecord], key: str, node_id: str | None = None) -> ArtifactRecord | None:
    """The newest artifact of that output key (and node), None if there is none."""
    found = [a for a in artifacts if a.key == key and node_id in (None, a.node_id)]
    return max(found, key=lambda artifact: artifact.artifact_id, default=None)


def _node_id(execution: Any, store: Any) -> str:
    contexts = store.get_contexts_by_execution(execution.id)
    names = [context.name for context in contexts if context.type == "node"]
    return names[0].split(".", 1)[1] if names else ""


def _key(event: Any) -> str:
    return next((step.key for step in event.path.steps if step.HasField("key")), "")


def _artifact_record(artifact: Any, node_id: str, key: str) -> ArtifactRecord:
    values = [*artifact.properties.items(), *artifact.custom_properties.items()]
    return ArtifactRecord(
        artifact_id=artifact.id,
        type_name=artifact.type,
        uri=artifact.uri,
        node_id=node_id,
        key=key,
        properties={
            name: getattr(value, value.WhichOneof("value")) for name, value in values if value.WhichOneof("value")
        },
    )


def connection_config(metadata_uri: str, *, writable: bool) -> Any:
    """The ML Metadata connection of a store's URI; a writable one makes the store if it is not there.

    Raises:
      ConfigError: on any scheme but sqlite.
    """
    from ml_metadata.proto import metadata_store_pb2

    if problem := metadata_problem(metadata_uri):
        raise ConfigError([problem])
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = metadata_uri.removeprefix(_SQLITE)
    modes = metadata_store_pb2.SqliteMetadataSourceConfig
    config.sqlite.connection_mode = modes.READWRITE_OPENCREATE if writable else modes.READONLY
    return config


def metadata_problem(metadata_uri: str) -> str | None:
    """What is wrong with the URI; its path is taken as it stands, whatever `#`, `?` or `%` it holds."""
    if metadata_uri.startswith(f"{_SQLITE}/"):
        return None
    return f"--metadata {metadata_uri}: expected sqlite:////absolute/path."


def metadata_path(metadata_uri: str) -> Path:
    """The file of the store."""
    return Path(metadata_uri.removeprefix(_SQLITE))
