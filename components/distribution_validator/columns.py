"""Which columns are compared, and as what: decided once from the feature specification. Pure."""

import dataclasses
from collections.abc import Collection
from typing import Any, Literal

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, LabelKind

Kind = Literal["numbers", "values", "text", "dates"]

_KINDS: dict[FeatureKind, Kind] = {
    FeatureKind.NUMERIC: "numbers",
    FeatureKind.CATEGORICAL: "values",
    FeatureKind.TEXT: "text",
    FeatureKind.DATE: "dates",
}


@dataclasses.dataclass(frozen=True)
class ComparedColumn:
    """A column that is summarised: its name, how it is compared, and whether it is the label."""

    name: str
    kind: Kind
    is_label: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain strings and a boolean."""
        return dataclasses.asdict(self)


def compared_columns(features: FeatureSpec, named: Collection[str] = ()) -> tuple[ComparedColumn, ...]:
    """The columns that the model uses, and the label last.

    Args:
      features: every column's part in the model.
      named: columns that are compared though the model ignores them.
    """
    wanted = [item for item in features.features if item.kind is not FeatureKind.IGNORED or item.name in named]
    label = features.label
    kind: Kind = "numbers" if label.kind is LabelKind.REGRESSION else "values"
    return (*(ComparedColumn(item.name, _kind_of(item)) for item in wanted), ComparedColumn(label.name, kind, True))


def _kind_of(feature: Feature) -> Kind:
    if feature.kind is FeatureKind.IGNORED:
        return "values" if feature.dtype is DType.STRING else "numbers"
    return _KINDS[feature.kind]
