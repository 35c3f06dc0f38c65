"""What the run knows about the model, as plain values: each part is there, or the reason why it is not. Pure."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from components.bias_evaluator.document import BiasDocument
from components.evaluator.analysis import Analysis
from components.explainer.document import Explanation
from components.gate.verdict import Verdict
from components.training_balancer.settings import BalancingSettings
from models.tabular_text.features import FeatureSpec

Value = TypeVar("Value")


@dataclasses.dataclass(frozen=True)
class Part(Generic[Value]):
    """A part of the evidence: its value, or why there is none, in a sentence."""

    value: Value | None = None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows that were read.

    Attributes:
      by_split: rows of each split.
      rows_in: rows read, None if nobody counted.
      quarantined: rows set aside.
      span: of the input, None if it has none.
    """

    by_split: Mapping[str, int]
    rows_in: int | None = None
    quarantined: int = 0
    span: int | None = None


@dataclasses.dataclass(frozen=True)
class ColumnStatistics:
    """One column of the training rows; a card holds no values of columns, which may be private.

    Attributes:
      missing_share: rows without a value, 0 to 1.
      distinct: different values, None for numbers.
      mean: for numbers.
    """

    missing_share: float
    distinct: int | None = None
    mean: float | None = None


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """The exported model.

    Attributes:
      digest: SHA-256 of its files.
      size_bytes: of all files.
      made_on: day (UTC, ISO 8601) on which it was published, None if the store does not say.
      description: what it says of itself (`assets.extra/penstock.json`).
    """

    digest: str
    size_bytes: int
    made_on: str | None
    description: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class SchemaFacts:
    """The schema that the rows were held to.

    Attributes:
      digest: SHA-256 of the file.
      features: number of columns that it describes.
      required: of these, columns that every row must have.
    """

    digest: str
    features: int
    required: int


@dataclasses.dataclass(frozen=True)
class Known:
    """What the configuration and its plan say, settled before the run.

    Attributes:
      name: the pipeline's.
      source: the input pattern below the data's folder.
      curated_schema: True if people reviewed the schema, False if it was inferred.
      split_by: the column whose rows stay in one split, None if rows are split one by one.
      features: every column's part in the model.
      model: settings of the model.
      training: settings of the training.
      balancing: of the training rows.
      gates: the nodes that judge, in the pipeline's order.
    """

    name: str
    source: str
    curated_schema: bool
    split_by: str | None
    features: FeatureSpec
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    balancing: BalancingSettings
    gates: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and booleans."""
        parts = {"features": self.features.to_json(), "model": dict(self.model), "training": dict(self.training)}
        parts["balancing"] = self.balancing.to_json()
        return {**dataclasses.asdict(self), **parts, "gates": list(self.gates)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Known":
        """The inverse of `to_json`."""
        features, balancing = FeatureSpec.from_json(data["features"]), BalancingSettings.from_json(data["balancing"])
        return cls(**{**data, "features": features, "balancing": balancing, "gates": tuple(data["gates"])})


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Everything that a card is made from, apart from what people wrote.

    Attributes:
      run_id: the run that wrote the card, empty if unknown.
      statistics: of the training rows, by column.
      tuned: hyperparameters that a search chose, empty without a search.
      blessing: the Evaluator's decision.json; `serving`: ServingCheck's report.json.
      verdicts: of the gates, by node.
    """

    run_id: str
    model: Part[ModelFacts]
    rows: Part[Rows]
    statistics: Part[Mapping[str, ColumnStatistics]]
    schema: Part[SchemaFacts]
    tuned: Mapping[str, Any]
    analysis: Part[Analysis]
    blessing: Part[Mapping[str, Any]]
    serving: Part[Mapping[str, Any]]
    verdicts: Mapping[str, Part[Verdict]]
    bias: Part[BiasDocument]
    explanation: Part[Explanation]
