"""Reads of the lineage store, and the one change to what nodes wrote in it: artifacts whose bytes are removed."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.errors import NotFound
from pipeline.metadata.connection import connection_config, is_there, metadata_path
from pipeline.metadata.conversion import artifact_record, event_records, execution_record, node_id_of
from pipeline.metadata.executions import executions_of_run
from pipeline.metadata.records import ArtifactRecord, EventRecord, Snapshot
from pipeline.metadata.server_check import check_certificate, explained

_CONTEXT_TYPES = ("pipeline", "pipeline_run", "node")


class LineageStore:
    """Reads of the lineage store; opens it on first use."""

    def __init__(self, metadata_uri: str) -> None:
        """Takes the store's URI as `pipeline.launch` does."""
        self._metadata_uri = metadata_uri
        self._opened: Any = None

    @property
    def _store(self) -> Any:
        if self._opened is None:
            self._opened = self._open(writable=False)
        return self._opened

    def _open(self, *, writable: bool) -> Any:
        from ml_metadata.metadata_store import metadata_store

        config = connection_config(self._metadata_uri, writable=writable)
        check_certificate(config)
        try:
            return metadata_store.MetadataStore(config)
        except RuntimeError as error:
            if (path := metadata_path(self._metadata_uri)) is None:
                raise explained(config, error) from error
            cause = str(error).removeprefix("Error when executing query: ").partition(" query:")[0]
            advice = "Restore it, or move it away together with the runs and artifacts beside it."
            raise NotFound(f"{path}: cannot be read as a lineage store ({cause}). {advice}") from error

    @property
    def ml_metadata(self) -> Any:
        """ML Metadata's own store, None where there is none yet; raises NotFound if it cannot be read."""
        return self._store if self._exists else None

    def writable(self) -> Any:
        """ML Metadata's own store for writing, made if there is none; for what this package keeps in it itself."""
        return self._open(writable=True)

    def check(self) -> None:
        """Raises NotFound if the store's file is there and cannot be read."""
        if self._exists:
            self._store.get_context_types()

    @property
    def _exists(self) -> bool:
        if metadata_path(self._metadata_uri) is not None:
            return is_there(self._metadata_uri)
        try:
            return self._store is not None
        except NotFound:
            return False

    def outputs_of_run(self, run_id: str, pipeline_name: str | None = None) -> list[ArtifactRecord]:
        """Artifacts that the run's nodes published (or took from the cache), empty if the run published none.

        Runs of several pipelines in one store may have the same id; without a name, they are one.
        """
        if not self._exists:
            return []
        found = executions_of_run(self._store, run_id, pipeline_name)
        return self._outputs_of({execution.id: self._node_id(execution.id) for execution in found})

    def _node_id(self, execution_id: int) -> str:
        contexts = self._store.get_contexts_by_execution(execution_id)
        return node_id_of([context.name for context in contexts if context.type == "node"])

    def _outputs_of(self, executions: Mapping[int, str]) -> list[ArtifactRecord]:
        events = [event for event in self._events(executions) if event.kind == "output"]
        ids = [event.artifact_id for event in events]
        artifacts = {artifact.id: artifact for artifact in self._store.get_artifacts_by_id(ids)}
        return [
            artifact_record(artifacts[event.artifact_id], executions[event.execution_id], event.key) for event in events
        ]

    def _events(self, execution_ids: Iterable[int]) -> list[EventRecord]:
        found = self._store.get_events_by_execution_ids(list(execution_ids))
        return [record for event in found for record in event_records(event)]

    def snapshot(self) -> Snapshot:
        """Everything in the store: a handful of calls, and one for each run; empty if there is no store yet.

        An artifact's node and key are those of the execution that wrote it first.
        """
        if not self._exists:
            return Snapshot({}, {}, ())
        contexts = self._contexts_by_execution()
        executions = {
            execution.id: execution_record(execution, contexts.get(execution.id, {}))
            for execution in self._store.get_executions()
        }
        events = sorted(self._events(executions), key=lambda event: (event.execution_id, event.artifact_id))
        written = {event.artifact_id: event for event in reversed(events) if event.kind == "output"}
        artifacts = {}
        for artifact in self._store.get_artifacts():
            event = written.get(artifact.id)
            node_id, key = (executions[event.execution_id].node_id, event.key) if event else ("", "")
            artifacts[artifact.id] = artifact_record(artifact, node_id, key)
        return Snapshot(artifacts, executions, tuple(events))

    def _contexts_by_execution(self) -> dict[int, dict[str, list[str]]]:
        """Names of contexts, by execution and type."""
        found: dict[int, dict[str, list[str]]] = {}
        for type_name in _CONTEXT_TYPES:
            for context in self._store.get_contexts_by_type(type_name):
                for execution in self._store.get_executions_by_context(context.id):
                    found.setdefault(execution.id, {}).setdefault(type_name, []).append(context.name)
        return found

    def mark_deleted(self, artifact_ids: Iterable[int]) -> None:
        """Notes that these artifacts' bytes are gone: no cache hit and no resolver takes them any more."""
        from ml_metadata.proto import metadata_store_pb2

        ids = list(artifact_ids)
        if not ids:
            return
        store = self._open(writable=True)
        artifacts = store.get_artifacts_by_id(ids)
        for artifact in artifacts:
            artifact.state = metadata_store_pb2.Artifact.DELETED
        store.put_artifacts(artifacts)
