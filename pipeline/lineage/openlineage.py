"""A story as OpenLineage events (https://openlineage.io/spec/2-0-2): one START and one end for each run and execution.

A pipeline run is an OpenLineage run of the job named like the pipeline; an execution is a run of the job
`<pipeline>.<node>` with that as its parent. Artifacts and data files are datasets, named by their place, their version
being the fingerprint of their bytes.
"""

import datetime
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.errors import NotFound
from pipeline.lineage import facets, origin
from pipeline.lineage.facets import Facet
from pipeline.lineage.graph import Closure, LineageGraph
from pipeline.metadata import ArtifactRecord, ExecutionRecord
from pipeline.run_store import RunRecord, RunStore

NAMESPACE = "penstock"
_SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_ENDS = {"COMPLETE": "COMPLETE", "CACHED": "COMPLETE", "PARTIAL": "COMPLETE", "FAILED": "FAIL"}
"""Our states by OpenLineage's; a run that still goes has no end, and any other was broken off (ABORT)."""

Event = Mapping[str, Any]


def events_of(closure: Closure, graph: LineageGraph, store: RunStore) -> list[Event]:
    """The events of these executions and of the runs they belong to, by time."""
    executions = [graph.snapshot.executions[number] for number in sorted(closure.executions)]
    runs = {run_id: _record(store, run_id) for execution in executions for run_id in execution.run_ids}
    events = [event for record in runs.values() if record for event in _run_events(record, store)]
    for execution in executions:
        record = next((runs[run_id] for run_id in execution.run_ids if runs[run_id]), None)
        events += _execution_events(execution, record, graph, store)
    return sorted(events, key=lambda event: str(event["eventTime"]))


def lines_of(events: Sequence[Event]) -> Iterator[str]:
    """Each event as one line of JSON, as OpenLineage's file transport writes them."""
    return (json.dumps(event, sort_keys=True) for event in events)


def run_uuid(pipeline_name: str, run_id: str, execution_id: int | None = None) -> str:
    """OpenLineage's id of a run or execution: the same whenever it is asked for."""
    name = f"penstock:{pipeline_name}:{run_id}:{'' if execution_id is None else execution_id}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _run_events(record: RunRecord, store: RunStore) -> Iterator[Event]:
    """Start and end of a pipeline run."""
    found = origin.provenance_of(store, record.run_id)
    run_facets = {
        "nominalTime": facets.nominal_time(_utc(record.started_at)),
        **facets.of_provenance(found),
    }
    if found is not None and found.git_dirty is not None:
        run_facets["tags"] = facets.tags({"git_dirty": str(found.git_dirty).lower()})
    failures = [f"{node.node_id}: {node.failure}" for node in record.nodes if node.state == "FAILED" and node.failure]
    if failures:
        run_facets["errorMessage"] = facets.error_message("\n".join(failures))
    run = {"runId": run_uuid(record.pipeline_name, record.run_id), "facets": run_facets}
    job = {
        "namespace": NAMESPACE,
        "name": record.pipeline_name,
        "facets": {"jobType": facets.job_type("PIPELINE"), **facets.source_code(found, "pipeline/definition.py")},
    }
    yield _event("START", _utc(record.started_at), run, job)
    if record.state != "RUNNING":
        yield _event(_ENDS.get(record.state, "ABORT"), _utc(record.ended_at or record.started_at), run, job)


def _execution_events(
    execution: ExecutionRecord, record: RunRecord | None, graph: LineageGraph, store: RunStore
) -> Iterator[Event]:
    """Start and end of one node's execution, with what it read and wrote."""
    run_id = next(iter(execution.run_ids), "")
    found = origin.provenance_of(store, run_id) if run_id else None
    run = {
        "runId": run_uuid(execution.pipeline_name, run_id, execution.execution_id),
        "facets": _execution_facets(execution, run_id, record) | facets.of_provenance(found),
    }
    job = {
        "namespace": NAMESPACE,
        "name": f"{execution.pipeline_name}.{execution.node_id}",
        "facets": {"jobType": facets.job_type("NODE"), **facets.source_code(found, _source_path(execution))},
    }
    inputs, outputs = _inputs(execution, graph), _outputs(execution, graph)
    yield _event("START", _time(execution.started_ms), run, job, inputs, outputs)
    if execution.state not in ("RUNNING", "NEW"):
        end = _ENDS.get(execution.state, "ABORT")
        yield _event(end, _time(execution.ended_ms), run, job, inputs, outputs)


