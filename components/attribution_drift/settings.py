"""What AttributionDrift demands. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.gate.waiver import Waiver


@dataclasses.dataclass(frozen=True)
class AttributionDriftSettings:
    """The AttributionDrift gate.

    Attributes:
      min_ndcg: smallest NDCG of the ranking of features against the last approved model's, 0 to 1. 0.90 is the bound
        at which SageMaker Model Monitor alerts. The model is refused if the whole interval is below it, and warned of
        if the value alone is.
      confidence: of the interval of the NDCG.
      seed: of the bootstrap.
      waivers: leave to go on in spite of a finding.
    """

    min_ndcg: float = 0.9
    confidence: float = 0.95
    seed: int = 0
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.min_ndcg <= 1:
            problems.append(f"min_ndcg: {self.min_ndcg:g} is not from 0 to 1.")
        if not 0.5 <= self.confidence < 1:
            problems.append(f"confidence: {self.confidence:g} is not from 0.5 to below 1.")
        if self.seed < 0:
            problems.append(f"seed: {self.seed} is below 0.")
        if problems:
            raise ValueError("\n".join(problems))

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {**dataclasses.asdict(self), "waivers": [waiver.to_json() for waiver in self.waivers]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "AttributionDriftSettings":
        """The inverse of `to_json`."""
        return cls(**{**data, "waivers": tuple(map(Waiver.from_json, data["waivers"]))})
