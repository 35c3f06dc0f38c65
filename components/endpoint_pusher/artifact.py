"""The artifact type of a deployment."""

from tfx.types.artifact import Artifact, Property, PropertyType


class Endpoint(Artifact):
    """What a run put on a SageMaker endpoint, in `endpoint.json`; what is there now the platform says.

    `deployed` is 1, or 0 with the reason in `reason`; `endpoint`, `endpoint_config` and `model_name` are SageMaker's
    names; `previous_config` is what was there before, empty if nothing was; `variant` is the part of the traffic that
    the model got (`live`, `challenger`, `shadow`); `model_digest` is of its bytes (components/model_digest.py);
    `version` is the registered version.
    """

    TYPE_NAME = "PenstockEndpoint"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "deployed": Property(type=PropertyType.INT),
        "endpoint": Property(type=PropertyType.STRING),
        "endpoint_config": Property(type=PropertyType.STRING),
        "previous_config": Property(type=PropertyType.STRING),
        "model_name": Property(type=PropertyType.STRING),
        "variant": Property(type=PropertyType.STRING),
        "model_digest": Property(type=PropertyType.STRING),
        "version": Property(type=PropertyType.STRING),
        "reason": Property(type=PropertyType.STRING),
    }
