"""The artifact type of what BiasEvaluator measured."""

from tfx.types.artifact import Artifact, Property, PropertyType


class BiasReport(Artifact):
    """Every metric of every facet with its interval, in `bias.json` (components/bias_evaluator/document.py).

    `facets` is the number of facets, `failed` that of the metrics beyond their threshold, waived or not.
    """

    TYPE_NAME = "PenstockBiasReport"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "facets": Property(type=PropertyType.INT),
        "failed": Property(type=PropertyType.INT),
    }
