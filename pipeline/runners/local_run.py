"""One start of a local run: nodes come and go, and the run's record and journal say so at every moment."""

import dataclasses
import datetime
import multiprocessing.connection
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.cache_policy import CachePolicy
from pipeline.errors import DataRefused, GateRefusedRun, NodeFailed, PenstockError, RunInterrupted
from pipeline.launch import LaunchRequest, NodeOutcome
from pipeline.reuse import reuse_outputs
from pipeline.run_store import AWAITING_APPROVAL, NodeRecord, RunRecord, RunStore
from pipeline.runners.events import Event, NodeEnded, NodeStarted, NodeWaiting, RunEnded, to_json
from pipeline.runners.journal import json_line
from pipeline.runners.node_process import NodeProcess, start_node, stop_all
from pipeline.runners.schedule import Budget, Expectation, Schedule
from pipeline.runners.warm import WarmProcess

_LOG_LINES_SHOWN = 15
_TICK_S = 0.5
_FAILED = "failed"


class Journal:
    """Writes every event to the run's journal and passes it on."""

    def __init__(self, path: Path, on_event: Callable[[Event], None], clock: Callable[[], datetime.datetime]) -> None:
        """Appends to the file at `path`, behind a line that a power cut tore; `clock` gives the time with zone."""
        self._path = path
        self._on_event = on_event
        self._clock = clock
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")

    def tell(self, event: Event) -> None:
        """Something happened now."""
        line = json_line(to_json(event, self._clock()))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        self._on_event(event)


