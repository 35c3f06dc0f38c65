"""One thing that a run was made of, held against what is there today."""

import dataclasses
from typing import Literal

Standing = Literal["same", "unknown", "differs", "missing"]
"""`missing` keeps the run from being re-created, `differs` may make the result another, `unknown` was not noted."""


@dataclasses.dataclass(frozen=True)
class Ingredient:
    """What it is, how it stands, and what was seen; `blocks` if the run is not re-created without `--anyway`."""

    name: str
    standing: Standing
    seen: str
    blocks: bool = False
