"""Why a model may not be pushed, from its blessings' documents. Pure."""

from collections.abc import Mapping
from typing import Any


def refusal(gate: str, is_blessed: bool | None, document: Mapping[str, Any] | None) -> str | None:
    """A sentence, or None if this gate blessed the model.

    Args:
      gate: the node that gave the blessing.
      is_blessed: its answer, None if there is none.
      document: its `decision.json` or `report.json`, None if it wrote none.
    """
    if is_blessed is None:
        return f"There is no blessing of {gate}, though the pipeline asks for one."
    if is_blessed:
        return None
    reasons = " ".join((document or {}).get("reasons", ()))
    return f"{gate} did not bless the model{f': {reasons}' if reasons else '.'}"
