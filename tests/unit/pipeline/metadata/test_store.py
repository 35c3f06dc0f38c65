import pytest

from pipeline.errors import NotFound
from pipeline.metadata import ArtifactRecord, LineageStore, single


def artifact(number, node_id, key):
    return ArtifactRecord(number, "Model", f"/a/{number}", node_id, key, {})


def test_a_damaged_store_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "metadata.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(NotFound, match=r"metadata\.sqlite: cannot be read .*not a database.*Restore it"):
        LineageStore(f"sqlite:///{path}").check()


def test_reading_makes_no_store(tmp_path):
    path = tmp_path / "metadata.sqlite"
    LineageStore(f"sqlite:///{path}").check()
    assert LineageStore(f"sqlite:///{path}").outputs_of_run("r1") == []
    assert not path.exists()


def test_the_newest_artifact_of_an_output_is_taken():
    artifacts = [artifact(1, "Trainer", "model"), artifact(3, "Trainer", "model"), artifact(9, "Other", "model")]
    assert single(artifacts, "model", "Trainer").artifact_id == 3
    assert single(artifacts, "model").artifact_id == 9
    assert single(artifacts, "schema") is None
