"""The artifact type of an explanation."""

from tfx.types.artifact import Artifact, Property, PropertyType


class ModelExplanation(Artifact):
    """What a model's answers come from: `explanation.json` (`document.Explanation`), `attributions.parquet` (`rows`).

    `rows` were explained; `is_complete` is 1 if the attributions of enough rows sum to the difference of outputs.
    """

    TYPE_NAME = "PenstockExplanation"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "rows": Property(type=PropertyType.INT),
        "is_complete": Property(type=PropertyType.INT),
    }
