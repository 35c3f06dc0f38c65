"""The artifact types of what DataQualityGate writes beside its verdict."""

from tfx.types.artifact import Artifact, Property, PropertyType


class QualityMetrics(Artifact):
    """What was measured, in `metrics.json`: rows by split, each constraint's value, each column's profile.

    `rows` is the number of all rows, `span` that of the examples (-1 without one).
    """

    TYPE_NAME = "PenstockQualityMetrics"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "rows": Property(type=PropertyType.INT),
        "span": Property(type=PropertyType.INT),
    }


class ConstraintSuggestions(Artifact):
    """Constraints that the data keeps to, in `suggestions.json`, each with what was seen and why it may be demanded."""

    TYPE_NAME = "PenstockConstraintSuggestions"


class OffendingRows(Artifact):
    """A few rows that break each constraint, in `rows.jsonl`: `check`, `split`, `row`, `times` of a repeated key."""

    TYPE_NAME = "PenstockOffendingRows"
