"""What a node says of its own progress, as lines of JSON that the scheduler reads while the node runs.

A node speaks through the standard library, without an import from here:

    logging.getLogger("penstock.progress").info(
        "epoch 2/5", extra={"progress": {"done": 2, "total": 5, "unit": "epochs", "metrics": {"loss": 0.61}}}
    )

The launcher puts a handler on that logger. Milestones are at level INFO, so that they reach the log where nobody
reads progress; what comes every second is at level DEBUG.
"""

import dataclasses
import datetime
import json
import logging
import math
import numbers
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.growing_file import GrowingLines

LOGGER = "penstock.progress"
LINES_PER_S = 4.0
LINES_AT_ONCE = 40  # short epochs come in bursts, and none of them is to be missing from a curve
MOST_CHARACTERS = 300
MOST_METRICS = 16


@dataclasses.dataclass(frozen=True)
class ProgressLine:
    """What a node said at one moment.

    Attributes:
      time: ISO 8601 with zone.
      message: for people, may be empty.
      done: how much is done, in units.
      total: how much there is to do; None if nobody knows.
      unit: what is counted, such as `epochs` or `rows`.
      metrics: numbers by name; NaN where the node's was not finite.
    """

    time: str
    message: str = ""
    done: float | None = None
    total: float | None = None
    unit: str = ""
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON; what is not finite is null."""
        data = dataclasses.asdict(self)
        data["metrics"] = {name: value if math.isfinite(value) else None for name, value in self.metrics.items()}
        return json.dumps(data)

    @classmethod
    def from_json(cls, text: str) -> "ProgressLine":
        """The inverse of `to_json`.

        Raises:
          ValueError: the text is no such line.
        """
        data = json.loads(text)
        if not isinstance(data, dict) or not isinstance(data.get("time"), str):
            raise ValueError(f"not a line of progress: {text[:80]!r}")
        return line_of(data["time"], str(data.get("message", "")), data)


def line_of(moment: str, message: str, said: Any) -> ProgressLine:
    """The line for what a node passed as `extra["progress"]`; what has the wrong type is left out."""
    said = said if isinstance(said, Mapping) else {}
    metrics = said.get("metrics")
    items = list(metrics.items())[:MOST_METRICS] if isinstance(metrics, Mapping) else []
    return ProgressLine(
        time=moment,
        message=message[:MOST_CHARACTERS],
        done=_count(said.get("done")),
        total=_count(said.get("total")),
        unit=str(said.get("unit") or "")[:MOST_CHARACTERS],
        metrics={str(name)[:MOST_CHARACTERS]: _number(value) for name, value in items if _is_number(value)},
    )


def _is_number(value: Any) -> bool:
    """True for numbers, NumPy's too, and for null, which stands for one that was not finite."""
    return value is None or (isinstance(value, numbers.Real) and not isinstance(value, bool))


def _number(value: Any) -> float:
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else math.nan


def _count(value: Any) -> float | None:
    if not _is_number(value) or math.isnan(_number(value)):
        return None
    return int(value) if float(value).is_integer() else float(value)


class ProgressHandler(logging.Handler):
    """Appends what nodes say to a file: bursts whole, then a few lines a second; the last word is always written."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Writes to `path`; its folder is made when needed. `clock` gives seconds."""
        super().__init__(logging.DEBUG)
        self._path, self._clock = path, clock
        self._descriptor: int | None = None
        self._has_failed = False
        self._allowed, self._since = float(LINES_AT_ONCE), clock()
        self._held_back: ProgressLine | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, or keeps it back for a moment; never raises."""
        try:
            moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
            self._held_back = line_of(moment, record.getMessage(), getattr(record, "progress", None))
        except (TypeError, ValueError, OverflowError):  # a message that does not fit its arguments
            self.handleError(record)
            return
        if self._may_write():
            self._write_held_back()

    def close(self) -> None:
        """Writes what was kept back."""
        self._write_held_back()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        super().close()

    def _may_write(self) -> bool:
        now = self._clock()
        self._allowed = min(float(LINES_AT_ONCE), self._allowed + (now - self._since) * LINES_PER_S)
        self._since = now
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _write_held_back(self) -> None:
        line, self._held_back = self._held_back, None
        if line is None or self._has_failed:
            return
        try:
            if self._descriptor is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            os.write(self._descriptor, f"{line.to_json()}\n".encode())
        except OSError as error:  # progress is not worth a node
            self._has_failed = True
            logging.getLogger(__name__).warning(
                "%s: %s; this node's progress is not shown from here on.", self._path, error.strerror or error
            )


@contextmanager
def progress_written_to(path: Path | None) -> Iterator[None]:
    """Has what the code inside says of its progress written to the file; without a file milestones go to the log."""
    if path is None:
        yield
        return
    logger, handler = logging.getLogger(LOGGER), ProgressHandler(path)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # a line every second would bury the node's log
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.setLevel(before[0])
        logger.propagate = before[1]


class ProgressReader:
    """Reads a progress file that grows."""

    def __init__(self, path: Path) -> None:
        """The file need not be there yet."""
        self._lines = GrowingLines(path)

    def read(self) -> list[ProgressLine]:
        """The lines that were added since the last call; a line that is not whole yet waits for the next."""
        return [line for text in self._lines.read() if (line := _line_or_none(text)) is not None]


def _line_or_none(text: bytes) -> ProgressLine | None:
    """The line, None for bytes that are none: a crash of the machine can leave such."""
    try:
        return ProgressLine.from_json(text.decode("utf-8"))
    except ValueError:
        return None
