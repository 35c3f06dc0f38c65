"""How far a training has come: the part of its state that is no weight, and the early-stopping rule on it."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Self

from models.tabular_text.errors import TrainingDiverged


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where training is; saved with every checkpoint, so that a killed one goes on from there.

    Attributes:
      fingerprint: of everything that decides the outcome; a checkpoint with another one is not continued.
      epoch: epochs completed.
      step: steps done in the epoch under way.
      history: per completed epoch its number (`epoch`, from 1), metrics, `val_` metrics and `seconds`.
      best_epoch: the epoch (from 1) with the smallest `val_loss` so far, 0 before the first.
    """

    fingerprint: str
    epoch: int = 0
    step: int = 0
    history: tuple[dict[str, float], ...] = ()
    best_epoch: int = 0

    @property
    def best_loss(self) -> float:
        """The smallest `val_loss` so far."""
        return self.history[self.best_epoch - 1]["val_loss"] if self.best_epoch else math.inf

    def is_over(self, epochs: int, patience: int) -> bool:
        """True if all epochs are done, or `patience` (0 = never) of them have passed without a better `val_loss`."""
        return self.epoch >= epochs or (patience > 0 and self.epoch - self.best_epoch >= patience)

    def after_steps(self, steps: int) -> "Progress":
        """The same epoch, `steps` into it."""
        return dataclasses.replace(self, step=steps)

    def after_epoch(self, metrics: dict[str, float]) -> "Progress":
        """One epoch further, with its metrics in the history.

        Raises:
          TrainingDiverged: a loss is not finite.
        """
        check_finite(self.epoch + 1, metrics)
        is_better = metrics["val_loss"] < self.best_loss
        number = self.epoch + 1
        return dataclasses.replace(
            self,
            epoch=number,
            step=0,
            history=(*self.history, {"epoch": number, **metrics}),
            best_epoch=number if is_better else self.best_epoch,
        )

    def to_data(self) -> dict[str, Any]:
        """What JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_data`, also after JSON."""
        return cls(**{**data, "history": tuple(data["history"])})

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_data())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`."""
        return cls.of(json.loads(text))


def check_finite(epoch: int, metrics: dict[str, float]) -> None:
    """Raises TrainingDiverged if a loss in the metrics is NaN or infinite."""
    bad = [name for name in ("loss", "val_loss") if name in metrics and not math.isfinite(metrics[name])]
    if bad:
        raise TrainingDiverged(
            f"{bad[0]} became {metrics[bad[0]]} in epoch {epoch}, so the model is lost. Try, in this order: "
            "training.learning_rate ten times smaller; training.mixed_precision: off; training.class_weights: none."
        )


def epoch_line(metrics: dict[str, float], epochs: int) -> str:
    """One line about an epoch for a person: `epoch 2/5  loss 0.61  accuracy 0.74  …  (3.1 s)`."""
    shown = [f"{name} {value:.4g}" for name, value in metrics.items() if name not in ("epoch", "seconds")]
    return "  ".join([f"epoch {metrics['epoch']:.0f}/{epochs}", *shown, f"({metrics['seconds']:.1f} s)"])
