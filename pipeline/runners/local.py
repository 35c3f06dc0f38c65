"""Runs the pipeline on this machine: a node starts as soon as its inputs exist, in a process forked from a warm one."""

import dataclasses
import datetime
import json
import multiprocessing.connection
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from pipeline import ir as ir_documents
from pipeline.errors import (
    ConfigError,
    DataRefused,
    GateRefusedRun,
    NodeFailed,
    NotFound,
    PenstockError,
    RunInterrupted,
)
from pipeline.launch import LaunchRequest, NodeOutcome
from pipeline.reuse import reuse_outputs
from pipeline.run_store import NodeRecord, RunRecord, RunStore, check_run_id
from pipeline.runners.base import Capabilities, Document, RunHandle, RunStatus, check_capabilities
from pipeline.runners.events import Event, NodeEnded, NodeStarted, NodeWaiting, RunEnded, RunStarted, to_json
from pipeline.runners.node_process import NodeProcess, start_node, stop_all
from pipeline.runners.schedule import ASSUMED_MEMORY_BYTES, Budget, Expectation, Schedule
from pipeline.runners.selection import Selection, select
from pipeline.runners.warm import WarmProcess

CAPABILITIES = Capabilities(conditionals=True, runtime_parameters=True)

_LOG_LINES_SHOWN = 15
_TICK_S = 0.5
_MEMORY_SHARE = 0.8  # of what is free when the run starts


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How to carry out a run.

    Attributes:
      run_id: continue (or name) this run instead of starting a new one.
      wait: wait for the store if another run holds it.
      max_workers: nodes that run at once, None for as many as there are processors.
      max_memory_bytes: for all nodes together, None for most of what is free.
      first: start at this node, taking what lies before it from `base_run_id`.
      last: stop after this node.
      base_run_id: the run that gives the outputs of nodes before `first`.
    """

    run_id: str | None = None
    wait: bool = False
    max_workers: int | None = None
    max_memory_bytes: int | None = None
    first: str | None = None
    last: str | None = None
    base_run_id: str | None = None


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def new_run_id(now: datetime.datetime) -> str:
    """An id that sorts by time and does not repeat, such as 20261122-190501-3fa9."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


