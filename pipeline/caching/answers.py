"""Earlier answers of a node in the ML Metadata store, and whether one may still be taken."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.pusher.publish import versions
from pipeline.cache_policy import NodePolicy
from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import fingerprint
from pipeline.caching.node_parts import FINGERPRINT, PUSHED_FINGERPRINT
from pipeline.storage.published import published_fingerprint, why_not_intact
from pipeline.storage.s3 import Location, folders, is_remote

CACHE_CONTEXT = "execution_cache"
"""TFX's type of the context that ties the executions of one key together."""

CACHE_KEY = "cache_key"
CACHE_PARTS = "cache_parts"
CACHED_FROM = "cached_from"
NOT_REUSABLE = "not_reusable"
MISS_REASONS = "cache_miss"
"""Custom properties of an execution: its key, the parts behind it, whose answer it took, why nobody may take its own,
and why it did not take those that there were (JSON list of phrases)."""

PUSHED_TO = "pushed_destination"


@dataclasses.dataclass(frozen=True)
class Answer:
    """A node's successful execution.

    Attributes:
      execution_id: which.
      ended_ms: when it was ready, milliseconds since 1970.
      outputs: stored artifacts by key, as TFX artifacts.
    """

    execution_id: int
    ended_ms: int
    outputs: Mapping[str, Sequence[Any]]


def find_answers(store: Any, key: str) -> list[Answer]:
    """The executions of that key that were carried out to the end, newest first.

    Those that only took the outputs of one of these are left out: they have nothing that it does not have. So are those
    that failed with that key, and were tried again and carried out with another: stores of earlier versions list them.
    """
    from ml_metadata.proto import metadata_store_pb2

    context = store.get_context_by_type_and_name(CACHE_CONTEXT, key)
    if context is None:
        return []
    complete = metadata_store_pb2.Execution.COMPLETE
    found = [
        execution
        for execution in store.get_executions_by_context(context.id)
        if execution.last_known_state == complete and execution.custom_properties[CACHE_KEY].string_value == key
    ]
    found.sort(key=lambda execution: (execution.last_update_time_since_epoch, execution.id), reverse=True)
    return [Answer(e.id, e.last_update_time_since_epoch, outputs_of(store, e.id)) for e in found]


def outputs_of(store: Any, execution_id: int) -> dict[str, list[Any]]:
    """What an execution wrote, as TFX artifacts by key, in order."""
    from ml_metadata.proto import metadata_store_pb2
    from tfx.types import artifact_utils

    events = [
        event
        for event in store.get_events_by_execution_ids([execution_id])
        if event.type == metadata_store_pb2.Event.OUTPUT
    ]
    artifacts = {artifact.id: artifact for artifact in store.get_artifacts_by_id([e.artifact_id for e in events])}
    types = {t.id: t for t in store.get_artifact_types_by_id(list({a.type_id for a in artifacts.values()}))}
    outputs: dict[str, list[Any]] = {}
    for event in sorted(events, key=_position):
        artifact = artifacts[event.artifact_id]
        found = artifact_utils.deserialize_artifact(types[artifact.type_id], artifact)
        outputs.setdefault(event.path.steps[0].key, []).append(found)
    return outputs


def _position(event: Any) -> tuple[str, int]:
    return event.path.steps[0].key, event.path.steps[1].index


def why_not(answer: Answer, policy: NodePolicy, now_ms: int, index: FileIndex) -> list[str]:
    """Why the answer may not be taken now, one phrase each; empty if it may."""
    if policy.has_expired(answer.ended_ms, now_ms):
        return [f"execution {answer.execution_id} is older than {policy.cache_ttl_hours:g} h (cache_ttl_hours)"]
    return why_unusable(answer, index)


def why_unusable(answer: Answer, index: FileIndex) -> list[str]:
    """Why the answer's outputs cannot be taken, one phrase each; empty if they can."""
    reasons = (why_damaged(artifact, index) for artifacts in answer.outputs.values() for artifact in artifacts)
    return [reason for reason in reasons if reason]


def why_damaged(artifact: Any, index: FileIndex) -> str:
    """Why the artifact is not what was published, "" if it is."""
    from ml_metadata.proto import metadata_store_pb2

    if artifact.mlmd_artifact.state != metadata_store_pb2.Artifact.LIVE:
        return f"{artifact.uri} is marked as not live"
    names = (FINGERPRINT, PUSHED_TO, PUSHED_FINGERPRINT)
    return why_changed(artifact.uri, {name: artifact.get_string_custom_property(name) for name in names}, index)


def why_changed(uri: str, properties: Mapping[str, Any], index: FileIndex) -> str:
    """Why what lies at an artifact's URI, or was pushed from it, is not what its properties say; "" if it is."""
    if reason := _why_changed(uri, str(properties.get(FINGERPRINT) or ""), index):
        return reason
    pushed_to = str(properties.get(PUSHED_TO) or "")
    return _why_not_served(pushed_to, str(properties.get(PUSHED_FINGERPRINT) or ""), index) if pushed_to else ""


def _why_changed(uri: str, recorded: str, index: FileIndex) -> str:
    if not recorded:
        return f"{uri} has no recorded fingerprint"
    if is_remote(uri):
        return why_not_intact(uri, recorded)
    found = fingerprint(Path(uri), index)
    if found is None:
        return f"{uri} was deleted"
    return "" if found == recorded else f"{uri} was changed since it was written"


def _why_not_served(version: str, recorded: str, index: FileIndex) -> str:
    """Why the pushed version has to be pushed again: it is not there as it was, or a newer one is served."""
    if reason := _why_changed(version, recorded, index):
        return reason
    base, _, number = version.rstrip("/").rpartition("/")
    newer = [other for other in _version_numbers(base) if other > int(number)]
    return f"{version} is not served any more: {newer[-1]} is newer" if newer else ""


def _version_numbers(base: str) -> list[int]:
    """The versions below the folder that servers watch, oldest first."""
    if is_remote(base):
        return sorted(int(name) for name in folders(Location.parse(base)) if name.isdecimal())
    return [int(path.name) for path in versions(Path(base))]


def record_fingerprints(artifact: Any, index: FileIndex) -> None:
    """Sets the fingerprints of an artifact (ML Metadata's message) that is about to be published."""
    if found := _fingerprint_at(artifact.uri, index):
        artifact.custom_properties[FINGERPRINT].string_value = found
    pushed_to = artifact.custom_properties[PUSHED_TO].string_value if PUSHED_TO in artifact.custom_properties else ""
    if pushed_to and (found := _fingerprint_at(pushed_to, index)):
        artifact.custom_properties[PUSHED_FINGERPRINT].string_value = found


def _fingerprint_at(uri: str, index: FileIndex) -> str | None:
    return published_fingerprint(uri) if is_remote(uri) else fingerprint(Path(uri), index)
