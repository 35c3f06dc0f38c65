"""How a model is explained. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Method = Literal["integrated_gradients", "permutation_shap", "both"]
Baseline = Literal["average", "missing"]

METHODS: tuple[Method, ...] = ("integrated_gradients", "permutation_shap", "both")
BASELINES: tuple[Baseline, ...] = ("average", "missing")


@dataclasses.dataclass(frozen=True)
class ExplanationSettings:
    """The Explainer.

    Attributes:
      enabled: false: the pipeline has neither Explainer nor AttributionDrift.
      method: `integrated_gradients` through the served graph, `permutation_shap` on what `serving_raw` answers, or
        `both`: the first explains, the second is asked about a few rows to see whether they agree.
      rows: rows of the evaluated split that are explained, drawn by the seed.
      steps: points at which the gradient is taken between baseline and row. Rows whose attributions do not sum up are
        done again with four times as many.
      baseline: what integrated gradients compare a row with: `average` = the mean of the explained rows; `missing` =
        a row without any value. Words are compared with unknown words either way.
      shap_rows: rows explained by permutation_shap, the first of those drawn.
      shap_background: rows that stand in for the features that are left out.
      shap_permutations: pairs of an order of the features and its reverse.
      tolerance: how far a row's attributions may sum to something else than the difference of the outputs, as a share
        of that difference or, where that is more, of the outputs' standard deviation.
      min_completeness: share of the rows that must keep to it.
      examples: rows shown with their attributions, half of them those that the model got most wrong; 0 shows none.
      tokens: words listed for each text column and class.
      seed: of the draws.
    """

    enabled: bool = True
    method: Method = "both"
    rows: int = 500
    steps: int = 32
    baseline: Baseline = "average"
    shap_rows: int = 20
    shap_background: int = 8
    shap_permutations: int = 4
    tolerance: float = 0.05
    min_completeness: float = 0.95
    examples: int = 6
    tokens: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))

    def _problems(self) -> Iterator[str]:
        if self.method not in METHODS:
            yield f"method {self.method!r} is not one of {', '.join(METHODS)}."
        if self.baseline not in BASELINES:
            yield f"baseline {self.baseline!r} is not one of {', '.join(BASELINES)}."
        least = {"rows": 20, "steps": 4, "shap_rows": 2, "shap_background": 1, "shap_permutations": 1}
        for name, bound in {**least, "examples": 0, "tokens": 0, "seed": 0}.items():
            if getattr(self, name) < bound:
                yield f"{name}: {getattr(self, name)} is below {bound}."
        if not self.tolerance > 0:
            yield f"tolerance: {self.tolerance:g} is not above 0."
        if not 0 <= self.min_completeness <= 1:
            yield f"min_completeness: {self.min_completeness:g} is a share of rows, from 0 to 1."

    def to_json(self) -> dict[str, Any]:
        """Plain strings, numbers and booleans."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ExplanationSettings":
        """The inverse of `to_json`."""
        return cls(**data)
