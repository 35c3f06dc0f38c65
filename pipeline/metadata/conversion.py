"""ML Metadata's messages as our records."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from pipeline.metadata.records import ArtifactRecord, EventKind, EventRecord, ExecutionRecord


def artifact_record(artifact: Any, node_id: str, key: str) -> ArtifactRecord:
    """The record of an artifact that this node wrote to this key."""
    from ml_metadata.proto import metadata_store_pb2

    return ArtifactRecord(
        artifact_id=artifact.id,
        type_name=artifact.type,
        uri=artifact.uri,
        node_id=node_id,
        key=key,
        properties=_properties(artifact),
        state=metadata_store_pb2.Artifact.State.Name(artifact.state),
        created_ms=artifact.create_time_since_epoch,
    )


def execution_record(execution: Any, contexts: Mapping[str, list[str]]) -> ExecutionRecord:
    """The record of an execution.

    Args:
      execution: the message.
      contexts: names of its contexts by type (`node`, `pipeline`, `pipeline_run`).
    """
    from ml_metadata.proto import metadata_store_pb2

    pipeline_name = next(iter(contexts.get("pipeline", [])), "")
    return ExecutionRecord(
        execution_id=execution.id,
        type_name=execution.type,
        node_id=node_id_of(contexts.get("node", [])),
        pipeline_name=pipeline_name,
        run_ids=tuple(contexts.get("pipeline_run", [])),
        state=metadata_store_pb2.Execution.State.Name(execution.last_known_state),
        started_ms=execution.create_time_since_epoch,
        ended_ms=execution.last_update_time_since_epoch,
        properties=_properties(execution),
    )


def node_id_of(names: list[str]) -> str:
    """The node in the names of `node` contexts, which are `pipeline.node`; empty without one."""
    return names[0].split(".", 1)[1] if names else ""


def event_records(event: Any) -> list[EventRecord]:
    """A record for each key of an event, none if it connects nothing that was read or published.

    What a node reads under several keys, a model that is its own baseline, is one event, which has them in any order.
    """
    kind = _event_kinds().get(event.type)
    if kind is None:
        return []
    keys = sorted({step.key for step in event.path.steps if step.HasField("key")})
    return [EventRecord(event.execution_id, event.artifact_id, key, kind) for key in keys or [""]]


@functools.cache
def _event_kinds() -> Mapping[int, EventKind]:
    from ml_metadata.proto import metadata_store_pb2

    types = metadata_store_pb2.Event
    return {
        types.INPUT: "input",
        types.DECLARED_INPUT: "input",
        types.INTERNAL_INPUT: "input",
        types.OUTPUT: "output",
        types.DECLARED_OUTPUT: "output",
        types.INTERNAL_OUTPUT: "resolved",
    }


def _properties(message: Any) -> dict[str, str | int | float]:
    values = [*message.properties.items(), *message.custom_properties.items()]
    found = {name: _plain(value) for name, value in values if value.WhichOneof("value")}
    return dict(sorted(found.items()))  # a message keeps no order


def _plain(value: Any) -> str | int | float:
    """The value; a structure as JSON text (TFX keeps JSON text of its own in a field called `__value__`)."""
    kind = value.WhichOneof("value")
    found: str | int | float
    if kind == "struct_value":
        from google.protobuf import json_format

        plain = json_format.MessageToDict(value.struct_value)
        found = str(plain["__value__"]) if set(plain) == {"__value__"} else json.dumps(plain, sort_keys=True)
    elif kind == "proto_value":
        found = f"{value.proto_value.type_url} ({len(value.proto_value.value)} bytes)"
    else:
        found = getattr(value, kind)
    return found
