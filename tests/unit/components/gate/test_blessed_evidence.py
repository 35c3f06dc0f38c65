"""Which earlier evidence a run compares with."""

from typing import Any

import pytest

pytest.importorskip("ml_metadata")


@pytest.fixture
def store() -> Any:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.fake_database.SetInParent()
    return metadata_store.MetadataStore(config)


class History:
    """Models, blessings and evidence in a store, made as runs make them."""

    def __init__(self, store: Any) -> None:
        from ml_metadata.proto import metadata_store_pb2

        self._store, self._pb2 = store, metadata_store_pb2
        self._node_type = store.put_execution_type(metadata_store_pb2.ExecutionType(name="node"))
        self.inputs: dict[str, list[Any]] = {"model": [], "model_blessing": [], "evidence": []}

    def _artifact(self, kind: Any, key: str) -> Any:
        made = kind()
        type_id = self._store.put_artifact_type(self._pb2.ArtifactType(name=kind.TYPE_NAME), can_add_fields=True)
        (made.id,) = self._store.put_artifacts([self._pb2.Artifact(type_id=type_id)])
        self.inputs[key].append(made)
        return made

    def model(self, *, blessed: bool) -> Any:
        from tfx.types import standard_artifacts

        made = self._artifact(standard_artifacts.Model, "model")
        blessing = self._artifact(standard_artifacts.ModelBlessing, "model_blessing")
        blessing.set_int_custom_property("blessed", int(blessed))
        blessing.set_int_custom_property("current_model_id", made.id)
        return made

    def evidence(self, model: Any) -> Any:
        from components.gate.artifact import GateResult

        made = self._artifact(GateResult, "evidence")
        (execution,) = self._store.put_executions([self._pb2.Execution(type_id=self._node_type)])
        kinds = self._pb2.Event
        pairs = ((model.id, kinds.INPUT), (made.id, kinds.OUTPUT))
        self._store.put_events([kinds(artifact_id=number, execution_id=execution, type=kind) for number, kind in pairs])
        return made

    def resolved(self) -> list[int]:
        from components.gate.blessed_evidence import BlessedEvidenceStrategy

        found = BlessedEvidenceStrategy().resolve_artifacts(self._store, self.inputs)
        return [artifact.id for artifact in (found or {})["evidence"]]


def test_a_first_run_has_nothing_to_compare_with(store: Any) -> None:
    history = History(store)
    assert history.resolved() == []
    model = history.model(blessed=False)
    history.evidence(model)
    assert history.resolved() == []


def test_the_newest_evidence_of_the_last_blessed_model_is_taken(store: Any) -> None:
    history = History(store)
    history.evidence(history.model(blessed=True))
    second = history.model(blessed=True)
    history.evidence(second)
    wanted = history.evidence(second)
    history.evidence(history.model(blessed=False))
    assert history.resolved() == [wanted.id]


def test_evidence_of_an_older_model_does_not_stand_in(store: Any) -> None:
    history = History(store)
    history.evidence(history.model(blessed=True))
    history.model(blessed=True)
    assert history.resolved() == []
