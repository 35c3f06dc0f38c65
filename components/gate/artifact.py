"""The artifact type of a gate's verdict."""

from tfx.types.artifact import Artifact, Property, PropertyType


class GateResult(Artifact):
    """What a gate saw and decided, in `decision.json`; `passed` is 1 or 0.

    A gate that refuses by failing its node leaves the artifact ABANDONED: its bytes stay to be read, and no other node
    takes it as an input (pipeline/caching/launcher.py).
    """

    TYPE_NAME = "PenstockGateResult"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "passed": Property(type=PropertyType.INT),
        "warnings": Property(type=PropertyType.INT),
        "waived": Property(type=PropertyType.INT),
    }
