"""The live part of the screen: every node that runs or waits, in topological order, and a line of totals.

Nodes that have ended are counted in the last line only: the line that each of them printed stands above.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping

from rich.cells import set_cell_size
from rich.text import Text

from pipeline.progress.state import NodeView, RunView
from pipeline.progress.words import (
    STYLES,
    clock_text,
    count_text,
    details,
    memory_now_and_peak,
    memory_text,
    state_word,
)
from pipeline.terminal_text import inert_line

_NODE_WIDTH = 22
_WORD_WIDTH = 9
_BAR_WIDTH = 12
_LEFT_FREE = 1  # a terminal scrolls when its last line is full


@dataclasses.dataclass(frozen=True)
class Marks:
    """The characters that stand beside words, never alone."""

    states: Mapping[str, str]
    bar: tuple[str, str]
    dot: str
    more: str


UNICODE = Marks({"RUNNING": "●", "WAITING": "○"}, ("━", "─"), " · ", "…")
ASCII = Marks({"RUNNING": ">", "WAITING": "."}, ("#", "-"), " | ", "...")


@dataclasses.dataclass(frozen=True)
class Screen:
    """What the lines have to fit: columns and lines of the terminal, and whether it shows ASCII only."""

    width: int
    height: int
    marks: Marks = UNICODE


def table_lines(view: RunView, now: float, screen: Screen, workers: int | None = None) -> list[Text]:
    """The lines to show now; never more than the screen is high.

    Args:
      now: by the clock that `view` was told with.
      workers: how many nodes may run at once, None if nobody said.
    """
    nodes = view.in_state("RUNNING", "WAITING")
    room = max(1, screen.height - 1 - _LEFT_FREE)
    shown, hidden = _that_fit(nodes, room)
    spare = room - len(shown) - bool(hidden)
    names = min(_NODE_WIDTH, max((len(node.node_id) for node in shown), default=0))
    lines: list[Text] = []
    for node in shown:
        lines.append(_node_line(node, now, names, screen))
        second = _detail_line(node) if node.state == "RUNNING" and spare > 0 else None
        if second is not None:
            lines.append(second)
            spare -= 1
    if hidden:
        lines.append(Text(f"{screen.marks.more} not shown: {_counted(hidden)}", style="dim"))
    lines.append(_totals(view, now, screen, workers))
    for line in lines:
        line.truncate(screen.width, overflow="crop" if screen.marks is ASCII else "ellipsis")
    return lines


def _that_fit(nodes: list[NodeView], room: int) -> tuple[list[NodeView], list[NodeView]]:
    """The nodes to show, those that run before those that wait but in their order, and the others."""
    if len(nodes) <= room:
        return nodes, []
    by_importance = sorted(nodes, key=lambda node: node.state != "RUNNING")
    chosen = {node.node_id for node in by_importance[: room - 1]}
    return [n for n in nodes if n.node_id in chosen], [n for n in nodes if n.node_id not in chosen]


def _node_line(node: NodeView, now: float, name_width: int, screen: Screen) -> Text:
    line = Text(no_wrap=True)
    line.append(f"{screen.marks.states[node.state]} {state_word(node.state):<{_WORD_WIDTH}}", STYLES[node.state])
    line.append(f"{set_cell_size(inert_line(node.node_id), name_width)}  ")
    if node.state == "WAITING":
        line.append(inert_line(node.reason).removeprefix("waits "), "dim")
        return line
    line.append(f"{clock_text(now - (now if node.started is None else node.started)):>7}  ")
    if node.fraction is not None:
        filled = int(node.fraction * _BAR_WIDTH)
        line.append(screen.marks.bar[0] * filled, "blue").append(screen.marks.bar[1] * (_BAR_WIDTH - filled), "dim")
        line.append(f" {int(node.fraction * 100):>3}%  ")
    line.append(count_text(node))
    if node.attempt > 1:
        line.append(f"  attempt {node.attempt}", "yellow")
    return line


def _detail_line(node: NodeView) -> Text | None:
    parts = [part for part in (memory_now_and_peak(node), *details(node)) if part]
    return Text(" " * (_WORD_WIDTH + 2) + "  ".join(parts), style="dim", no_wrap=True) if parts else None


def _totals(view: RunView, now: float, screen: Screen, workers: int | None) -> Text:
    ended, running = view.ended, view.in_state("RUNNING")
    text = f"{len(ended)} of {len(view.asked)} nodes"
    if ended:
        text += f": {_counted(ended)}"
    busy = f"{len(running)} running" if workers is None else f"{len(running)} of {workers} workers busy"
    since = now if view.started is None else view.started
    parts = [text, busy, clock_text(now - since), memory_text(sum(node.memory_bytes for node in running))]
    return Text(screen.marks.dot.join(part for part in parts if part), style="bold", no_wrap=True)


def _counted(nodes: list[NodeView]) -> str:
    """How many nodes are in each state, such as `7 done, 1 cached`."""
    return ", ".join(f"{count} {state_word(state)}" for state, count in Counter(n.state for n in nodes).items())
