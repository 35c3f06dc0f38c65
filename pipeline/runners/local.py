"""Runs the pipeline on this machine: a node starts as soon as its inputs exist, in a process forked from a warm one."""

import dataclasses
import datetime
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from pipeline import ir as ir_documents
from pipeline.cache_policy import CachePolicy
from pipeline.errors import ConfigError, NotFound, PenstockError, RunInterrupted
from pipeline.provenance import processor_count
from pipeline.run_store import NodeRecord, RunRecord, RunStore, check_run_id
from pipeline.runners.base import Capabilities, Document, RunHandle, RunStatus
from pipeline.runners.compiling import expressible_ir
from pipeline.runners.events import Event, RunStarted
from pipeline.runners.local_run import Journal, LocalRun
from pipeline.runners.run_ids import new_run_id
from pipeline.runners.schedule import ASSUMED_MEMORY_BYTES, Budget, Expectation
from pipeline.runners.selection import Selection, check_nodes, select
from pipeline.runners.warm import WarmProcess

if TYPE_CHECKING:
    from pipeline.config import Config

CAPABILITIES = Capabilities(conditionals=True, runtime_parameters=True, runs_here=True)

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
      caching: when nodes may take earlier answers; `first` never does.
      uncached: more nodes that never do.
    """

    run_id: str | None = None
    wait: bool = False
    max_workers: int | None = None
    max_memory_bytes: int | None = None
    first: str | None = None
    last: str | None = None
    base_run_id: str | None = None
    caching: CachePolicy = dataclasses.field(default_factory=CachePolicy)
    uncached: tuple[str, ...] = ()

    @property
    def workers(self) -> int:
        """How many nodes run at once."""
        return self.max_workers or processor_count()

    def policy(self) -> CachePolicy:
        """When nodes may take earlier answers: the node that a run is told to start at is carried out."""
        return self.caching.without([*self.uncached, *([self.first] if self.first else [])])


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


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

    def compile(self, dsl_pipeline: Any, config: "Config") -> Document:
        """The pipeline's IR."""
        return compile_document(dsl_pipeline, config)

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Runs every node that is to be run; a failed one ends only what depends on it."""
        document.check_parameters(parameters)
        options = self._options
        run_id = new_run_id(self._clock()) if options.run_id is None else options.run_id
        check_run_id(run_id)
        upstream = ir_documents.upstream_nodes(document.text)
        check_nodes({"--no-cache": options.uncached}, upstream)
        resolvers = ir_documents.resolver_nodes(document.text)
        selection = select(upstream, first=options.first, last=options.last, never_reused=resolvers)
        with self._store.lock(run_id, wait=options.wait):
            is_new = not self._store.has(run_id)
            if not is_new and options.first is not None:
                raise ConfigError(
                    [f"--from {options.first}: run '{run_id}' exists already. Give the new run another id."]
                )
            record = self._begin(run_id, document, upstream, selection)
            journal = Journal(self._store.events_path(run_id), self._on_event, self._clock)
            journal.tell(RunStarted(run_id, record.pipeline_name, record.node_ids, record.upstream))
            run = LocalRun(self._store, self._warm, journal, self._clock, record, parameters, options.policy())
            try:
                run.reuse(selection.reused)
            except ConfigError:
                if is_new:  # nothing has run: `--resume` must not find this before the run that it is meant for
                    shutil.rmtree(self._store.run_folder(run_id))
                else:
                    run.end("FAILED")
                raise
            try:
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
            workers=self._options.workers,
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
        if not selection.reused:
            return None
        if (base := self._options.base_run_id) is not None:
            self._check_base(base, selection.reused)
            return base
        for run in self._store.runs():
            nodes = [run.node(node_id) for node_id in selection.reused]
            if run.pipeline_name == pipeline_name and all(node is not None and node.succeeded for node in nodes):
                return run.run_id
        missing = ", ".join(selection.reused)
        raise ConfigError(
            [f"--from {self._options.first}: no earlier run has the outputs of {missing}. Run everything first."]
        )

    def _check_base(self, base: str, reused: tuple[str, ...]) -> None:
        """Refuses a base that lacks outputs before a run is begun, which would be the newest one from then on."""
        run = next((run for run in self._store.runs() if run.run_id == base), None)
        nodes = {} if run is None else {node_id: run.node(node_id) for node_id in reused}
        missing = [node_id for node_id, node in nodes.items() if node is None or not node.succeeded]
        if missing:
            what = f"--base {base}: that run has no outputs of {', '.join(missing)}."
            raise ConfigError([f"{what} Start at the first of them or before it, or name another run."])

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


def expectations(store: RunStore, pipeline_name: str) -> dict[str, Expectation]:
    """What each node took when it last ran to its end in any run of the pipeline."""
    found: dict[str, Expectation] = {}
    for run in store.runs():
        for node in run.nodes if run.pipeline_name == pipeline_name else ():
            if node.state == "COMPLETE" and node.node_id not in found:
                found[node.node_id] = Expectation(node.peak_memory_bytes or ASSUMED_MEMORY_BYTES, node.wall_s)
    return found


def compile_document(dsl_pipeline: Any, _: "Config | None" = None) -> Document:
    """The pipeline's IR, after checking that this runner can express it; the configuration adds nothing here."""
    text = expressible_ir(LocalRunner.name, CAPABILITIES, dsl_pipeline)
    return Document(
        runner=LocalRunner.name,
        pipeline_name=dsl_pipeline.pipeline_info.pipeline_name,
        text=text,
        node_ids=ir_documents.node_ids(text),
        parameters=ir_documents.runtime_parameters(ir_documents.parse_ir(text)),
        ir=text,
    )
