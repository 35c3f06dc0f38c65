import pytest
from ml_metadata.proto import metadata_store_pb2
from synthetic_store import SyntheticStore

from pipeline.metadata import LineageStore


@pytest.fixture
def store(tmp_path):
    return SyntheticStore(tmp_path / "root")


def snapshot_of(store):
    return LineageStore(store.runs.metadata_uri).snapshot()


def test_a_snapshot_holds_what_was_written(store):
    made = store.add_run("run-1")
    snapshot = snapshot_of(store)
    assert len(snapshot.executions) == 7
    assert len(snapshot.artifacts) == 10
    trainer = snapshot.executions[made.executions["Trainer"]]
    assert (trainer.node_id, trainer.pipeline_name, trainer.run_ids) == ("Trainer", "reviews", ("run-1",))
    assert trainer.is_finished
    model = snapshot.artifacts[made.artifacts["Trainer", "model"]]
    assert (model.type_name, model.node_id, model.key, model.state) == ("Model", "Trainer", "model", "LIVE")
    assert model.fingerprint == f"sha256:{model.artifact_id:064x}"


def test_what_a_node_reads_under_several_keys_is_read_under_each(store):
    made = store.add_run("run-1")
    evaluator, artifact = made.executions["Evaluator"], made.artifacts["StatisticsGen", "statistics"]
    event = metadata_store_pb2.Event(execution_id=evaluator, artifact_id=artifact, type=metadata_store_pb2.Event.INPUT)
    for key in ("model", "baseline_model"):
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
    store.store.put_events([event])
    found = [
        item for item in snapshot_of(store).events if (item.execution_id, item.artifact_id) == (evaluator, artifact)
    ]
    assert {(item.key, item.kind) for item in found} == {("model", "input"), ("baseline_model", "input")}


def test_structures_are_text(store):
    made = store.add_run("run-1")
    (artifact,) = store.store.get_artifacts_by_id([made.artifacts["StatisticsGen", "statistics"]])
    artifact.custom_properties["blessed"].struct_value.update({"train": 1})
    artifact.custom_properties["rates"].struct_value.update({"__value__": '{"train": 1.0}'})
    store.store.put_artifacts([artifact])
    found = snapshot_of(store).artifacts[artifact.id].properties
    assert found["blessed"] == '{"train": 1.0}'
    assert found["rates"] == '{"train": 1.0}'


def test_what_is_marked_deleted_is_not_live_any_more(store):
    made = store.add_run("run-1")
    gone = made.artifacts["Trainer", "model"]
    lineage = LineageStore(store.runs.metadata_uri)
    assert lineage.snapshot().artifacts[gone].is_live
    lineage.mark_deleted([gone])
    after = lineage.snapshot().artifacts
    assert [number for number, artifact in after.items() if not artifact.is_live] == [gone]
    assert after[gone].fingerprint, "its properties stay"
    (raw,) = store.store.get_artifacts_by_id([gone])
    assert raw.state == metadata_store_pb2.Artifact.DELETED


def test_no_store_is_an_empty_snapshot(tmp_path):
    snapshot = LineageStore(f"sqlite:///{tmp_path}/none.sqlite").snapshot()
    assert not snapshot.artifacts
    assert not snapshot.executions
    assert not (tmp_path / "none.sqlite").exists()