class LocalRun:
    """One start of a run: keeps its record while nodes come and go."""

    def __init__(
        self,
        store: RunStore,
        warm: WarmProcess,
        journal: Journal,
        clock: Callable[[], datetime.datetime],
        record: RunRecord,
        parameters: Mapping[str, str],
        caching: CachePolicy,
    ) -> None:
        """Takes the record of the run as it stands; the caller holds the store's lock."""
        self._store = store
        self._warm = warm
        self._journal = journal
        self._clock = clock
        self._record = record
        self._parameters = dict(parameters)
        self._caching = caching
        self._running: dict[str, NodeProcess] = {}
        self._failed: list[NodeOutcome] = []
        self._reasons: dict[str, str] = {}

    def reuse(self, node_ids: tuple[str, ...]) -> None:
        """Takes the outputs of these nodes from the base run."""
        todo = [node_id for node_id in node_ids if not self._has(node_id)]
        if not todo:
            return
        run_id, base = self._record.run_id, self._record.base_run_id
        ir_path, log = str(self._store.ir_path(run_id)), self._store.log_path(run_id, "reuse", 1)
        self._warm.call(reuse_outputs, ir_path, self._store.metadata_uri, run_id, base, todo, log_path=log)
        for node_id in todo:
            self._put(NodeRecord(node_id, "REUSED", attempt=0))

    def carry_out(self, wanted: tuple[str, ...], budget: Budget, expected: Mapping[str, Expectation]) -> None:
        """Runs the wanted nodes that have not succeeded yet.

        Raises:
          NodeFailed: naming what failed, after everything that does not depend on it is done.
          RunInterrupted: on Ctrl-C, after every node's process is gone.
        """
        todo = [node_id for node_id in wanted if not self._has(node_id)]
        schedule = Schedule(self._record.upstream, todo, budget, expected)
        try:
            while not schedule.is_over:
                self._start(schedule)
                self._await(schedule)
        except KeyboardInterrupt:
            raise RunInterrupted(f"Run '{self._record.run_id}' was interrupted.", run_id=self._record.run_id) from None
        finally:
            stop_all(list(self._running.values()))
        if self._failed:
            raise self._error()

    def end(self, state: str | None = None) -> None:
        """Notes how the run ended; without a word that everything asked for was done, or waits for a person."""
        record = self._record.stopped() if state else self._record
        state = state or self._outcome()
        self._record = dataclasses.replace(record, state=state, ended_at=self._now())
        self._store.write(self._record)
        self._journal.tell(RunEnded(self._record.run_id, state))

    def _outcome(self) -> str:
        if any(node.state == AWAITING_APPROVAL for node in self._record.nodes):
            return AWAITING_APPROVAL
        return "COMPLETE" if all(self._has(node_id) for node_id in self._record.node_ids) else "PARTIAL"

    def _start(self, schedule: Schedule) -> None:
        """Starts what may start, and tells what the rest waits for."""
        for node_id in schedule.startable():
            schedule.start(node_id)
            attempt, now = self._next_attempt(node_id), self._now()
            self._put(NodeRecord(node_id, "RUNNING", attempt=attempt, started_at=now))
            run_id = self._record.run_id
            progress = self._store.progress_path(run_id, node_id, attempt)
            progress.parent.mkdir(parents=True, exist_ok=True)
            request = LaunchRequest(
                ir_path=str(self._store.ir_path(run_id)),
                node_ids=(node_id,),
                run_id=run_id,
                metadata_uri=self._store.metadata_uri,
                parameters=self._parameters,
                progress_path=str(progress),
                caching=self._caching,
            )
            log = self._store.log_path(run_id, node_id, attempt)
            self._running[node_id] = start_node(self._warm, request, node_id, attempt, now, log)
            self._journal.tell(NodeStarted(node_id, attempt, *self._place(node_id)))
        for node_id, reason in schedule.waiting().items():
            if self._reasons.get(node_id) != reason:
                self._reasons[node_id] = reason
                self._journal.tell(NodeWaiting(node_id, reason))

    def _await(self, schedule: Schedule) -> None:
        """Waits for nodes to end, for a moment; tells how far the others are."""
        connections = {process.call.answer_ready: node_id for node_id, process in self._running.items()}
        ready = multiprocessing.connection.wait(list(connections), timeout=_TICK_S)
        for connection in ready:
            self._end_node(connections[connection], schedule)
        for process in self._running.values():
            self._journal.tell(process.sample())

    def _end_node(self, node_id: str, schedule: Schedule) -> None:
        process = self._running[node_id]
        outcome = process.outcome()
        self._journal.tell(process.sample())  # its last words
        del self._running[node_id]
        obstacle = _obstacle(outcome)
        lost = schedule.end(node_id, obstacle)
        if obstacle == _FAILED:
            self._failed.append(outcome)
        self._put(outcome.record(process.started_at, self._now(), process.attempt))
        self._tell_end(node_id)
        for other, reason in lost.items():
            self._put(NodeRecord(other, "NOT_RUN", attempt=self._next_attempt(other) - 1, failure=reason))
            self._tell_end(other)

    def _tell_end(self, node_id: str) -> None:
        record = self._record.node(node_id)
        assert record is not None
        self._journal.tell(NodeEnded(record, *self._place(node_id)))

    def _put(self, node: NodeRecord) -> None:
        self._record = self._record.with_node(node)
        self._store.write(self._record)

    def _has(self, node_id: str) -> bool:
        node = self._record.node(node_id)
        return node is not None and node.succeeded

    def _next_attempt(self, node_id: str) -> int:
        node = self._record.node(node_id)
        return 1 if node is None else node.attempt + 1

    def _place(self, node_id: str) -> tuple[int, int]:
        return self._record.node_ids.index(node_id) + 1, len(self._record.node_ids)

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds")

    def _error(self) -> PenstockError:
        first, *others = sorted(self._failed, key=lambda outcome: self._place(outcome.node_id))
        node = self._record.node(first.node_id)
        assert node is not None
        return _node_failed(first, others, self._store.log_path(self._record.run_id, first.node_id, node.attempt))


def _obstacle(outcome: NodeOutcome) -> str | None:
    """Why what depends on the node cannot run, None if it can."""
    if outcome.failure is None:
        return None
    return "waits for approval" if outcome.state == AWAITING_APPROVAL else _FAILED


def _node_failed(outcome: NodeOutcome, others: list[NodeOutcome], log_path: Path) -> NodeFailed:
    """The error to show: the node, the message, where in our or the user's code, and the end of its log."""
    failure = outcome.failure
    assert failure is not None
    also = [f"Also failed: {other.node_id}: {other.failure.message}" for other in others if other.failure]
    node_id, log_file = outcome.node_id, str(log_path)
    if failure.kind == "data":
        return DataRefused("\n".join([f"{node_id}: {failure.message}", *also]), node_id=node_id, log_file=log_file)
    if failure.kind == "gate":
        return GateRefusedRun("\n".join([f"{node_id}: {failure.message}", *also]), node_id=node_id, log_file=log_file)
    parts = [f"Node '{node_id}' failed: {failure.message}"]
    if failure.where:
        parts.append(f"  at {failure.where}")
    parts += [f"  | {line}" for line in _last_lines(log_path)]
    return NodeFailed("\n".join([*parts, *also]), node_id=node_id, log_file=log_file)


def _last_lines(log_path: Path) -> list[str]:
    if not log_path.is_file():
        return []
    return log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
