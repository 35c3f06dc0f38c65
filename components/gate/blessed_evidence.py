"""Resolves what an earlier run found out about the last blessed model: its bias, its attributions, …"""

from collections.abc import Iterable
from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.types.artifact import Artifact

EVIDENCE = "evidence"


class BlessedEvidenceStrategy(ResolverStrategy):
    """The newest artifact under `evidence` that was made from the last blessed model, nothing where there is none.

    For a Resolver with the inputs `model`, `model_blessing` and `evidence`; an artifact was made from a model if its
    node had the model as an input.
    """

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Artifact]]) -> dict[str, list[Artifact]] | None:
        """See the class; `store` is ML Metadata's."""
        nothing: dict[str, list[Artifact]] = {key: [] for key in input_dict}
        blessed = LatestBlessedModelStrategy().resolve_artifacts(
            store, {key: artifacts for key, artifacts in input_dict.items() if key != EVIDENCE}
        )
        models = list((blessed or {}).get("model", []))
        candidates = {artifact.id: artifact for artifact in input_dict[EVIDENCE]}
        if not models or not candidates:
            return nothing
        made = _made_from(store, models[0].id, candidates)
        return {**nothing, **(blessed or {}), EVIDENCE: [candidates[max(made)]]} if made else nothing


def _made_from(store: Any, model_id: int, artifact_ids: Iterable[int]) -> list[int]:
    """The artifacts whose node read the model."""
    from ml_metadata.proto import metadata_store_pb2

    written = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)
    readers = {
        event.execution_id for event in store.get_events_by_artifact_ids([model_id]) if event.type not in written
    }
    events = store.get_events_by_artifact_ids(list(artifact_ids))
    return [event.artifact_id for event in events if event.type in written and event.execution_id in readers]
