"""Where a run stands, put together from its events; plain data, whoever shows it."""

import dataclasses
from collections.abc import Mapping

from pipeline.runners.events import Event, NodeEnded, NodeProgress, NodeStarted, NodeWaiting, RunEnded, RunStarted


@dataclasses.dataclass(frozen=True)
class NodeView:
    """Where a node stands.

    Attributes:
      state: WAITING, RUNNING, or how it ended (see `run_store.NodeRecord`); NOT_ASKED before anything was said of it:
        it was done before, or is left out of this start of the run.
      reason: what it waits for, or why it failed or did not run.
      started: by the viewer's clock, None before.
      memory_bytes: resident now.
      wall_s: from start to end; 0 until it has ended.
      metrics: numbers by name; NaN where one is not finite.
    """

    node_id: str
    state: str = "NOT_ASKED"
    attempt: int = 0
    reason: str = ""
    started: float | None = None
    memory_bytes: int = 0
    peak_memory_bytes: int = 0
    done: float | None = None
    total: float | None = None
    unit: str = ""
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    message: str = ""
    wall_s: float = 0.0

    @property
    def has_ended(self) -> bool:
        """True once its outcome is known."""
        return self.state not in ("NOT_ASKED", "WAITING", "RUNNING")

    @property
    def fraction(self) -> float | None:
        """How much is done, 0 to 1; None if the total is not known."""
        if self.done is None or not self.total:
            return None
        return min(1.0, max(0.0, self.done / self.total))


class RunView:
    """Takes events in; what it knows so far is in its attributes.

    Attributes:
      run_id: empty before the run has started.
      state: RUNNING, or how the run ended.
      nodes: all nodes in topological order.
    """

    def __init__(self) -> None:
        self.run_id = self.pipeline_name = self.state = ""
        self.started: float | None = None
        self.nodes: dict[str, NodeView] = {}

    def take(self, event: Event, now: float) -> None:
        """Notes what happened; `now` in seconds, by any clock that only goes forward."""
        if isinstance(event, RunStarted):
            self.run_id, self.pipeline_name, self.state, self.started = (
                event.run_id,
                event.pipeline_name,
                "RUNNING",
                now,
            )
            self.nodes = {node_id: NodeView(node_id) for node_id in event.node_ids}
        elif isinstance(event, RunEnded):
            self.state = event.state
        elif isinstance(event, NodeEnded):
            self._end(event)
        else:
            self._note(event, now)

    def _note(self, event: NodeWaiting | NodeStarted | NodeProgress, now: float) -> None:
        node = self.nodes.get(event.node_id, NodeView(event.node_id))
        if isinstance(event, NodeWaiting):
            node = dataclasses.replace(node, state="WAITING", reason=event.reason)
        elif isinstance(event, NodeStarted):
            node = NodeView(event.node_id, "RUNNING", event.attempt, started=now)
        elif not node.has_ended:
            node = dataclasses.replace(
                node,
                state="RUNNING",
                started=now - event.elapsed_s if node.started is None else node.started,
                memory_bytes=event.memory_bytes,
                peak_memory_bytes=max(node.peak_memory_bytes, event.memory_bytes),
                done=event.done,
                total=event.total,
                unit=event.unit,
                metrics=event.metrics,
                message=event.message,
            )
        self.nodes[event.node_id] = node

    def _end(self, event: NodeEnded) -> None:
        record = event.record
        self.nodes[record.node_id] = dataclasses.replace(
            self.nodes.get(record.node_id, NodeView(record.node_id)),
            state=record.state,
            attempt=record.attempt,
            reason=record.failure,
            memory_bytes=0,
            peak_memory_bytes=record.peak_memory_bytes,
            wall_s=record.wall_s,
        )

    def in_state(self, *states: str) -> list[NodeView]:
        """The nodes in one of these states, in topological order."""
        return [node for node in self.nodes.values() if node.state in states]

    @property
    def ended(self) -> list[NodeView]:
        """The nodes that ended since this view began."""
        return [node for node in self.nodes.values() if node.has_ended]

    @property
    def asked(self) -> list[NodeView]:
        """The nodes that this start of the run has to do with."""
        return [node for node in self.nodes.values() if node.state != "NOT_ASKED"]
