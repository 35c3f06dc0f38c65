"""The log files of a run: which there are, and their text, also while a node still writes.

`logs/<node>.<attempt>.log`; runs of an older layout have `logs/<node>.log`, which counts as attempt 1.
"""

import codecs
import dataclasses
import difflib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import NotFound
from pipeline.run_store import NodeRecord, RunRecord, RunStore

_NAME = re.compile(r"(?P<node>.+?)(?:\.(?P<attempt>[1-9][0-9]*))?\.log")
_BLOCK_BYTES = 1 << 20
_MOST_TAIL_BYTES = 16 << 20
_POLL_S = 0.3


@dataclasses.dataclass(frozen=True)
class LogFile:
    """What one attempt at a node printed."""

    node_id: str
    attempt: int
    path: Path
    size_bytes: int


def log_files(store: RunStore, run: RunRecord, node_id: str | None = None) -> list[LogFile]:
    """The run's log files (of one node), nodes in topological order, attempts from the first; others last."""
    found = []
    for path in (store.run_folder(run.run_id) / "logs").glob("*.log"):
        match = _NAME.fullmatch(path.name)
        if match and node_id in (None, match["node"]):
            found.append(LogFile(match["node"], int(match["attempt"] or 1), path, path.stat().st_size))
    order = {name: position for position, name in enumerate(run.node_ids)}
    return sorted(found, key=lambda log: (order.get(log.node_id, len(order)), log.node_id, log.attempt))


def find_log(store: RunStore, run: RunRecord, node_id: str, attempt: int | None = None) -> LogFile:
    """The log of that attempt at a node, of the last one if none is named.

    Raises:
      NotFound: the run has no such node or attempt, or the node has not started; with what there is instead.
    """
    check_node(run, node_id)
    logs = log_files(store, run, node_id)
    wanted = [log for log in logs if attempt in (None, log.attempt)]
    if wanted:
        return wanted[-1]
    if logs:
        known = ", ".join(str(log.attempt) for log in logs)
        raise NotFound(f"Node '{node_id}' has no attempt {attempt} in run '{run.run_id}'; there is a log of: {known}.")
    raise NotFound(f"Node '{node_id}' has no log in run '{run.run_id}': {why_no_log(run, node_id)}")


def check_node(run: RunRecord, node_id: str) -> None:
    """Raises NotFound unless the run has a node of that name (or a log of that name), with the nearest."""
    if node_id in run.node_ids:
        return
    near = difflib.get_close_matches(node_id.lower(), [name.lower() for name in run.node_ids], n=1, cutoff=0.5)
    nearest = next((name for name in run.node_ids if near and name.lower() == near[0]), None)
    hint = f"Did you mean '{nearest}'?" if nearest else f"It has {', '.join(run.node_ids)}."
    raise NotFound(f"Run '{run.run_id}' has no node '{node_id}'. {hint}")


def why_no_log(run: RunRecord, node_id: str) -> str:
    """One or two sentences on a node that has printed nothing."""
    node = run.node(node_id)
    if node is None:
        if run.state == "RUNNING":
            return "it has not started yet. Wait for it with --follow."
        return f"the run is {run.state.lower()} and did not get to it."
    if node.state == "REUSED":
        return f"its outputs were taken from run '{run.base_run_id}'."
    return f"it is {node.state.lower().replace('_', ' ')}{f' ({node.failure})' if node.failure else ''}."


def last_lines(path: Path, count: int) -> tuple[str, int]:
    """The last lines of a file, and where reading ended; invalid UTF-8 is replaced.

    Reads backwards from the end, at most 16 MiB: with lines longer than that the first of them lacks its beginning.
    """
    with path.open("rb") as file:
        end = start = file.seek(0, 2)
        text = b""
        while start > 0 and text.count(b"\n") <= count and len(text) < _MOST_TAIL_BYTES:
            size = min(_BLOCK_BYTES, start)
            start -= size
            file.seek(start)
            text = file.read(size) + text
    body = text.removesuffix(b"\n")
    kept = b"\n".join(body.split(b"\n")[-count:]) + text[len(body) :] if count else b""
    return kept.decode("utf-8", errors="replace"), end


def text_from(path: Path, offset: int = 0, *, is_all: bool = True) -> Iterator[tuple[str, int]]:
    """The text from the offset on, piece by piece, each with the offset behind it; invalid UTF-8 is replaced.

    A piece is a line, or a part of one that is very long or not yet whole. Unless `is_all` that there will be, half a
    character at the end is left for the next reading.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as file:
        file.seek(offset)
        while block := file.readline(_BLOCK_BYTES):
            offset += len(block)
            text = decoder.decode(block)
            yield text, offset - len(decoder.getstate()[0])
    if is_all:
        yield decoder.decode(b"", final=True), offset


class Follower:
    """Reads a node's log while it grows, and the logs of later attempts, until the node or its run has ended."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        node_id: str,
        *,
        tail: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Of a node of a run; begins with the last `tail` lines of what is there, None for all of it."""
        self._store, self._run_id, self._node_id = store, run_id, node_id
        self._tail, self._sleep = tail, sleep
        self._attempt: int | None = None
        self._offset = 0

    @property
    def has_read(self) -> bool:
        """True once there was a log to read."""
        return self._attempt is not None

    def read(self) -> Iterator[str]:
        """Pieces of text as they are written; a piece is a line unless the node wrote half a line."""
        while True:
            run = self._store.read(self._run_id)  # before the log, so that the last words are not missed
            log = self._current(run)
            if log is not None:
                yield from self._new_text(log)
            if not self._goes_on(run):
                return
            self._sleep(_POLL_S)

    def _current(self, run: RunRecord) -> LogFile | None:
        """The log being read; when a later attempt has begun, its log once the one before is read to the end."""
        logs = [log for log in log_files(self._store, run, self._node_id) if log.attempt >= (self._attempt or 0)]
        if not logs:
            return None
        if self._attempt is None:
            self._attempt = logs[-1].attempt
            return logs[-1]
        if len(logs) > 1 and self._offset >= logs[0].path.stat().st_size:
            self._attempt, self._offset, self._tail = logs[1].attempt, 0, None
            return logs[1]
        return logs[0]

    def _new_text(self, log: LogFile) -> Iterator[str]:
        if self._tail is not None and self._offset == 0:
            text, self._offset = last_lines(log.path, self._tail)
            yield text
        for text, end in text_from(log.path, self._offset, is_all=False):
            self._offset = end
            yield text

    def _goes_on(self, run: RunRecord) -> bool:
        """True as long as the node may still print something."""
        node: NodeRecord | None = run.node(self._node_id)
        is_latest = node is None or self._attempt is None or self._attempt >= node.attempt
        if not is_latest and log_files(self._store, run, self._node_id)[-1].attempt > (self._attempt or 0):
            return True
        return run.state == "RUNNING" and (node is None or node.state == "RUNNING")
