"""The feature specification: which column is used how, decided once and carried to Transform, Trainer and serving.

Pure data, no TensorFlow: the command line reads it too. It travels as JSON in the nodes' `custom_config`.
"""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any


class FeatureKind(enum.StrEnum):
    """How a column enters the model."""

    NUMERIC = "numeric"  # impute, z-score, missing indicator
    CATEGORICAL = "categorical"  # vocabulary with out-of-vocabulary buckets; strings or integers
    TEXT = "text"  # lower-case, split, vocabulary, pad or truncate to max_tokens
    DATE = "date"  # ISO 8601 string: days since 1970 (z-scored), month and weekday
    IGNORED = "ignored"  # stays in the examples, never reaches the model


class LabelKind(enum.StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class DType(enum.StrEnum):
    """The type of a column's values in a tf.Example."""

    INT64 = "int64"
    FLOAT32 = "float32"
    STRING = "string"


@dataclasses.dataclass(frozen=True)
class Feature:
    """One input column.

    Attributes:
      name: the column's name in the raw data.
      kind: how it enters the model.
      dtype: its type in the tf.Example.
      required: True if the schema promises a value in every row; serving then refuses a row without it.
      cardinality: number of distinct values where the schema or the data tells (categories), else None.
      reason: why this kind was chosen, in words, for `penstock plan`.
    """

    name: str
    kind: FeatureKind
    dtype: DType
    required: bool = False
    cardinality: int | None = None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Label:
    """The column to predict; classes are named by their values, numbers as decimal strings."""

    name: str
    kind: LabelKind
    dtype: DType
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """Every column's part in the model, and the sizes that fix the transform graph.

    Attributes:
      label: the column to predict.
      features: all other columns, in the order of the data.
      max_tokens: tokens kept per text, shorter texts are padded.
      text_vocabulary_size: most frequent tokens kept per text column.
      categorical_vocabulary_size: most frequent values kept per categorical column.
      oov_buckets: hash buckets for values outside a vocabulary.
    """

    label: Label
    features: tuple[Feature, ...]
    max_tokens: int = 64
    text_vocabulary_size: int = 20_000
    categorical_vocabulary_size: int = 1_000
    oov_buckets: int = 1

    def of_kind(self, *kinds: FeatureKind) -> list[Feature]:
        """Features of these kinds, in order."""
        return [feature for feature in self.features if feature.kind in kinds]

    @property
    def used(self) -> list[Feature]:
        """Features that reach the model, in order."""
        return [feature for feature in self.features if feature.kind is not FeatureKind.IGNORED]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FeatureSpec":
        """The inverse of `to_json`."""
        label = data["label"]
        return cls(
            label=Label(label["name"], LabelKind(label["kind"]), DType(label["dtype"]), label["reason"]),
            features=tuple(
                Feature(**{**item, "kind": FeatureKind(item["kind"]), "dtype": DType(item["dtype"])})
                for item in data["features"]
            ),
            **{key: value for key, value in data.items() if key not in ("label", "features")},
        )


def transformed_name(name: str) -> str:
    """The name of a column after Transform (TFX's convention)."""
    return f"{name}_xf"
