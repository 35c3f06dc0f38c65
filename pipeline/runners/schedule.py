"""Which node may start now: a node's inputs must exist, a worker must be free and its memory must fit the budget.

Plain bookkeeping, no processes and no clock:

    startable() ──► start(node) ──► end(node, succeeded) ──► startable() …   until is_over
"""

import dataclasses
from collections.abc import Mapping, Sequence

GIB = 2**30
ASSUMED_MEMORY_BYTES = GIB
"""What a node is taken to need before it has ever run: TFX, TensorFlow and some data."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """What nodes may use together; a single node runs whatever it needs.

    Attributes:
      workers: nodes that run at once.
      memory_bytes: resident memory of all of them.
    """

    workers: int
    memory_bytes: int


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What a node took when it last ran."""

    memory_bytes: int = ASSUMED_MEMORY_BYTES
    wall_s: float = 1.0


class Schedule:
    """The nodes of a run that are still to do, and what each of them waits for."""

    def __init__(
        self,
        upstream: Mapping[str, Sequence[str]],
        wanted: Sequence[str],
        budget: Budget,
        expected: Mapping[str, Expectation],
    ) -> None:
        """A schedule of the `wanted` nodes, in topological order; other nodes count as there already."""
        self._upstream = {node: [other for other in upstream[node] if other in wanted] for node in wanted}
        self._budget = budget
        self._expected = {node: expected.get(node, Expectation()) for node in wanted}
        self._waiting = list(wanted)
        self._running: list[str] = []
        self._done: set[str] = set()
        self._urgency = self._longest_ways()

    @property
    def is_over(self) -> bool:
        """True if nothing runs and nothing is left to start."""
        return not self._waiting and not self._running

    def startable(self) -> list[str]:
        """The nodes to start now, the one with the longest way to the end first."""
        ready = [node for node in self._waiting if not self._missing(node)]
        ready.sort(key=lambda node: -self._urgency[node])
        chosen: list[str] = []
        for node in ready:
            if self._fits(node, [*self._running, *chosen]):
                chosen.append(node)
        return chosen

    def start(self, node: str) -> None:
        """Notes that the node runs."""
        self._waiting.remove(node)
        self._running.append(node)

    def end(self, node: str, obstacle: str | None = None) -> dict[str, str]:
        """Notes that the node ended; returns the nodes that can no longer run, each with the reason.

        Args:
          node: it ran.
          obstacle: why what depends on it cannot run, such as `failed`; None if it can.
        """
        self._running.remove(node)
        if obstacle is None:
            self._done.add(node)
            return {}
        lost: dict[str, str] = {}
        for other in list(self._waiting):
            cause = next((above for above in self._upstream[other] if above == node or above in lost), None)
            if cause is not None:
                lost[other] = f"{cause} {obstacle if cause == node else 'did not run'}"
                self._waiting.remove(other)
        return lost

    def waiting(self) -> dict[str, str]:
        """The nodes that have not started, each with what it waits for."""
        return {node: self._reason(node) for node in self._waiting}

    def _missing(self, node: str) -> list[str]:
        return [other for other in self._upstream[node] if other not in self._done]

    def _fits(self, node: str, beside: Sequence[str]) -> bool:
        return not beside or (len(beside) < self._budget.workers and self._free_bytes(beside) >= self._need(node))

    def _free_bytes(self, beside: Sequence[str]) -> int:
        return self._budget.memory_bytes - sum(self._need(other) for other in beside)

    def _need(self, node: str) -> int:
        return self._expected[node].memory_bytes

    def _reason(self, node: str) -> str:
        missing = self._missing(node)
        if missing:
            return f"waits for {', '.join(missing)}"
        if len(self._running) >= self._budget.workers:
            return "waits for a free worker"
        free = max(0, self._free_bytes(self._running))
        return f"waits for memory: needs {self._need(node) / GIB:.1f} GiB, {free / GIB:.1f} GiB free"

    def _longest_ways(self) -> dict[str, float]:
        """Expected seconds from the start of each node to the end of the last that depends on it."""
        ways: dict[str, float] = {}
        for node in reversed(self._waiting):
            below = [ways[other] for other in ways if node in self._upstream[other]]
            ways[node] = self._expected[node].wall_s + max(below, default=0.0)
        return ways
