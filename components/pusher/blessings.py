"""Why a model may not be pushed, from the documents of its blessings and its approval. Pure."""

import datetime
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


def not_approved(document: Mapping[str, Any] | None, digest: str, now: datetime.datetime) -> str | None:
    """A sentence, or None if these very bytes are approved.

    Args:
      document: `approval.json`, None if there is none.
      digest: of the model as it is now (components/model_digest.py).
      now: with zone.
    """
    if document is None:
        return "There is no approval of the model, though the pipeline asks for one."
    if not document["approved"]:
        return f"The model is not approved: {' '.join(document['reasons'])}"
    if document["model_digest"] != digest:
        return (
            f"The model's bytes changed since it was approved (approved {document['model_digest'][:12]}, now "
            f"{digest[:12]}). Find out who changed them; to push them all the same, run the pipeline again."
        )
    end = document.get("valid_until")
    if end is not None and now > datetime.datetime.fromisoformat(end):
        return f"The approval of the model expired on {end}, before it was pushed. Approve it again: penstock approve."
    return None
