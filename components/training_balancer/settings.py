"""How the training rows are balanced. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

Method = Literal["none", "downsample", "upsample", "class_weights"]

_MAX_SEED = 2**32 - 1


@dataclasses.dataclass(frozen=True)
class BalancingSettings:
    """How the training rows are balanced; the other splits never are.

    Attributes:
      method: `none`: not at all, and the pipeline has no TrainingBalancer. `downsample`: rows of frequent classes are
        left out. `upsample`: rows of rare classes are there several times. `class_weights`: every row once, rows of
        rare classes weigh more in the loss.
      target: rows of the rarest class for each row of the most frequent one, afterwards; 1 = equal numbers.
      by: the categorical feature whose values are balanced instead of the label's classes (not for weights).
      max_factor: no row is there more than this many times (`upsample`), or weighs more than this many times what a
        row of the most frequent class does. Ten: a model that sees a row more often learns the row, not its class.
      min_class_rows: a class of fewer training rows stops `downsample`, whose whole result it would decide, and is a
        warning otherwise.
      seed: decides which rows are left out or repeated; 0 to 2^32 - 1.
    """

    method: Method = "none"
    target: float = 1.0
    by: str | None = None
    max_factor: float = 10.0
    min_class_rows: int = 10
    seed: int = 42

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.target <= 1:
            problems.append(f"target: {self.target} is not above 0 and at most 1 (1 = equal numbers).")
        if not (math.isfinite(self.max_factor) and self.max_factor >= 1):
            problems.append(f"max_factor: {self.max_factor} is no number of at least 1.")
        if self.min_class_rows < 1:
            problems.append(f"min_class_rows: {self.min_class_rows} is below 1.")
        if not 0 <= self.seed <= _MAX_SEED:
            problems.append(f"seed: {self.seed} is not in 0 to {_MAX_SEED}.")
        if self.method == "class_weights" and self.by is not None:
            problems.append(
                f"by: class_weights weighs the label's classes, not those of '{self.by}'; take 'by' out, or set method "
                "to downsample or upsample."
            )
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def enabled(self) -> bool:
        """True if there is anything to balance."""
        return self.method != "none"

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "BalancingSettings":
        """The inverse of `to_json`."""
        return cls(**data)
