"""What a run tells while it goes: the same events feed the screen, `--json` lines, the run's journal and the report."""

import dataclasses
import datetime
import re
from collections.abc import Mapping
from typing import Any

from pipeline.run_store import NodeRecord


@dataclasses.dataclass(frozen=True)
class RunStarted:
    """A run begins or goes on; `node_ids` in topological order, `upstream` the nodes that each one waits for."""

    run_id: str
    pipeline_name: str
    node_ids: tuple[str, ...]
    upstream: Mapping[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class NodeWaiting:
    """A node cannot start yet: what it waits for, as a phrase such as `waits for Transform`."""

    node_id: str
    reason: str


@dataclasses.dataclass(frozen=True)
class NodeStarted:
    """A node begins; `attempt` and `position` (in topological order) count from 1."""

    node_id: str
    attempt: int
    position: int
    total: int


@dataclasses.dataclass(frozen=True)
class NodeProgress:
    """How far a running node is.

    Attributes:
      elapsed_s: seconds since it started.
      memory_bytes: resident now, child processes included.
      done: how much is done, in `unit`; None if the node does not say.
      total: how much there is to do, None if that is not known.
      unit: such as `epochs`, `rows` or `elements`.
      metrics: such as the loss.
      message: the node's own words.
    """

    node_id: str
    elapsed_s: float
    memory_bytes: int
    done: float | None = None
    total: float | None = None
    unit: str = ""
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    message: str = ""


@dataclasses.dataclass(frozen=True)
class NodeEnded:
    """A node has ended, in whatever state its record says."""

    record: NodeRecord
    position: int
    total: int


@dataclasses.dataclass(frozen=True)
class RunEnded:
    """The run has ended: COMPLETE, PARTIAL, FAILED or INTERRUPTED."""

    run_id: str
    state: str


Event = RunStarted | NodeWaiting | NodeStarted | NodeProgress | NodeEnded | RunEnded


def event_name(kind: type) -> str:
    """The name of a kind of event in JSON.

    >>> event_name(NodeEnded)
    'node_ended'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def to_json(event: Event, time: datetime.datetime) -> dict[str, Any]:
    """The event as a JSON object: `event` is its name in snake case, `time` ISO 8601; a record's fields lie flat."""
    fields = dataclasses.asdict(event)
    return {
        "event": event_name(type(event)),
        "time": time.isoformat(timespec="milliseconds"),
        **fields.pop("record", {}),
        **fields,
    }
