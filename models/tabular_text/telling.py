"""Says how far a training or a search is, on the logger `penstock.progress`: epochs at level INFO, moments at DEBUG.

A record's `progress` holds `done`, `total`, `unit` and `metrics`; whoever runs the node may show it (the launcher
does), and without anybody listening nothing happens.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

TELL_EVERY_S = 1.0

_log = logging.getLogger("penstock.progress")


@dataclasses.dataclass(frozen=True)
class Trial:
    """The trial of a search that a training is.

    Attributes:
      number: counts from 1.
      total: trials of the whole search, None if that is decided on the way.
      best: the best objective of the trials before, by its name; empty before the first has ended.
    """

    number: int
    total: int | None
    best: Mapping[str, float] = dataclasses.field(default_factory=dict)


def tell_training(
    level: int, message: str, epochs_done: float, epochs: int, metrics: Mapping[str, float], trial: Trial | None = None
) -> None:
    """Says that `epochs_done` of `epochs` are done; of a trial, how far that takes the search."""
    said: dict[str, Any] = {"done": round(epochs_done, 3), "total": epochs, "unit": "epochs", "metrics": dict(metrics)}
    if trial is not None:
        place = f"trial {trial.number}" + (f"/{trial.total}" if trial.total else "")
        message = f"{place}, {message}"
        done = round(trial.number - 1 + epochs_done / epochs, 3)
        best = {f"best_{name}": value for name, value in trial.best.items()}
        said = {"done": done, "total": trial.total, "unit": "trials", "metrics": {**best, **metrics}}
    _log.log(level, "%s", message, extra={"progress": said})


def tell_search(message: str, trials_done: int, total: int | None, best: Mapping[str, float]) -> None:
    """Says how many trials are done, and the best objective so far."""
    metrics = {f"best_{name}": value for name, value in best.items()}
    said = {"done": trials_done, "total": total, "unit": "trials", "metrics": metrics}
    _log.info("%s", message, extra={"progress": said})


def with_speed(metrics: Mapping[str, float], examples_per_s: float) -> dict[str, float]:
    """The metrics with `examples_per_s`, what matters most first: a narrow screen shows the beginning only."""
    losses = {name: metrics[name] for name in ("loss", "val_loss") if name in metrics}
    others = {name: value for name, value in metrics.items() if name not in (*losses, "seconds")}
    return {**losses, "examples_per_s": examples_per_s, **others}


class StepTeller(keras.callbacks.Callback):
    """Says about every second how far an epoch is, and measures how many examples a second it learns from."""

    def __init__(
        self,
        epoch: int,
        epochs: int,
        first_step: int,
        batch_size: int,
        rows: int,
        trial: Trial | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of epoch number `epoch` (from 1), which begins at `first_step` if it is resumed, over so many rows."""
        super().__init__()
        self._epoch, self._epochs, self._trial = epoch, epochs, trial
        self._first_step, self._batch_size, self._rows = first_step, batch_size, rows
        self._steps = -(-rows // batch_size)
        self._clock = clock
        self._begun = self._told = clock()
        self._step = self._told_step = first_step
        self._ended = self._begun

    @property
    def examples_per_s(self) -> float:
        """Of the part of the epoch that was trained now; 0 before the first step."""
        return self._rows_until(self._step) / max(self._ended - self._begun, 1e-9)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the step, and says it if a second has passed."""
        now = self._clock()
        self._step, self._ended = self._first_step + batch + 1, now
        if now - self._told < TELL_EVERY_S:
            return
        speed = (self._rows_until(self._step) - self._rows_until(self._told_step)) / (now - self._told)
        metrics = with_speed({name: float(value) for name, value in (logs or {}).items()}, speed)
        message = f"step {self._step}/{self._steps}"
        if self._trial is not None:
            message = f"epoch {self._epoch}/{self._epochs}, {message}"
        done = self._epoch - 1 + self._step / self._steps
        tell_training(logging.DEBUG, message, done, self._epochs, metrics, self._trial)
        self._told, self._told_step = now, self._step

    def _rows_until(self, step: int) -> int:
        """Rows from where this epoch was begun or resumed; the last batch may be smaller."""
        return min(step * self._batch_size, self._rows) - self._first_step * self._batch_size
