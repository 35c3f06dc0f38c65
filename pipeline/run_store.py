"""The runs of one root folder: where each keeps its documents and logs, its record, and the lock on the store.

<root>/metadata.sqlite               the lineage store (ML Metadata)
<root>/store.lock                    held by the run that writes to the store
<root>/nodes.lock                    held by every node that runs
<root>/metadata.lock                 held while the lineage store is open for writing
<root>/fingerprints.json             digests of files that have not changed since (pipeline/caching/file_index.py)
<root>/logs/                         of the warm process and of compiling
<root>/review/<pipeline>/answers.jsonl   what people answered (pipeline/reviewing), never removed
<root>/tries/, <root>/reproductions/ roots of their own, for `penstock try` and `penstock reproduce`
<root>/artifacts/<pipeline>/…        what nodes produced
<root>/runs/<run_id>/run.json        the run's record
<root>/runs/<run_id>/pipeline.json   the compiled pipeline (IR)
<root>/runs/<run_id>/request.json    what the run was asked to do (pipeline/caching/request.py)
<root>/runs/<run_id>/config.json     the configuration, defaults included
<root>/runs/<run_id>/provenance.json the code and environment it was started with
<root>/runs/<run_id>/events.jsonl    what happened, one event a line
<root>/runs/<run_id>/logs/<node>.<attempt>.log
<root>/runs/<run_id>/progress/<node>.<attempt>.jsonl
<root>/runs/<run_id>/report/index.html
"""

import dataclasses
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.errors import ConfigError, NotFound, StoreBusy

NODES_LOCK = "nodes.lock"
"""Held by every node that runs, beside the lineage store; the system releases it when the node's process ends."""

_NODES_END_S = 20.0

AWAITING_APPROVAL = "AWAITING_APPROVAL"
"""State of a node that a person must decide about, and of the run that waits for it."""

SUCCEEDED = frozenset({"COMPLETE", "CACHED", "REUSED", "SKIPPED"})
"""States of a node that need no further work; what depends on such a node may run."""


@dataclasses.dataclass(frozen=True)
class NodeRecord:
    """What became of a node of a run.

    Attributes:
      state: RUNNING, COMPLETE, CACHED, REUSED (taken from another run as it was asked for), SKIPPED (its condition does
        not hold), AWAITING_APPROVAL (a person must decide), FAILED or NOT_RUN.
      attempt: how often the node was started in this run, counting from 1.
      started_at: of the last attempt, ISO 8601 with zone; `ended_at` likewise.
      wall_s: seconds from start to end.
      cpu_s: seconds of processor time, child processes included.
      peak_memory_bytes: the largest resident set, child processes included.
      failure: why it failed or did not run, else empty.
    """

    node_id: str
    state: str
    execution_id: int | None = None
    attempt: int = 1
    started_at: str | None = None
    ended_at: str | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    failure: str = ""

    @property
    def succeeded(self) -> bool:
        """True if what depends on this node may run."""
        return self.state in SUCCEEDED


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """One run of a pipeline; `started_at` and `ended_at` are ISO 8601 with zone.

    `state` is RUNNING, COMPLETE, PARTIAL (what was asked for is done, other nodes were left out), AWAITING_APPROVAL (a
    person must decide, then the rest runs), FAILED or INTERRUPTED; a run whose process died without a word still says
    RUNNING in the file, and is read as INTERRUPTED. `upstream` names the nodes that each node waits for, `base_run_id`
    the run whose outputs were taken for the nodes that are REUSED.
    """

    run_id: str
    pipeline_name: str
    state: str
    started_at: str
    ended_at: str | None
    pid: int
    ir_digest: str
    node_ids: tuple[str, ...]
    nodes: tuple[NodeRecord, ...] = ()
    upstream: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    base_run_id: str | None = None

    def node(self, node_id: str) -> NodeRecord | None:
        """The record of a node, None if the run has not reached it."""
        return next((node for node in self.nodes if node.node_id == node_id), None)

    def with_node(self, node: NodeRecord) -> "RunRecord":
        """This run with the node's record put in or replaced."""
        others = tuple(other for other in self.nodes if other.node_id != node.node_id)
        return dataclasses.replace(self, nodes=(*others, node))

    def stopped(self) -> "RunRecord":
        """This run after its processes are gone: what was running has not been run."""
        nodes = tuple(
            dataclasses.replace(node, state="NOT_RUN", failure="interrupted") if node.state == "RUNNING" else node
            for node in self.nodes
        )
        return dataclasses.replace(self, nodes=nodes)


_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_run_id(run_id: str) -> None:
    """Raises ConfigError unless the id can be the name of a folder and of a run on every platform."""
    if not _RUN_ID.fullmatch(run_id) or run_id == "latest":
        rule = "1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first, and not 'latest'"
        raise ConfigError([f"--run-id {run_id!r}: a run's id is made of {rule}."])


