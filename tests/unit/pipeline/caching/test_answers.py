from types import SimpleNamespace

import pytest
from ml_metadata.proto import metadata_store_pb2

from pipeline.caching.answers import Answer, find_answers, record_fingerprints, why_damaged, why_unusable
from pipeline.caching.file_index import FileIndex

INDEX = FileIndex(None)
LIVE = metadata_store_pb2.Artifact.LIVE


def published(folder, state=LIVE, pushed_to=""):
    """The artifact as TFX gives it back, after its fingerprints were recorded."""
    proto = metadata_store_pb2.Artifact(uri=str(folder), state=state)
    if pushed_to:
        proto.custom_properties["pushed_destination"].string_value = str(pushed_to)
    record_fingerprints(proto, INDEX)
    stored = {name: value.string_value for name, value in proto.custom_properties.items()}
    return SimpleNamespace(
        uri=str(folder), mlmd_artifact=proto, get_string_custom_property=lambda name: stored.get(name, "")
    )


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "artifact"
    made.mkdir()
    (made / "data").write_text("one")
    return made


@pytest.mark.parametrize(("key", "found"), [("asked", [7]), ("another", [])])
def test_an_execution_that_was_carried_out_with_another_key_is_no_answer_though_it_failed_with_this_one(key, found):
    execution = metadata_store_pb2.Execution(id=7, last_known_state=metadata_store_pb2.Execution.COMPLETE)
    execution.custom_properties["cache_key"].string_value = key
    store = SimpleNamespace(
        get_context_by_type_and_name=lambda _, name: SimpleNamespace(id=1) if name == "asked" else None,
        get_executions_by_context=lambda _: [execution],
        get_events_by_execution_ids=lambda _: [],
        get_artifacts_by_id=lambda _: [],
        get_artifact_types_by_id=lambda _: [],
    )
    assert [answer.execution_id for answer in find_answers(store, "asked")] == found


def test_an_artifact_as_it_was_published_may_be_taken(folder):
    assert why_damaged(published(folder), INDEX) == ""


def test_deleted_and_changed_bytes_are_told_apart(folder):
    artifact = published(folder)
    (folder / "data").write_text("two")
    assert why_damaged(artifact, INDEX) == f"{folder} was changed since it was written"
    (folder / "data").unlink()
    folder.rmdir()
    assert why_damaged(artifact, INDEX) == f"{folder} was deleted"


def test_an_artifact_without_a_fingerprint_is_not_trusted(tmp_path, folder):
    artifact = published(tmp_path / "never-written")
    assert why_damaged(artifact, INDEX).endswith("has no recorded fingerprint")


@pytest.mark.parametrize("state", ["PENDING", "MARKED_FOR_DELETION", "DELETED", "UNKNOWN"])
def test_an_artifact_that_is_not_live_is_not_taken(folder, state):
    artifact = published(folder, metadata_store_pb2.Artifact.State.Value(state))
    assert why_damaged(artifact, INDEX).endswith("is marked as not live")


def test_a_pushed_model_that_somebody_removed_or_changed_is_pushed_again(folder, tmp_path):
    version = tmp_path / "pushed" / "1795380577"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text("model")
    artifact = published(folder, pushed_to=version)
    assert why_damaged(artifact, INDEX) == ""
    (version / "saved_model.pb").write_text("MODEL")
    assert why_damaged(artifact, INDEX) == f"{version} was changed since it was written"
    (version / "saved_model.pb").unlink()
    version.rmdir()
    assert why_damaged(artifact, INDEX) == f"{version} was deleted"


def test_a_pushed_model_behind_a_newer_one_is_pushed_again(folder, tmp_path):
    version = tmp_path / "pushed" / "9"
    version.mkdir(parents=True)
    artifact = published(folder, pushed_to=version)
    (tmp_path / "pushed" / "10").mkdir()
    assert why_damaged(artifact, INDEX) == f"{version} is not served any more: 10 is newer"


def test_every_damage_of_an_answer_is_named(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    good, bad = published(folder), published(other)
    other.rmdir()
    assert why_unusable(Answer(1, 0, {"good": [good], "bad": [bad]}), INDEX) == [f"{other} was deleted"]
    assert why_unusable(Answer(1, 0, {"good": [good]}), INDEX) == []
    assert why_unusable(Answer(1, 0, {}), INDEX) == []
