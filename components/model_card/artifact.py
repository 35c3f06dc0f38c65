"""The artifact type of a model card."""

from tfx.types.artifact import Artifact, Property, PropertyType


class ModelCard(Artifact):
    """`card.json` and `card.html`; how many sections nobody wrote, and how many pieces of evidence were not there."""

    TYPE_NAME = "PenstockModelCard"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "missing_sections": Property(type=PropertyType.INT),
        "missing_evidence": Property(type=PropertyType.INT),
        "model_digest": Property(type=PropertyType.STRING),
    }
