"""The words and numbers that progress is told in."""

import math
from collections.abc import Mapping

from pipeline.progress.state import NodeView
from pipeline.terminal_text import inert_line

STATE_WORDS: Mapping[str, str] = {
    "RUNNING": "running",
    "WAITING": "waiting",
    "COMPLETE": "done",
    "CACHED": "cached",
    "REUSED": "reused",
    "SKIPPED": "skipped",
    "AWAITING_APPROVAL": "awaiting approval",
    "FAILED": "failed",
    "NOT_RUN": "not run",
}
STYLES: Mapping[str, str] = {
    "RUNNING": "bold blue",
    "WAITING": "dim",
    "COMPLETE": "green",
    "CACHED": "cyan",
    "REUSED": "cyan",
    "SKIPPED": "dim",
    "AWAITING_APPROVAL": "bold yellow",
    "FAILED": "bold red",
    "NOT_RUN": "yellow",
}
_NOT_SHOWN = ("stages", "stages_done")  # the message says them


def state_word(state: str) -> str:
    """A node's state as people say it; one that a later version made up is said as it is."""
    return STATE_WORDS.get(state, state.lower().replace("_", " "))


def clock_text(seconds: float) -> str:
    """Seconds as minutes and seconds, with hours if there are any.

    >>> clock_text(83.9), clock_text(3723)
    ('1:23', '1:02:03')
    """
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def memory_text(size_bytes: float) -> str:
    """Bytes in MiB, empty for none.

    >>> memory_text(3 * 2**20)
    '3 MiB'
    """
    return f"{size_bytes / 2**20:,.0f} MiB" if size_bytes else ""


def memory_now_and_peak(node: NodeView) -> str:
    """Memory in use and the most that it was."""
    now, peak = memory_text(node.memory_bytes), memory_text(node.peak_memory_bytes)
    return f"{now}, peak {peak.removesuffix(' MiB')}" if now and peak and now != peak else now


def number_text(value: float) -> str:
    """A number in at most about seven characters.

    >>> number_text(0.61234), number_text(51234.5), number_text(float("nan"))
    ('0.6123', '51,234', 'nan')
    """
    if not math.isfinite(value):
        return "nan"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def metric_text(name: str, value: float) -> str:
    """A metric with its name.

    >>> metric_text("examples_per_s", 51200), metric_text("best_val_loss", 0.5)
    ('51,200 examples/s', 'best val_loss 0.5')
    """
    name = inert_line(name)
    if name.endswith("_per_s"):
        return f"{number_text(value)} {name.removesuffix('_per_s')}/s"
    return f"{'best ' if name.startswith('best_') else ''}{name.removeprefix('best_')} {number_text(value)}"


def count_text(node: NodeView) -> str:
    """How much a node has done, such as `1.4/5 epochs` or `18,816 elements`; empty if it does not say."""
    if node.done is None:
        return ""
    done, total = _amount(node.done), f"/{_amount(node.total)}" if node.total else ""
    return f"{done}{total} {inert_line(node.unit)}".rstrip()


def _amount(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.1f}"


def details(node: NodeView) -> list[str]:
    """What a node says of itself: its message and its metrics."""
    shown = [metric_text(name, value) for name, value in node.metrics.items() if name not in _NOT_SHOWN]
    message = inert_line(node.message)
    return [message, *shown] if message else shown
