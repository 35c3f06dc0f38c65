"""What ModelRegistry writes: `model_version.json`. Plain data, read without TensorFlow."""

import dataclasses
from collections.abc import Mapping
from typing import Any

VERSION_FILE = "model_version.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class VersionDocument:
    """As what a run's model was registered, or why it was not.

    Attributes:
      registered: the answer.
      name: the model's, in the registry.
      registry: the registry's folder.
      version: its number, empty if it was not registered.
      stage: the stage it had then; where it stands now the registry says.
      model_digest: of its bytes, empty if it was not registered.
      signature: who signed it, in words.
      reason: why it was not registered, empty if it was.
    """

    registered: bool
    name: str
    registry: str
    version: str = ""
    stage: str = ""
    model_digest: str = ""
    signature: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain strings and booleans."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "VersionDocument":
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a registered version of format {data.get('format')!r}; this program reads {FORMAT}")
        return cls(**{key: value for key, value in data.items() if key != "format"})
