"""What a run shows on the screen while it goes: a live table on a terminal, plain lines elsewhere.

A node that ends prints a line that stays, on both.
"""

import os
import time
from collections.abc import Callable, Mapping

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.status import Status
from rich.text import Text

from pipeline.progress.state import NodeView, RunView
from pipeline.progress.table import ASCII, UNICODE, Screen, table_lines
from pipeline.progress.words import STYLES, count_text, details, memory_text, state_word
from pipeline.runners.events import Event, NodeEnded, NodeProgress, NodeStarted
from pipeline.terminal_text import inert_line

_NODE_WIDTH = 28  # latest_approved_attributions
PLAIN_LINE_EVERY_S = 10.0
_REFRESHES_PER_S = 4.0


class Progress:
    """Shows the events of a run; not from several threads."""

    def __init__(
        self,
        console: Console,
        *,
        workers: int | None = None,
        cost_s: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Shows on this console; plain lines if it is no terminal, or one that cannot move its cursor.

        Args:
          console: where.
          workers: how many nodes may run at once, None if nobody knows.
          cost_s: seconds that each node took when it last ran, so that a cached one can say what was saved.
          clock: seconds that only go forward.
        """
        self._console, self._workers, self._cost_s, self._clock = console, workers, dict(cost_s or {}), clock
        self._is_live = console.is_terminal and not console.is_dumb_terminal
        self._view = RunView()
        self._shown_at: dict[str, float] = {}
        self._status: Status | None = None
        self._live: Live | None = None

    def begin(self, text: str) -> None:
        """Says what is going on until the next `begin`, `show` or `end`."""
        self.end()
        if self._is_live:
            self._status = self._console.status(Text(text))
            self._status.start()
        else:
            self._print(Text(text))

    def end(self) -> None:
        """Takes the spinner or table away and leaves the terminal as it was; may be called again."""
        status, live, self._status, self._live = self._status, self._live, None, None
        if status is not None:
            status.stop()
        if live is not None:
            live.stop()

    def show(self, event: Event) -> None:
        """Brings the table up to date, or prints a line when it is time for one."""
        self._view.take(event, self._clock())
        if self._is_live:
            self._show_table()
        if isinstance(event, NodeEnded):
            self._print(ended_line(self._view.nodes[event.record.node_id], place_of(event), self._cost_s))
        elif not self._is_live:
            self._show_line(event)

    def _show_table(self) -> None:
        if self._status is not None:
            self.end()
        if self._view.state != "RUNNING":
            self.end()
        elif self._live is None:
            table = _Table(self._view, self._clock, self._workers)
            self._live = Live(table, console=self._console, refresh_per_second=_REFRESHES_PER_S, transient=True)
            self._live.start()

    def _show_line(self, event: Event) -> None:
        """A plain line for a node that starts, and for one that runs, every ten seconds."""
        now = self._clock()
        if isinstance(event, NodeStarted):
            self._shown_at[event.node_id] = now
            again = f" again, attempt {event.attempt}" if event.attempt > 1 else ""
            self._print(Text(f"{place_of(event)} {inert_line(event.node_id):<{_NODE_WIDTH}} started{again}"))
        elif isinstance(event, NodeProgress) and now - self._shown_at.get(event.node_id, now) >= PLAIN_LINE_EVERY_S:
            self._shown_at[event.node_id] = now
            self._print(self._running_line(self._view.nodes[event.node_id], event.elapsed_s))

    def _running_line(self, node: NodeView, elapsed_s: float) -> Text:
        position, total = list(self._view.nodes).index(node.node_id) + 1, len(self._view.nodes)
        parts = [memory_text(node.memory_bytes), count_text(node), *details(node)]
        return _line(_place(position, total), node, elapsed_s, [part for part in parts if part])

    def _print(self, line: Text) -> None:
        try:
            self._console.print(line, highlight=False, soft_wrap=True)
        except BrokenPipeError:  # whoever read has gone, as `head` does; that is no reason to stop training
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._console.file.fileno())


class _Table:
    """The table as it is at the moment it is drawn; rich draws it anew several times a second."""

    def __init__(self, view: RunView, clock: Callable[[], float], workers: int | None) -> None:
        self._view, self._clock, self._workers = view, clock, workers

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        screen = Screen(options.max_width, options.size.height, ASCII if options.ascii_only else UNICODE)
        yield from table_lines(self._view, self._clock(), screen, self._workers)


def place_of(event: NodeStarted | NodeEnded) -> str:
    """The node's place among all, such as `[ 3/11]`."""
    return _place(event.position, event.total)


def _place(position: int, total: int) -> str:
    return f"[{position:>{len(str(total))}}/{total}]"


def ended_line(node: NodeView, place: str, cost_s: Mapping[str, float]) -> Text:
    """The line that stays of a node: state, seconds, peak memory, what the cache saved, why it did not run."""
    parts = [memory_text(node.peak_memory_bytes)]
    saved = cost_s.get(node.node_id, 0.0) - node.wall_s
    if node.state == "CACHED" and saved >= 0.05:
        parts.append(f"saved {saved:,.1f} s")
    if node.reason:
        parts.append(inert_line(node.reason.partition("\n")[0]))
    return _line(place, node, node.wall_s, [part for part in parts if part])


def _line(place: str, node: NodeView, seconds: float, parts: list[str]) -> Text:
    line = Text(f"{place} {inert_line(node.node_id):<{_NODE_WIDTH}} ")
    line.append(f"{state_word(node.state):<8}", STYLES.get(node.state, ""))
    line.append("  ".join([f" {seconds:6.1f} s", *parts]))
    return line
