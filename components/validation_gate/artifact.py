"""The artifact type of a gate's decision."""

from tfx.types.artifact import Artifact, Property, PropertyType


class GateResult(Artifact):
    """What a gate saw and decided, in `decision.json`; `passed` is 1.

    A gate that refuses fails its node, and TFX removes the outputs of a failed node: the decision is then in the
    node's error and log.
    """

    TYPE_NAME = "PenstockGateResult"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "passed": Property(type=PropertyType.INT),
        "warnings": Property(type=PropertyType.INT),
        "waived": Property(type=PropertyType.INT),
    }
