"""Which earlier model and evidence a run compares with."""

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
    """Models, approvals and evidence in a store, made as runs make them."""

    def __init__(self, store: Any) -> None:
        from ml_metadata.proto import metadata_store_pb2

        self._store, self._pb2 = store, metadata_store_pb2
        self._node_type = store.put_execution_type(metadata_store_pb2.ExecutionType(name="node"))
        self.inputs: dict[str, list[Any]] = {"approval": [], "evidence": []}
        self.models: dict[str, list[Any]] = {"model": [], "model_blessing": []}

    def _artifact(self, kind: Any) -> Any:
        made = kind()
        type_id = self._store.put_artifact_type(self._pb2.ArtifactType(name=kind.TYPE_NAME), can_add_fields=True)
        (made.id,) = self._store.put_artifacts([self._pb2.Artifact(type_id=type_id)])
        return made

    def model(self) -> Any:
        from tfx.types import standard_artifacts

        made = self._artifact(standard_artifacts.Model)
        self.models["model"].append(made)
        return made

    def blessed(self, model: Any) -> Any:
        from tfx.types import standard_artifacts

        blessing = self._artifact(standard_artifacts.ModelBlessing)
        blessing.set_int_custom_property("blessed", 1)
        blessing.set_int_custom_property("current_model_id", model.id)
        self.models["model_blessing"].append(blessing)
        return model

    def made_from(self, model: Any, kind: Any, key: str, read_as: str = "model") -> Any:
        made = self._artifact(kind)
        (execution,) = self._store.put_executions([self._pb2.Execution(type_id=self._node_type)])
        kinds = self._pb2.Event
        for artifact, name, way in ((model, read_as, kinds.INPUT), (made, key, kinds.OUTPUT)):
            path = kinds.Path(steps=[kinds.Path.Step(key=name), kinds.Path.Step(index=0)])
            self._store.put_events([kinds(artifact_id=artifact.id, execution_id=execution, type=way, path=path)])
        self.inputs[key].append(made)
        return made

    def approval(self, model: Any, *, approved: bool) -> None:
        from components.model_approval.artifact import ModelApproval

        self.made_from(model, ModelApproval, "approval").approved = int(approved)

    def evidence(self, model: Any, *, read_as: str = "model") -> Any:
        from components.gate.artifact import GateResult

        return self.made_from(model, GateResult, "evidence", read_as)

    def resolved(self) -> list[int]:
        from components.gate.approved_evidence import ApprovedEvidenceStrategy

        found = ApprovedEvidenceStrategy().resolve_artifacts(self._store, self.inputs)
        return [artifact.id for artifact in (found or {})["evidence"]]

    def baseline(self) -> list[int]:
        from components.gate.approved_models import LatestApprovedModelStrategy

        inputs = {**self.models, "approval": self.inputs["approval"]}
        found = LatestApprovedModelStrategy().resolve_artifacts(self._store, inputs)
        return [artifact.id for artifact in (found or {})["model"]]


def test_a_blessed_model_is_the_one_to_beat_once_it_is_approved(store: Any) -> None:
    history = History(store)
    assert history.baseline() == []
    first = history.blessed(history.model())
    assert history.baseline() == []
    history.approval(first, approved=True)
    refused = history.blessed(history.model())
    history.approval(refused, approved=False)
    assert history.baseline() == [first.id]
    waits = history.blessed(history.model())
    assert history.baseline() == [first.id]
    history.approval(waits, approved=True)
    assert history.baseline() == [waits.id]
    history.approval(waits, approved=False)
    assert history.baseline() == [first.id]


def test_a_first_run_has_nothing_to_compare_with(store: Any) -> None:
    history = History(store)
    assert history.resolved() == []
    history.evidence(history.model())
    assert history.resolved() == []


def test_the_newest_evidence_of_the_last_approved_model_is_taken(store: Any) -> None:
    history = History(store)
    first, second = history.model(), history.model()
    history.evidence(first)
    history.approval(first, approved=True)
    history.evidence(second)
    wanted = history.evidence(second)
    history.approval(second, approved=True)
    assert history.resolved() == [wanted.id]


def test_a_refused_model_is_never_what_the_next_is_compared_with(store: Any) -> None:
    history = History(store)
    approved, refused = history.model(), history.model()
    wanted = history.evidence(approved)
    history.approval(approved, approved=True)
    history.evidence(refused)
    history.approval(refused, approved=False)
    assert history.resolved() == [wanted.id]


def test_an_approval_that_was_taken_back_counts_no_longer(store: Any) -> None:
    history = History(store)
    first, second = history.model(), history.model()
    wanted = history.evidence(first)
    history.approval(first, approved=True)
    history.evidence(second)
    history.approval(second, approved=True)
    history.approval(second, approved=False)
    assert history.resolved() == [wanted.id]


def test_evidence_of_another_model_does_not_stand_in(store: Any) -> None:
    history = History(store)
    first, second = history.model(), history.model()
    history.evidence(first)
    history.approval(first, approved=True)
    history.approval(second, approved=True)
    assert history.resolved() == []