@dataclasses.dataclass(frozen=True)
class RunStore:
    """The runs under `root`."""

    root: Path

    @property
    def metadata_uri(self) -> str:
        """The lineage store, as `pipeline.launch` takes it."""
        return f"sqlite:///{self.metadata_file}"

    @property
    def metadata_file(self) -> Path:
        """The lineage store's file."""
        return self.root.resolve() / "metadata.sqlite"

    def run_folder(self, run_id: str) -> Path:
        """Where everything of one run is."""
        return self.root / "runs" / run_id

    def ir_path(self, run_id: str) -> Path:
        """The compiled pipeline of the run."""
        return self.run_folder(run_id) / "pipeline.json"

    def config_path(self, run_id: str) -> Path:
        """The configuration that the run was made with."""
        return self.run_folder(run_id) / "config.json"

    def provenance_path(self, run_id: str) -> Path:
        """The code and environment that the run was started with."""
        return self.run_folder(run_id) / "provenance.json"

    def events_path(self, run_id: str) -> Path:
        """What happened in the run, one event a line."""
        return self.run_folder(run_id) / "events.jsonl"

    def log_path(self, run_id: str, node_id: str, attempt: int) -> Path:
        """The output of one attempt at a node of the run."""
        return self.run_folder(run_id) / "logs" / f"{node_id}.{attempt}.log"

    def progress_path(self, run_id: str, node_id: str, attempt: int) -> Path:
        """What a node said of its own progress, one JSON object a line."""
        return self.run_folder(run_id) / "progress" / f"{node_id}.{attempt}.jsonl"

    def report_path(self, run_id: str) -> Path:
        """The run as one HTML page."""
        return self.run_folder(run_id) / "report" / "index.html"

    def write(self, record: RunRecord) -> None:
        """Replaces the run's record; a reader sees the old or the new one, never half."""
        folder = self.run_folder(record.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / "run.json.tmp"
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(record), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / "run.json")

    def read(self, run_id: str) -> RunRecord:
        """The record of a run.

        Raises:
          NotFound: if there is none, naming the latest runs.
        """
        path = self.run_folder(run_id) / "run.json"
        if not _RUN_ID.fullmatch(run_id) or not path.is_file():
            known = [record.run_id for record in self.runs()][:3]
            hint = (
                f"Latest runs: {', '.join(known)}." if known else "There are no runs yet; start one with: penstock run"
            )
            raise NotFound(f"There is no run '{run_id}' under {self.root}. {hint}")
        return self._as_it_stands(_load(path))

    def has(self, run_id: str) -> bool:
        """True if the run has a record, whole or not."""
        return (self.run_folder(run_id) / "run.json").is_file()

    def runs(self) -> list[RunRecord]:
        """All runs whose record can be read, newest first."""
        found = [self._as_it_stands(record) for record in self._records().values() if record is not None]
        return sorted(found, key=lambda record: record.started_at, reverse=True)

    def damaged(self) -> list[Path]:
        """Records that cannot be read."""
        return [path for path, record in self._records().items() if record is None]

    def _records(self) -> dict[Path, RunRecord | None]:
        """The record in each run's file, None where it cannot be read."""
        found: dict[Path, RunRecord | None] = {}
        for path in sorted((self.root / "runs").glob("*/run.json")):
            try:
                found[path] = _load(path)
            except FileNotFoundError:  # removed meanwhile
                continue
            except NotFound:
                found[path] = None
        return found

    def _as_it_stands(self, record: RunRecord) -> RunRecord:
        """The record, interrupted if it says that it runs and its process no longer holds the store."""
        if record.state == "RUNNING" and not self._is_held_by(record):
            return dataclasses.replace(record.stopped(), state="INTERRUPTED")
        return record

    def _is_held_by(self, record: RunRecord) -> bool:
        holder = _holder(self.root / "store.lock")
        return holder is not None and holder.get("run_id") == record.run_id

    def check_free(self) -> None:
        """Raises StoreBusy if a run holds the store now, before anything slow is begun."""
        path = self.root / "store.lock"
        if _holder(path) is not None:
            raise StoreBusy(_busy_message(self.root, path))

    @contextmanager
    def lock(self, run_id: str, *, wait: bool) -> Iterator[None]:
        """Holds the store for one run; the system releases it even if this process is killed.

        Raises:
          StoreBusy: if another run holds it and `wait` is false.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / "store.lock"
        with path.open("a+") as file:
            if not _locked(file, wait=wait):
                raise StoreBusy(_busy_message(self.root, path))
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "run_id": run_id, "since": time.time()}))
            file.flush()
            _wait_for_nodes(self.root / NODES_LOCK, wait=wait)
            try:
                yield
            finally:
                file.truncate(0)


def _wait_for_nodes(path: Path, *, wait: bool) -> None:
    """Waits until no node of an earlier run is left: one may outlive a killed command for a moment, and writes.

    Raises:
      StoreBusy: one is still there after a while, and `wait` is false.
    """
    with path.open("a+") as file:
        deadline = time.monotonic() + _NODES_END_S
        while not _locked(file, wait=wait):
            if time.monotonic() > deadline:
                raise StoreBusy(
                    f"A node of an earlier run still runs and holds {path}. Wait for it with --wait, or end it."
                )


def _locked(file: IO[str], *, wait: bool) -> bool:
    """Takes the lock; without `wait` tries for a moment only, because a reader may be looking who holds it."""
    if wait:
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    for _ in range(10):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def _busy_message(root: Path, path: Path) -> str:
    held_by = _read_json(path)
    who = f"run '{held_by['run_id']}' (process {held_by['pid']})" if held_by else "another run"
    return f"The store in {root} is in use by {who}. Wait for it with --wait, or use another pipeline.root."


def _holder(path: Path) -> dict[str, Any] | None:
    """What the lock's holder wrote, None if nobody holds it."""
    if not path.is_file():
        return None
    with path.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_json(path)
        fcntl.flock(file, fcntl.LOCK_UN)
        return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        return {}
    return found


def _record(data: dict[str, Any]) -> RunRecord:
    nodes = tuple(NodeRecord(**node) for node in data.pop("nodes"))
    upstream = {node_id: tuple(others) for node_id, others in data.pop("upstream", {}).items()}
    return RunRecord(**{**data, "node_ids": tuple(data["node_ids"])}, nodes=nodes, upstream=upstream)


def _load(path: Path) -> RunRecord:
    """The record as it was written; raises NotFound if the file holds none."""
    try:
        return _record(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IsADirectoryError) as error:
        raise NotFound(f"{path}: not the record of a run ({error}). Delete the folder of that run.") from error
