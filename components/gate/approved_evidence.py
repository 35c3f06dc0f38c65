"""Resolves what an earlier run found out about the last approved model: its bias, its attributions, …"""

from collections.abc import Iterable
from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact

APPROVAL, EVIDENCE = "approval", "evidence"


class ApprovedEvidenceStrategy(ResolverStrategy):
    """The newest artifact under `evidence` that was made from the last approved model, nothing where there is none.

    For a Resolver with the inputs `approval` (ModelApproval's artifacts) and `evidence`; an artifact was made from a
    model if its node had the model as an input. A model's newest approval counts, so that one that was taken back is
    none. The Evaluator's blessing alone is not enough: a model that another gate refused would be what the next is
    compared with, and the same model would pass when it is run again.
    """

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Artifact]]) -> dict[str, list[Artifact]] | None:
        """See the class; `store` is ML Metadata's."""
        nothing: dict[str, list[Artifact]] = {key: [] for key in input_dict}
        model = _last_approved(store, input_dict[APPROVAL])
        candidates = {artifact.id: artifact for artifact in input_dict[EVIDENCE]}
        made = [] if model is None else _made_from(store, model, candidates)
        return {**nothing, EVIDENCE: [candidates[max(made)]]} if made else nothing


def _last_approved(store: Any, approvals: Iterable[Artifact]) -> int | None:
    """The model of the newest approval that says yes and that no newer one of the same model takes back."""
    newest: dict[int, Artifact] = {}
    for approval in sorted(approvals, key=lambda artifact: artifact.id):
        for model in _models_of(store, approval.id):
            newest[model] = approval
    approved = [(approval.id, model) for model, approval in newest.items() if approval.approved]
    return max(approved)[1] if approved else None


def _models_of(store: Any, artifact_id: int) -> set[int]:
    """What the artifact's node read as `model`."""
    writers = {event.execution_id for event in store.get_events_by_artifact_ids([artifact_id]) if _is_output(event)}
    events = store.get_events_by_execution_ids(list(writers)) if writers else []
    return {event.artifact_id for event in events if not _is_output(event) and _key(event) == "model"}


def _made_from(store: Any, model_id: int, artifact_ids: Iterable[int]) -> list[int]:
    """The artifacts whose node read the model."""
    readers = {event.execution_id for event in store.get_events_by_artifact_ids([model_id]) if not _is_output(event)}
    ids = list(artifact_ids)
    events = store.get_events_by_artifact_ids(ids) if ids else []
    return [event.artifact_id for event in events if _is_output(event) and event.execution_id in readers]


def _is_output(event: Any) -> bool:
    from ml_metadata.proto import metadata_store_pb2

    return event.type in (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


def _key(event: Any) -> str:
    """The input's or output's name."""
    return next((step.key for step in event.path.steps if step.HasField("key")), "")
