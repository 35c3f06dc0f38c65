"""`penstock run --json`: one event a line on standard output for other programs, words for people on standard error."""

import dataclasses
import datetime
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import typer

from components.errors import ComponentError
from pipeline.errors import ConfigError, DataRefused, PenstockError, RunInterrupted
from pipeline.runners.events import Event, RunEnded, RunStarted, to_json
from pipeline.runners.journal import json_line

if TYPE_CHECKING:
    from pipeline.summary import RunSummary


@dataclasses.dataclass(frozen=True)
class RunFinished:
    """The last event: what came of the command.

    Attributes:
      run_id: the run, None if none was begun.
      state: COMPLETE, PARTIAL, FAILED or INTERRUPTED; None if none was begun.
      exit_code: of the command.
      error: what went wrong, as people are told; empty if nothing did.
      rows: rows read, by split, in all and quarantined.
      metrics: on all rows of the evaluated split; null where one could not be measured.
      blessed: the Evaluator's verdict, None if it did not get to one.
      reasons: why, one sentence each.
      servable: the serving check's verdict, None if it did not get to one.
      serving_reasons: why not, one sentence each.
      pushed_to: the pushed model's folder, None if none was pushed.
    """

    run_id: str | None
    state: str | None
    exit_code: int
    error: str = ""
    rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    blessed: bool | None = None
    reasons: tuple[str, ...] = ()
    servable: bool | None = None
    serving_reasons: tuple[str, ...] = ()
    pushed_to: str | None = None


def outcome_of(summary: "RunSummary", exit_code: int) -> RunFinished:
    """The last event of a run that has come to its end."""
    return RunFinished(
        run_id=summary.run.run_id,
        state=summary.run.state,
        exit_code=exit_code,
        rows=summary.rows,
        metrics=summary.metrics,
        blessed=summary.blessed,
        reasons=summary.reasons,
        servable=summary.servable,
        serving_reasons=summary.serving_reasons,
        pushed_to=summary.pushed_to,
    )


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class JsonProgress:
    """Writes the events of a run as lines of JSON, each at once; stands in for `pipeline.progress.screen.Progress`.

    Whoever made it calls `finish` at the end, and wraps everything in `telling_errors`.
    """

    def __init__(self, events: IO[str], words: IO[str], clock: Callable[[], datetime.datetime] = _utc_now) -> None:
        """Writes events to the one and words to the other, usually standard output and standard error."""
        self._events, self._words, self._clock = events, words, clock
        self._run_id: str | None = None
        self._state: str | None = None
        self._is_finished = False

    @classmethod
    def on_standard_output(cls) -> "JsonProgress":
        """Takes standard output for the events alone: what anybody prints there from now on goes to standard error."""
        sys.stdout.flush()
        events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        return cls(events, sys.stderr)

    def begin(self, text: str) -> None:
        """Says what is going on."""
        self._words.write(f"{text}\n")
        self._words.flush()

    def end(self) -> None:
        """Nothing is left to take away."""

    def show(self, event: Event) -> None:
        """Writes the event."""
        if isinstance(event, RunStarted):
            self._run_id, self._state = event.run_id, "RUNNING"
        elif isinstance(event, RunEnded):
            self._state = event.state
        self._write(to_json(event, self._clock()))

    def finish(self, outcome: RunFinished) -> None:
        """Writes the last event; a second one is left out."""
        if self._is_finished:
            return
        self._is_finished = True
        time = self._clock().isoformat(timespec="milliseconds")
        self._write({"event": "run_finished", "time": time, **dataclasses.asdict(outcome)})

    @contextmanager
    def telling_errors(self) -> Iterator[None]:
        """Makes what is raised inside the last event, and raises it on."""
        try:
            yield
        except BaseException as error:
            if exit_code := _exit_code(error):
                self.finish(RunFinished(self._run_id, self._state, exit_code, str(error) or type(error).__name__))
            raise

    def _write(self, data: dict[str, Any]) -> None:
        try:
            self._events.write(f"{json_line(data)}\n")
            self._events.flush()
        except BrokenPipeError:  # whoever listened has gone; that is no reason to stop training
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._events.fileno())
            self.begin("Nobody reads the events any more; the run goes on.")


def _exit_code(error: BaseException) -> int:
    """The exit code that the command line will end with, 0 for what is no error."""
    if isinstance(error, PenstockError):
        return error.exit_code
    if isinstance(error, ComponentError):
        return DataRefused.exit_code
    if isinstance(error, KeyboardInterrupt):
        return RunInterrupted.exit_code
    if isinstance(error, OSError):
        return ConfigError.exit_code
    return 0 if isinstance(error, SystemExit | typer.Exit) else PenstockError.exit_code
