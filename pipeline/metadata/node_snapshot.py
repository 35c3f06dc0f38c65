"""One node's part of the lineage store: its executions in a run, and what they read and wrote."""

from collections.abc import Iterable
from typing import Any

from pipeline.metadata.conversion import artifact_record, event_records, execution_record
from pipeline.metadata.records import ExecutionRecord, Snapshot


def node_snapshot(store: Any, pipeline_name: str, run_id: str, node_id: str, execution_id: int | None) -> Snapshot:
    """What the node did in the run; empty if the store knows nothing of it.

    Args:
      store: ML Metadata's own.
      pipeline_name: the pipeline; others may have runs of that id.
      run_id: the run.
      node_id: the node.
      execution_id: if it is known; a node that failed is looked for among all of the run.
    """
    if execution_id is not None:
        found = store.get_executions_by_id([execution_id])
    else:
        context = store.get_context_by_type_and_name("pipeline_run", run_id)
        found = [] if context is None else store.get_executions_by_context(context.id)
    executions = {
        record.execution_id: record
        for record in _records(store, found)
        if (record.pipeline_name, record.node_id) == (pipeline_name, node_id) and run_id in record.run_ids
    }
    found = store.get_events_by_execution_ids(list(executions)) if executions else []
    events = [record for event in found for record in event_records(event)]
    made = {event.artifact_id: event for event in events if event.kind == "output"}
    ids = sorted({event.artifact_id for event in events})
    artifacts = {
        artifact.id: artifact_record(artifact, *((node_id, made[artifact.id].key) if artifact.id in made else ("", "")))
        for artifact in (store.get_artifacts_by_id(ids) if ids else ())
    }
    return Snapshot(artifacts, executions, tuple(events))


def _records(store: Any, executions: Iterable[Any]) -> list[ExecutionRecord]:
    records = []
    for execution in executions:
        contexts: dict[str, list[str]] = {}
        for context in store.get_contexts_by_execution(execution.id):
            contexts.setdefault(context.type, []).append(context.name)
        records.append(execution_record(execution, contexts))
    return records