class LocalRunner:
    """See `pipeline.runners.base.Runner`."""

    name = "local"
    capabilities = CAPABILITIES

    def __init__(
        self,
        store: RunStore,
        warm: WarmProcess,
        options: RunOptions = RunOptions(),
        *,
        on_event: Callable[[Event], None] = lambda _: None,
        on_begin: Callable[[Path], None] = lambda _: None,
        clock: Callable[[], datetime.datetime] = _utc_now,
    ) -> None:
        """A runner for the runs in `store`.

        Args:
          store: where runs and the lineage store are.
          warm: the process to fork nodes from.
          options: how to carry out the run.
          on_event: told of everything that happens.
          on_begin: called with the run's folder once it is there, before any node runs.
          clock: gives the time with zone.
        """
        self._store = store
        self._warm = warm
        self._options = options
        self._on_event = on_event
        self._on_begin = on_begin
        self._clock = clock

    def compile(self, dsl_pipeline: Any) -> Document:
        """The pipeline's IR."""
        return compile_document(dsl_pipeline)

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Runs every node that is to be run; a failed one ends only what depends on it."""
        document.check_parameters(parameters)
        options = self._options
        run_id = new_run_id(self._clock()) if options.run_id is None else options.run_id
        check_run_id(run_id)
        upstream = ir_documents.upstream_nodes(document.text)
        resolvers = ir_documents.resolver_nodes(document.text)
        selection = select(upstream, first=options.first, last=options.last, never_reused=resolvers)
        with self._store.lock(run_id, wait=options.wait):
            record = self._begin(run_id, document, upstream, selection)
            journal = _Journal(self._store.events_path(run_id), self._on_event, self._clock)
            journal.tell(RunStarted(run_id, record.pipeline_name, record.node_ids, record.upstream))
            run = _Run(self._store, self._warm, journal, self._clock, record, parameters)
            try:
                run.reuse(selection.reused)
                run.carry_out(selection.wanted, self._budget(), expectations(self._store, record.pipeline_name))
            except PenstockError as error:
                run.end("INTERRUPTED" if isinstance(error, RunInterrupted) else "FAILED")
                raise
            run.end()
        return RunHandle(self.name, document.pipeline_name, run_id)

    def status(self, handle: RunHandle) -> RunStatus:
        """Where the run stands, from its record."""
        record = self._store.read(handle.run_id)
        return RunStatus(record.state, {node.node_id: node.state for node in record.nodes})  # type: ignore[arg-type]

    def _budget(self) -> Budget:
        free = int(psutil.virtual_memory().available * _MEMORY_SHARE)
        return Budget(
            workers=self._options.max_workers or len(os.sched_getaffinity(0)),
            memory_bytes=self._options.max_memory_bytes or free,
        )

    def _begin(
        self, run_id: str, document: Document, upstream: Mapping[str, tuple[str, ...]], selection: Selection
    ) -> RunRecord:
        digest = ir_documents.digest(document.text)
        record = self._earlier(run_id, digest) or RunRecord(
            run_id=run_id,
            pipeline_name=document.pipeline_name,
            state="RUNNING",
            started_at=self._clock().isoformat(timespec="seconds"),
            ended_at=None,
            pid=os.getpid(),
            ir_digest=digest,
            node_ids=document.node_ids,
            upstream=upstream,
            base_run_id=self._base(document.pipeline_name, selection),
        )
        record = dataclasses.replace(record, state="RUNNING", ended_at=None, pid=os.getpid())
        for node_id, reason in selection.left_out.items():
            if record.node(node_id) is None:
                record = record.with_node(NodeRecord(node_id, "NOT_RUN", attempt=0, failure=reason))
        self._store.run_folder(run_id).mkdir(parents=True, exist_ok=True)
        self._store.ir_path(run_id).write_text(document.text, encoding="utf-8")
        self._on_begin(self._store.run_folder(run_id))
        self._store.write(record)
        return record

    def _base(self, pipeline_name: str, selection: Selection) -> str | None:
        """The run that gives the outputs of nodes that are not carried out: the named or the newest one that can."""
        if not selection.reused or self._options.base_run_id is not None:
            return self._options.base_run_id if selection.reused else None
        for run in self._store.runs():
            nodes = [run.node(node_id) for node_id in selection.reused]
            if run.pipeline_name == pipeline_name and all(node is not None and node.succeeded for node in nodes):
                return run.run_id
        missing = ", ".join(selection.reused)
        raise ConfigError(
            [f"--from {self._options.first}: no earlier run has the outputs of {missing}. Run everything first."]
        )

    def _earlier(self, run_id: str, digest: str) -> RunRecord | None:
        """The record of the run that is continued, None if it is new."""
        try:
            earlier = self._store.read(run_id)
        except NotFound:
            return None
        if earlier.ir_digest != digest:
            again = "Start a new run with: penstock run. What is unchanged comes from the cache."
            raise ConfigError([f"Run '{run_id}' cannot go on: it was started with another configuration. {again}"])
        return earlier


class _Journal:
    """Writes every event to the run's journal and passes it on."""

    def __init__(self, path: Path, on_event: Callable[[Event], None], clock: Callable[[], datetime.datetime]) -> None:
        self._path = path
        self._on_event = on_event
        self._clock = clock

    def tell(self, event: Event) -> None:
        line = json.dumps(to_json(event, self._clock()), ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        self._on_event(event)


class _Run:
    """One start of a run: keeps its record while nodes come and go."""

    def __init__(
        self,
        store: RunStore,
        warm: WarmProcess,
        journal: _Journal,
        clock: Callable[[], datetime.datetime],
        record: RunRecord,
        parameters: Mapping[str, str],
    ) -> None:
        self._store = store
        self._warm = warm
        self._journal = journal
        self._clock = clock
        self._record = record
        self._parameters = dict(parameters)
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
        """Notes how the run ended; without a word that everything asked for was done."""
        everything = all(self._has(node_id) for node_id in self._record.node_ids)
        record = self._record.stopped() if state else self._record
        state = state or ("COMPLETE" if everything else "PARTIAL")
        self._record = dataclasses.replace(record, state=state, ended_at=self._now())
        self._store.write(self._record)
        self._journal.tell(RunEnded(self._record.run_id, state))

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
        del self._running[node_id]
        lost = schedule.end(node_id, succeeded=outcome.failure is None)
        if outcome.failure is not None:
            self._failed.append(outcome)
        self._put(_node_record(outcome, process, self._now()))
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


def expectations(store: RunStore, pipeline_name: str) -> dict[str, Expectation]:
    """What each node took when it last ran to its end in any run of the pipeline."""
    found: dict[str, Expectation] = {}
    for run in store.runs():
        for node in run.nodes if run.pipeline_name == pipeline_name else ():
            if node.state == "COMPLETE" and node.node_id not in found:
                found[node.node_id] = Expectation(node.peak_memory_bytes or ASSUMED_MEMORY_BYTES, node.wall_s)
    return found


def compile_document(dsl_pipeline: Any) -> Document:
    """The pipeline's IR, after checking that this runner can express it."""
    text = ir_documents.compile_ir(dsl_pipeline)
    ir = ir_documents.parse_ir(text)
    check_capabilities(LocalRunner.name, CAPABILITIES, ir)
    return Document(
        runner=LocalRunner.name,
        pipeline_name=dsl_pipeline.pipeline_info.pipeline_name,
        text=text,
        node_ids=ir_documents.node_ids(text),
        parameters=ir_documents.runtime_parameters(ir),
    )


def _node_record(outcome: NodeOutcome, process: NodeProcess, ended_at: str) -> NodeRecord:
    return NodeRecord(
        node_id=outcome.node_id,
        state=outcome.state,
        execution_id=outcome.execution_id,
        attempt=process.attempt,
        started_at=process.started_at,
        ended_at=ended_at,
        wall_s=round(outcome.wall_s, 3),
        cpu_s=round(outcome.cpu_s, 3),
        peak_memory_bytes=outcome.peak_memory_bytes,
        failure=outcome.failure.message if outcome.failure else "",
    )


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
