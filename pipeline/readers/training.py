"""How the training went: a curve per metric over the epochs, from Trainer's history.json."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import NotFound
from pipeline.readers.documents import read_object

HISTORY_FILE = "history.json"
_NOT_METRICS = ("epoch", "seconds")


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One epoch: its number from 1, how long it took, and its metrics; `val_` ones are of the eval split."""

    number: int
    seconds: float | None
    metrics: Mapping[str, float | None]


@dataclasses.dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
      best_epoch: the epoch with the smallest `val_loss`, 0 if there is none.
      devices: where it trained, as far as it is written down.
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    devices: tuple[str, ...] = ()

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics without the `val_` prefix, in the order of the first epoch, loss first."""
        names = dict.fromkeys(name.removeprefix("val_") for epoch in self.epochs for name in epoch.metrics)
        return tuple(sorted(names, key=lambda name: name != "loss"))

    def curve(self, metric: str) -> tuple[float | None, ...]:
        """A metric's value in each epoch, None where it is not there or not finite."""
        return tuple(epoch.metrics.get(metric) for epoch in self.epochs)

    @property
    def seconds(self) -> float:
        """What all epochs took together."""
        return sum(epoch.seconds or 0.0 for epoch in self.epochs)


def read_training(folder: Path) -> Training:
    """The training in a ModelRun artifact; also of a training under way, up to its last whole epoch.

    Raises:
      NotFound: there is no history, or it cannot be read.
    """
    path = folder / HISTORY_FILE
    data = read_object(path)
    try:
        epochs = tuple(
            Epoch(
                number=int(item["epoch"]),
                seconds=item.get("seconds"),
                metrics={name: value for name, value in item.items() if name not in _NOT_METRICS},
            )
            for item in data["epochs"]
        )
        return Training(epochs, int(data["best_epoch"]), tuple(data.get("devices", ())))
    except (KeyError, TypeError, AttributeError) as error:
        raise NotFound(f"{path}: not the history of a training ({error!r}).") from error
