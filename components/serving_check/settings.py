"""What ServingCheck asks of a model before it may be pushed. Pure data, no TensorFlow."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.evaluator.sample import SAMPLE_ROWS


@dataclasses.dataclass(frozen=True)
class ServingCheckSettings:
    """How many rows are sent, how far answers may differ and how long they may take.

    The latency budget is for one row a request, measured in the probe's own process after a warm-up: the model's
    part, without network. The defaults are wide (a wide-and-deep model answers in a few ms), so that they catch a
    model that cannot serve rather than a busy machine.

    Attributes:
      rows: rows sent, at most; they are the first of the Evaluator's stored sample.
      max_p50_ms: median latency allowed, in milliseconds.
      max_p95_ms: 95th percentile allowed, in milliseconds.
      tolerance: largest difference between two answers to one row, absolute below 1, relative above.
      timeout_s: seconds the whole probe may take, loading included.
    """

    rows: int = 64
    max_p50_ms: float = 100.0
    max_p95_ms: float = 250.0
    tolerance: float = 1e-4
    timeout_s: float = 300.0

    def __post_init__(self) -> None:
        problems = [
            f"{name}: {getattr(self, name)} is not above 0."
            for name in ("rows", "max_p50_ms", "max_p95_ms", "timeout_s")
            if not getattr(self, name) > 0
        ]
        if self.rows > SAMPLE_ROWS:
            problems.append(f"rows: {self.rows} is more than the {SAMPLE_ROWS} that the Evaluator keeps.")
        if not self.tolerance >= 0:
            problems.append(f"tolerance: {self.tolerance} is below 0.")
        if self.max_p95_ms < self.max_p50_ms:
            problems.append(f"max_p95_ms: {self.max_p95_ms} is below max_p50_ms {self.max_p50_ms}.")
        if problems:
            raise ValueError("\n".join(problems))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ServingCheckSettings":
        """The inverse of `to_json`."""
        return cls(**data)
