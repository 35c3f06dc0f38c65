"""Runs the pipeline on this machine: nodes in order, each in its own process forked from a warm one."""

import dataclasses
import datetime
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline import ir as ir_documents
from pipeline.errors import ConfigError, DataRefused, GateRefusedRun, NodeFailed, NotFound, RunInterrupted
from pipeline.launch import LaunchRequest, NodeOutcome, run_node
from pipeline.run_store import NodeRecord, RunRecord, RunStore, check_run_id
from pipeline.runners.base import Capabilities, Document, RunHandle, RunStatus, check_capabilities
from pipeline.runners.warm import ProcessDied, WarmProcess

CAPABILITIES = Capabilities(conditionals=True, runtime_parameters=True)

_LOG_LINES_SHOWN = 15


@dataclasses.dataclass(frozen=True)
class NodeStarted:
    """A node begins; `position` counts from 1."""

    node_id: str
    position: int
    total: int


@dataclasses.dataclass(frozen=True)
class NodeEnded:
    """A node has ended, in whatever state its record says."""

    record: NodeRecord
    position: int
    total: int


Event = NodeStarted | NodeEnded


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
        *,
        on_event: Callable[[Event], None] = lambda _: None,
        clock: Callable[[], datetime.datetime] = _utc_now,
        run_id: str | None = None,
        wait: bool = False,
    ) -> None:
        """A runner for the runs in `store`.

        Args:
          store: where runs and the lineage store are.
          warm: the process to fork nodes from.
          on_event: told of every node that starts and ends.
          clock: gives the time with zone.
          run_id: continue (or name) this run instead of starting a new one.
          wait: wait for the store if another run holds it.
        """
        self._store = store
        self._warm = warm
        self._on_event = on_event
        self._clock = clock
        self._run_id = run_id
        self._wait = wait

    def compile(self, dsl_pipeline: Any) -> Document:
        """The pipeline's IR."""
        return compile_document(dsl_pipeline)

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Runs every node, in order, to the end or to the first failure."""
        document.check_parameters(parameters)
        run_id = new_run_id(self._clock()) if self._run_id is None else self._run_id
        check_run_id(run_id)
        with self._store.lock(run_id, wait=self._wait):
            record = self._begin(run_id, document)
            try:
                for position, node_id in enumerate(document.node_ids, start=1):
                    self._on_event(NodeStarted(node_id, position, len(document.node_ids)))
                    node = self._run_node(run_id, node_id, parameters)
                    node_record = _node_record(node, record.node(node_id))
                    record = record.with_node(node_record)
                    self._store.write(record)
                    self._on_event(NodeEnded(node_record, position, len(document.node_ids)))
                    if node.failure is not None:
                        raise _node_failed(node, self._store.log_path(run_id, node_id))
                record = self._end(record, "COMPLETE")
            except NodeFailed:
                self._end(record, "FAILED")
                raise
            except KeyboardInterrupt:
                self._end(record, "INTERRUPTED")
                raise RunInterrupted(f"Run '{run_id}' was interrupted.", run_id=run_id) from None
        return RunHandle(self.name, document.pipeline_name, run_id)

    def status(self, handle: RunHandle) -> RunStatus:
        """Where the run stands, from its record."""
        record = self._store.read(handle.run_id)
        return RunStatus(record.state, {node.node_id: node.state for node in record.nodes})  # type: ignore[arg-type]

    def _begin(self, run_id: str, document: Document) -> RunRecord:
        digest = ir_documents.digest(document.text)
        now = self._clock().isoformat(timespec="seconds")
        record = self._earlier(run_id, digest) or RunRecord(
            run_id=run_id,
            pipeline_name=document.pipeline_name,
            state="RUNNING",
            started_at=now,
            ended_at=None,
            pid=os.getpid(),
            ir_digest=digest,
            node_ids=document.node_ids,
        )
        record = dataclasses.replace(record, state="RUNNING", ended_at=None, pid=os.getpid())
        ir_path = self._store.ir_path(run_id)
        (ir_path.parent / "logs").mkdir(parents=True, exist_ok=True)
        ir_path.write_text(document.text, encoding="utf-8")
        self._store.write(record)
        return record

    def _earlier(self, run_id: str, digest: str) -> RunRecord | None:
        """The record of the run that is continued, None if it is new."""
        try:
            earlier = self._store.read(run_id)
        except NotFound:
            return None
        if earlier.ir_digest != digest:
            again = "Leave out --run-id to start a new run; what is unchanged comes from the cache."
            raise ConfigError([f"--run-id {run_id}: that run was started with another configuration or code. {again}"])
        return earlier

    def _end(self, record: RunRecord, state: str) -> RunRecord:
        ended = dataclasses.replace(record, state=state, ended_at=self._clock().isoformat(timespec="seconds"))
        self._store.write(ended)
        return ended

    def _run_node(self, run_id: str, node_id: str, parameters: Mapping[str, str]) -> NodeOutcome:
        request = LaunchRequest(
            ir_path=str(self._store.ir_path(run_id)),
            node_ids=(node_id,),
            run_id=run_id,
            metadata_uri=self._store.metadata_uri,
            parameters=dict(parameters),
        )
        try:
            outcome: NodeOutcome = self._warm.call(
                run_node, request, node_id, log_path=self._store.log_path(run_id, node_id)
            )
        except ProcessDied as death:
            return NodeOutcome.died(node_id, str(death))
        return outcome


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


def _node_record(outcome: NodeOutcome, earlier: NodeRecord | None) -> NodeRecord:
    """The node's record; of an execution that was finished before this start, the earlier one stays."""
    if earlier is not None and earlier.execution_id == outcome.execution_id and earlier.state in ("COMPLETE", "CACHED"):
        return earlier
    return NodeRecord(
        node_id=outcome.node_id,
        state=outcome.state,
        execution_id=outcome.execution_id,
        wall_s=round(outcome.wall_s, 3),
        cpu_s=round(outcome.cpu_s, 3),
        peak_memory_bytes=outcome.peak_memory_bytes,
        failure=outcome.failure.message if outcome.failure else "",
    )


def _node_failed(outcome: NodeOutcome, log_path: Path) -> NodeFailed:
    """The error to show: the node, the message, where in our or the user's code, and the end of its log."""
    failure = outcome.failure
    assert failure is not None
    if failure.kind == "data":
        return DataRefused(f"{outcome.node_id}: {failure.message}", node_id=outcome.node_id, log_file=str(log_path))
    if failure.kind == "gate":
        return GateRefusedRun(f"{outcome.node_id}: {failure.message}", node_id=outcome.node_id, log_file=str(log_path))
    parts = [f"Node '{outcome.node_id}' failed: {failure.message}"]
    if failure.where:
        parts.append(f"  at {failure.where}")
    parts += [f"  | {line}" for line in _last_lines(log_path)]
    return NodeFailed("\n".join(parts), node_id=outcome.node_id, log_file=str(log_path))


def _last_lines(log_path: Path) -> list[str]:
    if not log_path.is_file():
        return []
    return log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
