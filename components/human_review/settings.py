"""Which rows are put before people. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class ReviewSettings:
    """Which predictions are looked at by a person.

    Attributes:
      enabled: False leaves HumanReview out of the pipeline.
      threshold: predictions whose confidence (the largest class's probability) is below it are for people, 0 to 1.
        0.90 is the book's: nine answers in ten that pass it are right, if the probabilities are calibrated.
      max_rows: rows in the queue, the least confident first: what a person can do in an hour or so.
      path: a CSV, TSV, Parquet or TFRecord file of rows to label, without a label or with some; None = the rows that
        the Evaluator looked at, whose labels are looked at again.
    """

    enabled: bool = True
    threshold: float = 0.90
    max_rows: int = 100
    path: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if not 0 < self.threshold <= 1:
            problems.append(f"threshold is {self.threshold}, expected more than 0 and at most 1.")
        if self.max_rows < 1:
            problems.append(f"max_rows is {self.max_rows}, expected 1 or more; no queue at all is enabled: false.")
        if problems:
            raise ValueError("\n".join(problems))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings and booleans."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ReviewSettings":
        """The inverse of `to_json`."""
        return cls(**data)
