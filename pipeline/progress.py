"""What a run shows on the screen while it goes: a line a node, with a spinner where the screen can."""

from rich.console import Console
from rich.status import Status

from pipeline.runners.events import Event, NodeEnded, NodeStarted

_MARKS = {
    "COMPLETE": "[green]done[/]",
    "CACHED": "[cyan]cached[/]",
    "SKIPPED": "[dim]skipped[/]",
    "FAILED": "[red]failed[/]",
    "NOT_RUN": "[yellow]not run[/]",
    "REUSED": "[cyan]reused[/]",
}


class Progress:
    """Prints the events of a run."""

    def __init__(self, console: Console) -> None:
        """Shows on this console; plain lines if it is no terminal."""
        self._console = console
        self._status: Status | None = None

    def begin(self, text: str) -> None:
        """Says what is going on until the next `begin`, `show` or `end`."""
        self.end()
        if self._console.is_terminal:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._console.print(text, highlight=False)

    def end(self) -> None:
        """Takes the spinner away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def show(self, event: Event) -> None:
        """One line for a node that ended; a spinner for one that started."""
        if not isinstance(event, NodeStarted | NodeEnded):
            return
        place = f"\\[{event.position:>{len(str(event.total))}}/{event.total}]"
        if isinstance(event, NodeStarted):
            if self._console.is_terminal:
                self.begin(f"{place} {event.node_id}")
            return
        self.end()
        node = event.record
        memory = f"{node.peak_memory_bytes / 2**20:,.0f} MiB" if node.peak_memory_bytes else ""
        self._console.print(
            f"{place} {node.node_id:<22} {_MARKS[node.state]:<18} {node.wall_s:6.1f} s  {memory}", highlight=False
        )