def _execution_facets(execution: ExecutionRecord, run_id: str, record: RunRecord | None) -> dict[str, Facet]:
    found = {
        "parent": facets.parent(run_uuid(execution.pipeline_name, run_id), NAMESPACE, execution.pipeline_name),
        "executionParameters": facets.execution_parameters(_parameters(execution)),
        "tags": facets.tags({"cache": "hit" if execution.state == "CACHED" else "miss"}),
    }
    node = record.node(execution.node_id) if record else None
    if node is not None and node.failure and execution.state == "FAILED":
        found["errorMessage"] = facets.error_message(node.failure)
    return found


def _parameters(execution: ExecutionRecord) -> dict[str, str]:
    """The execution's own properties, what our cache noted of it aside."""
    return {
        name: str(value)
        for name, value in execution.properties.items()
        if not name.startswith(("cache_", "__")) and name not in ("input_fingerprint",)
    }


def _source_path(execution: ExecutionRecord) -> str | None:
    """The folder in the project that holds the component, None for one of TFX's."""
    package, _, rest = execution.type_name.partition(".")
    return f"{package}/{rest.split('.')[0]}" if package in ("components", "pipeline", "models") and rest else None


def _inputs(execution: ExecutionRecord, graph: LineageGraph) -> list[dict[str, Any]]:
    ids = dict.fromkeys(event.artifact_id for event in graph.inputs_of(execution.execution_id))
    read = [graph.snapshot.artifacts[artifact_id] for artifact_id in ids]
    files = [
        {"namespace": "file", "name": file.path, "facets": facets.of_place(file.path, file.digest), "inputFacets": {}}
        for file in origin.source_files(execution)
    ]
    return files + [{**_dataset(artifact), "inputFacets": {}} for artifact in read]


def _outputs(execution: ExecutionRecord, graph: LineageGraph) -> list[dict[str, Any]]:
    written = [graph.snapshot.artifacts[event.artifact_id] for event in graph.outputs_of(execution.execution_id)]
    return [
        {**_dataset(artifact), "outputFacets": facets.output_statistics(artifact.properties.get("rows_out"))}
        for artifact in written
    ] + [
        {"namespace": "file", "name": place, "facets": facets.of_place(place, None), "outputFacets": {}}
        for artifact in written
        if (place := str(artifact.properties.get("pushed_destination") or ""))
    ]


def _dataset(artifact: ArtifactRecord) -> dict[str, Any]:
    columns = origin.json_object(artifact.properties.get("column_types"))
    return {
        "namespace": "file",
        "name": artifact.uri,
        "facets": {**facets.of_place(artifact.uri, artifact.fingerprint), **facets.schema(columns)},
    }


def _event(
    event_type: str,
    time: str,
    run: Mapping[str, Any],
    job: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Any]] = (),
    outputs: Sequence[Mapping[str, Any]] = (),
) -> Event:
    return {
        "eventType": event_type,
        "eventTime": time,
        "producer": facets.PRODUCER,
        "schemaURL": _SCHEMA_URL,
        "run": run,
        "job": job,
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def _record(store: RunStore, run_id: str) -> RunRecord | None:
    try:
        return store.read(run_id)
    except NotFound:
        return None


def _time(milliseconds: int) -> str:
    """ISO 8601 in UTC."""
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC).isoformat(timespec="milliseconds")


def _utc(iso: str) -> str:
    """The same moment in one form, so that events sort by their text."""
    return datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC).isoformat(timespec="milliseconds")
