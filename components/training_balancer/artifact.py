"""The artifact type of what TrainingBalancer did."""

from tfx.types.artifact import Artifact, Property, PropertyType


class BalanceReport(Artifact):
    """What was done to the training split, in `balance.json` (`Balance.to_json`).

    `classes` is JSON of the first hundred classes: name → [rows before, rows after].
    """

    TYPE_NAME = "PenstockBalanceReport"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "method": Property(type=PropertyType.STRING),
        "column": Property(type=PropertyType.STRING),
        "rows_before": Property(type=PropertyType.INT),
        "rows_after": Property(type=PropertyType.INT),
        "classes": Property(type=PropertyType.STRING),
        "warnings": Property(type=PropertyType.INT),
    }
