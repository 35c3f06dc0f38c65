"""The artifact type of what a span's data looked like."""

from tfx.types.artifact import Artifact, Property, PropertyType


class DistributionSummary(Artifact):
    """What the compared columns look like, in `summary.json` (`TableSummary.to_json`): for later spans, for monitoring.

    `rows` is the number of rows, `span` that of the examples (-1 without one).
    """

    TYPE_NAME = "PenstockDistributionSummary"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "rows": Property(type=PropertyType.INT),
        "span": Property(type=PropertyType.INT),
    }
