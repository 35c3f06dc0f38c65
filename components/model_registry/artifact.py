"""The artifact type of a registered version."""

from tfx.types.artifact import Artifact, Property, PropertyType


class ModelVersion(Artifact):
    """The version of a model that a run registered, in `model_version.json`; where it stands now the registry says.

    `registered` is 1, or 0 with the reason in `reason`; `model_name` and `version` name it; `stage` is the one in which
    it was registered; `model_digest` is of its bytes (components/model_digest.py); `run` is the run that made it.
    """

    TYPE_NAME = "PenstockModelVersion"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "registered": Property(type=PropertyType.INT),
        "model_name": Property(type=PropertyType.STRING),
        "version": Property(type=PropertyType.STRING),
        "stage": Property(type=PropertyType.STRING),
        "model_digest": Property(type=PropertyType.STRING),
        "run": Property(type=PropertyType.STRING),
        "reason": Property(type=PropertyType.STRING),
    }
