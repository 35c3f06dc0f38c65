"""What BiasEvaluator measured: `bias.json` of a `PenstockBiasReport`. Pure data, no TensorFlow.

    {"format": 1, "label": "star_rating", "positive": "4 or 5", "group": null,
     "splits": {"pre_training": "train", "post_training": "test"},
     "confidence": 0.95, "replicates": 1000, "min_rows": 50,
     "compared_with": "the last approved model's report, as URI, or null",
     "remarks": ["whole sentences: facets that were left out, why nothing was compared, …"],
     "facets": [
       {"name": "product_category=Gift Card", "column": "product_category",
        "rows": {"pre_training": {"a": 9300, "d": 6700}, "post_training": {"a": 1160, "d": 840}},
        "metrics": {
          "DPL": {"stage": "pre_training", "value": -0.23, "low": -0.25, "high": -0.22, "why": "",
                  "rows": 6700, "before": -0.24, "change": 0.01, "change_low": -0.01, "change_high": 0.03,
                  "status": "passed"}, …},
        "counts": {"pre_training": {"groups": [""], "counts": [[[1100, 8200], [420, 6280]]]}, …}}, …]}

Facet d ("disadvantaged", the sensitive one) is what `name` says, facet a is every other row that has a value in the
column. `counts` is [group][facet: a, d][label: negative, positive], after training with one more axis [prediction:
negative, positive]; every metric follows from it. `value`, `low`, `high` and the changes are null where they are not
finite; `why` then says it. `status` is `failed` (beyond its threshold, refuses or waived), `warned` (beyond it, told
only), `passed`, `not decided` (too few rows, not beyond chance is passed), or empty: reported, no threshold.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.bias_evaluator.names import Stage

#: Goes up when a reader of the older document would misunderstand the new one.
FORMAT = 1

#: In the artifact.
BIAS_FILE = "bias.json"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """One metric of one facet.

    Attributes:
      stage: `pre_training` (labels of the training rows) or `post_training` (predictions for the evaluated rows).
      value: None where it is not finite; `why` says so.
      low: lower end of its bootstrap interval, None where it is not known or not finite.
      high: upper end.
      why: why there is no value, a sentence; empty where there is one.
      rows: the smallest number of rows that it divides by: what decides whether it can be judged.
      before: the last approved model's value.
      change: value - before.
      change_low: lower end of the interval of the change.
      change_high: upper end.
      status: see the module.
    """

    stage: Stage
    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""
    rows: int = 0
    before: float | None = None
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    status: str = ""


@dataclasses.dataclass(frozen=True)
class Counts:
    """Rows by group, facet, label and (after training) prediction.

    Attributes:
      groups: values of the conditioning column; one empty text without such a column.
      counts: nested lists [group][facet a, d][label negative, positive]([prediction negative, positive]).
    """

    groups: tuple[str, ...]
    counts: Any


@dataclasses.dataclass(frozen=True)
class FacetReport:
    """Everything about one facet.

    Attributes:
      name: column and values of facet d, such as `product_category=Gift Card` or `age>40`.
      column: the column.
      rows: by stage, of facet `a` and of facet `d`.
      metrics: by name.
      counts: by stage.
    """

    name: str
    column: str
    rows: Mapping[str, Mapping[str, int]]
    metrics: Mapping[str, Estimate]
    counts: Mapping[str, Counts]


@dataclasses.dataclass(frozen=True)
class BiasDocument:
    """The whole report; the attributes are the keys of the JSON document, see the module."""

    label: str
    positive: str
    group: str | None
    splits: Mapping[str, str]
    confidence: float
    replicates: int
    min_rows: int
    facets: tuple[FacetReport, ...]
    compared_with: str | None = None
    remarks: tuple[str, ...] = ()

    def facet(self, name: str) -> FacetReport | None:
        """The facet of that name, None if it was not measured."""
        return next((facet for facet in self.facets if facet.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and finite numbers."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "BiasDocument":
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a bias report of format {data.get('format')!r}; this program reads {FORMAT}")
        parts = {key: value for key, value in data.items() if key != "format"}
        return cls(**{**parts, "facets": tuple(map(_facet, data["facets"])), "remarks": tuple(data["remarks"])})


def _facet(data: Mapping[str, Any]) -> FacetReport:
    return FacetReport(
        **{
            **data,
            "metrics": {name: Estimate(**item) for name, item in data["metrics"].items()},
            "counts": {stage: Counts(tuple(item["groups"]), item["counts"]) for stage, item in data["counts"].items()},
        }
    )
