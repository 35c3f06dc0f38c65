"""What the lineage store holds, as plain values: artifacts, executions, and the events that connect them."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

EventKind = Literal["input", "output", "resolved"]
"""What an execution did with an artifact: read it, wrote it (or took it from the cache), or chose it (resolvers)."""


@dataclasses.dataclass(frozen=True)
class ArtifactRecord:
    """One stored artifact.

    Attributes:
      type_name: TFX's artifact type, such as `Examples` or `Model`.
      node_id: the node that wrote it.
      key: the output it was written to, such as `examples`.
      properties: TFX's and the component's properties together; structures as JSON text.
      state: ML Metadata's: LIVE once published, PENDING before, DELETED after `penstock gc`.
      created_ms: milliseconds since 1970.
    """

    artifact_id: int
    type_name: str
    uri: str
    node_id: str
    key: str
    properties: Mapping[str, str | int | float]
    state: str = "LIVE"
    created_ms: int = 0

    @property
    def fingerprint(self) -> str | None:
        """What the artifact's bytes were when it was published, None if nobody noted it."""
        found = self.properties.get("fingerprint")
        return None if found is None else str(found)

    @property
    def is_live(self) -> bool:
        """True if it was published and not removed."""
        return self.state == "LIVE"


@dataclasses.dataclass(frozen=True)
class ExecutionRecord:
    """One execution of a node.

    Attributes:
      type_name: the component's class path.
      run_ids: the runs it belongs to.
      state: ML Metadata's: COMPLETE, CACHED, FAILED, CANCELED, RUNNING, NEW.
      started_ms: milliseconds since 1970.
      ended_ms: the last change of its record.
      properties: the node's execution properties, as TFX stores them.
    """

    execution_id: int
    type_name: str
    node_id: str
    pipeline_name: str
    run_ids: tuple[str, ...]
    state: str
    started_ms: int
    ended_ms: int
    properties: Mapping[str, str | int | float]

    @property
    def is_finished(self) -> bool:
        """True if its outputs are published."""
        return self.state in ("COMPLETE", "CACHED")


@dataclasses.dataclass(frozen=True)
class EventRecord:
    """An execution read, wrote or chose an artifact under this key."""

    execution_id: int
    artifact_id: int
    key: str
    kind: EventKind


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """Everything that the store held at one moment, by id."""

    artifacts: Mapping[int, ArtifactRecord]
    executions: Mapping[int, ExecutionRecord]
    events: tuple[EventRecord, ...]


def single(artifacts: list[ArtifactRecord], key: str, node_id: str | None = None) -> ArtifactRecord | None:
    """The newest artifact of that output key (and node), None if there is none."""
    found = [a for a in artifacts if a.key == key and node_id in (None, a.node_id)]
    return max(found, key=lambda artifact: artifact.artifact_id, default=None)
