"""Resolves what an earlier run found out about the last approved model: its bias, its attributions, …"""

from collections.abc import Iterable
from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact

from components.gate.approved_models import APPROVAL, approved_models, is_output

EVIDENCE = "evidence"


class ApprovedEvidenceStrategy(ResolverStrategy):
    """The newest artifact under `evidence` that was made from the last approved model, nothing where there is none.

    For a Resolver with the inputs `approval` (ModelApproval's artifacts) and `evidence`; an artifact was made from a
    model if its node had the model as an input.
    """

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Artifact]]) -> dict[str, list[Artifact]] | None:
        """See the class; `store` is ML Metadata's."""
        nothing: dict[str, list[Artifact]] = {key: [] for key in input_dict}
        approved = approved_models(store, input_dict[APPROVAL])
        last = max(approved, key=lambda model: approved[model], default=None)
        candidates = {artifact.id: artifact for artifact in input_dict[EVIDENCE]}
        made = [] if last is None else _made_from(store, last, candidates)
        return {**nothing, EVIDENCE: [candidates[max(made)]]} if made else nothing


def _made_from(store: Any, model_id: int, artifact_ids: Iterable[int]) -> list[int]:
    """The artifacts whose node read the model."""
    readers = {event.execution_id for event in store.get_events_by_artifact_ids([model_id]) if not is_output(event)}
    ids = list(artifact_ids)
    events = store.get_events_by_artifact_ids(ids) if ids else []
    return [event.artifact_id for event in events if is_output(event) and event.execution_id in readers]
