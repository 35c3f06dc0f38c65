"""A run's events as lines of JSON, read back: `runs/<run_id>/events.jsonl`, also while the run still writes to it."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pipeline.growing_file import GrowingLines
from pipeline.run_store import NodeRecord
from pipeline.runners.events import Event, NodeEnded, NodeProgress, RunStarted, event_name

_RECORD_FIELDS = tuple(field.name for field in dataclasses.fields(NodeRecord))


_KINDS: Mapping[str, type[Event]] = {event_name(kind): kind for kind in get_args(Event)}


def json_line(data: Mapping[str, Any]) -> str:
    r"""The object as one line of JSON: ASCII, whatever text it holds, and null for numbers that JSON lacks.

    >>> json_line({"loss": float("nan"), "message": "two\nlines \ud800"})
    '{"loss": null, "message": "two\\nlines \\ud800"}'
    """
    return json.dumps(_finite(data), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


@dataclasses.dataclass(frozen=True)
class TimedEvent:
    """An event and when it happened, ISO 8601 with zone."""

    time: str
    event: Event


def event_of(data: Mapping[str, Any]) -> TimedEvent:
    """The event of a JSON object as `pipeline.runners.events.to_json` makes it; fields of a later version are left out.

    Raises:
      ValueError: it is none.
    """
    kind = _KINDS.get(str(data.get("event")))
    if kind is None or "time" not in data:
        raise ValueError(f"not an event of a run: {str(data)[:80]}")
    values: dict[str, Any] = {f.name: data[f.name] for f in dataclasses.fields(kind) if f.name in data}
    if kind is NodeEnded:
        values["record"] = NodeRecord(**{name: data[name] for name in _RECORD_FIELDS if name in data})
    elif kind is RunStarted:
        values["node_ids"] = tuple(values["node_ids"])
        values["upstream"] = {node_id: tuple(others) for node_id, others in values["upstream"].items()}
    elif kind is NodeProgress:
        metrics = values.get("metrics") or {}
        values["metrics"] = {name: math.nan if value is None else float(value) for name, value in metrics.items()}
    try:
        return TimedEvent(str(data["time"]), kind(**values))
    except TypeError as error:  # a field is not there
        raise ValueError(f"not an event of a run: {error}") from error


class EventReader:
    """Reads a journal from its start, and goes on where it stopped when the journal has grown."""

    def __init__(self, path: Path) -> None:
        """The file need not be there yet."""
        self._lines = GrowingLines(path)

    def read(self) -> list[TimedEvent]:
        """The events since the last call; a line that is not whole yet waits, one that is no event is passed over."""
        return [event for line in self._lines.read() if (event := _event_or_none(line)) is not None]


def _event_or_none(line: bytes) -> TimedEvent | None:
    try:
        data = json.loads(line)
        return event_of(data) if isinstance(data, dict) else None
    except (ValueError, KeyError, AttributeError):  # a machine that lost power leaves half lines
        return None
