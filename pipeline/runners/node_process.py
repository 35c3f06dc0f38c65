"""A node under way in a process of its own: what it uses, what it says of its progress, and what became of it."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from pipeline.launch import LaunchRequest, NodeOutcome, run_node
from pipeline.progress_file import ProgressLine, ProgressReader
from pipeline.runners.events import NodeProgress
from pipeline.runners.warm import Call, ProcessDied, WarmProcess


class NodeProcess:
    """One attempt at a node."""

    def __init__(self, node_id: str, attempt: int, started_at: str, call: Call, progress: ProgressReader) -> None:
        """Takes the call that runs the node, and the time (ISO 8601) at which it was started."""
        self.node_id = node_id
        self.attempt = attempt
        self.started_at = started_at
        self.call = call
        self._progress = progress
        self._said = ProgressLine("")
        self._started = time.monotonic()
        self._cpu_s = 0.0
        self._memory_bytes = 0
        self._peak_memory_bytes = 0

    def sample(self) -> NodeProgress:
        """How far the node is, and what it uses now."""
        self._memory_bytes, cpu_s = _usage(self.call.pid)
        self._peak_memory_bytes = max(self._peak_memory_bytes, self._memory_bytes)
        self._cpu_s = max(self._cpu_s, cpu_s)
        for line in self._progress.read():
            self._said = line
        return NodeProgress(
            node_id=self.node_id,
            elapsed_s=round(time.monotonic() - self._started, 3),
            memory_bytes=self._memory_bytes,
            done=self._said.done,
            total=self._said.total,
            unit=self._said.unit,
            metrics=self._said.metrics,
            message=self._said.message,
        )

    def outcome(self) -> NodeOutcome:
        """What became of the node; waits for it.

        Raises:
          PenstockError: the request made no sense, which is no failure of the node.
          KeyboardInterrupt: the node was stopped.
        """
        try:
            outcome: NodeOutcome = self.call.result()
        except ProcessDied as death:
            died = NodeOutcome.died(self.node_id, str(death))
            outcome = dataclasses.replace(died, wall_s=time.monotonic() - self._started, cpu_s=self._cpu_s)
        return dataclasses.replace(outcome, peak_memory_bytes=max(outcome.peak_memory_bytes, self._peak_memory_bytes))


def start_node(
    warm: WarmProcess, request: LaunchRequest, node_id: str, attempt: int, started_at: str, log_path: Path
) -> NodeProcess:
    """Starts the node in a fork of the warm process."""
    call = warm.start(run_node, request, node_id, log_path=log_path)
    return NodeProcess(node_id, attempt, started_at, call, ProgressReader(Path(request.progress_path or "/dev/null")))


def stop_all(processes: list[NodeProcess]) -> None:
    """Interrupts all of them at once, then waits until each is gone."""
    for process in processes:
        process.call.interrupt()
    for process in processes:
        process.call.stop()


def _usage(pid: int) -> tuple[int, float]:
    """Resident bytes and seconds of processor time of a process with its children; zeros if it has ended."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0.0
    memory = sum(_or_zero(lambda p=one: p.memory_info().rss) for one in family)  # type: ignore[misc]
    return int(memory), _or_zero(lambda: sum(process.cpu_times()[:2]))


def _or_zero(measure: Callable[[], float]) -> float:
    try:
        return measure()
    except psutil.NoSuchProcess:
        return 0
