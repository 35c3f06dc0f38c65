"""Which models were approved, as ML Metadata knows it; and the last of them, which the next is compared with.

The Evaluator's blessing alone is not enough: a model that another gate or a person refused would be what the next is
compared with. The same model would then pass when it is run again, and an honest one would look bad beside a leaky one.
"""

from collections.abc import Iterable
from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.types.artifact import Artifact

APPROVAL = "approval"


class LatestApprovedModelStrategy(ResolverStrategy):
    """The latest model that is blessed and approved, with its blessing; nothing where there is none.

    For a Resolver with the inputs `model`, `model_blessing` and `approval` (ModelApproval's artifacts).
    """

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Artifact]]) -> dict[str, list[Artifact]] | None:
        """See the class; `store` is ML Metadata's."""
        approved = approved_models(store, input_dict[APPROVAL])
        blessed = LatestBlessedModelStrategy().resolve_artifacts(
            store,
            {
                "model": [model for model in input_dict["model"] if model.id in approved],
                "model_blessing": list(input_dict["model_blessing"]),
            },
        )
        return {APPROVAL: [], **(blessed or {"model": [], "model_blessing": []})}


def approved_models(store: Any, approvals: Iterable[Artifact]) -> dict[int, int]:
    """Id of each approved model, with the id of its newest approval; one that was taken back is none.

    Args:
      store: ML Metadata's.
      approvals: ModelApproval's artifacts.
    """
    newest: dict[int, Artifact] = {}
    for approval in sorted(approvals, key=lambda artifact: artifact.id):
        for model in _models_of(store, approval.id):
            newest[model] = approval
    return {model: approval.id for model, approval in newest.items() if approval.approved}


def _models_of(store: Any, artifact_id: int) -> set[int]:
    """What the artifact's node read as `model`."""
    writers = {event.execution_id for event in store.get_events_by_artifact_ids([artifact_id]) if is_output(event)}
    events = store.get_events_by_execution_ids(list(writers)) if writers else []
    return {event.artifact_id for event in events if not is_output(event) and _key(event) == "model"}


def is_output(event: Any) -> bool:
    """True if the node wrote the artifact, False if it read it."""
    from ml_metadata.proto import metadata_store_pb2

    return event.type in (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


def _key(event: Any) -> str:
    """The input's or output's name."""
    return next((step.key for step in event.path.steps if step.HasField("key")), "")
