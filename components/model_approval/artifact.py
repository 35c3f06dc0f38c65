"""The artifact type of an approval."""

from tfx.types.artifact import Artifact, Property, PropertyType


class ModelApproval(Artifact):
    """Who or what approved or refused which model's bytes on what evidence, in `approval.json`.

    `approved` is 1 or 0, `decided_by` is `gates`, `rules` or `people`, `model_digest` is the model's
    (components/model_digest.py), `reason` is the first reason.
    """

    TYPE_NAME = "PenstockModelApproval"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "approved": Property(type=PropertyType.INT),
        "decided_by": Property(type=PropertyType.STRING),
        "model_digest": Property(type=PropertyType.STRING),
        "reason": Property(type=PropertyType.STRING),
    }
