"""Whether and under which name models are registered. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
import re

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclasses.dataclass(frozen=True)
class RegistrySettings:
    """The registry.

    Attributes:
      enabled: the pipeline has a ModelRegistry.
      name: the model's name in the registry; None = the pipeline's.
    """

    enabled: bool = True
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name is {self.name!r}, expected 1 to 63 lower-case letters, digits and dashes, a letter first."
            )
