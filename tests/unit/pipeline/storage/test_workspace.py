"""The mirror of S3 on a machine: one path for each place, and the way back."""

from pathlib import Path

import pytest

from pipeline.storage.errors import StorageError
from pipeline.storage.workspace import CHECKPOINTS, Workspace

MODEL = "s3://bucket/prefix/artifacts/tiny/Trainer/model/7"
RUN = "s3://bucket/prefix/artifacts/tiny/Trainer/model_run/7"


@pytest.fixture
def workspace(tmp_path):
    return Workspace.make(tmp_path / "scratch", "run-1", "Trainer", {CHECKPOINTS: str(tmp_path / "checkpoints")})


def test_a_place_keeps_its_last_parts_so_that_readers_of_paths_still_find_node_key_and_execution(workspace):
    assert workspace.local(MODEL).parts[-3:] == ("Trainer", "model", "7")


def test_places_in_two_buckets_do_not_meet(workspace):
    assert workspace.local("s3://one/model/7") != workspace.local("s3://two/model/7")


@pytest.mark.parametrize("text", ["{}", "see {}/Format-Serving, please", '["{}", "{}/a"]', "file://{}x"])
def test_every_path_of_the_mirror_becomes_its_place_again(workspace, text):
    for uri, path in ((MODEL, workspace.local(MODEL)), (RUN, workspace.local_output("model_run", RUN))):
        restored = workspace.restored(text.replace("{}", str(path)))
        assert restored == text.replace("{}", uri)


def test_what_a_node_goes_on_from_outlives_the_machine_and_belongs_to_its_run(workspace, tmp_path):
    other = Workspace.make(tmp_path / "scratch", "run-2", "Trainer", {CHECKPOINTS: str(tmp_path / "checkpoints")})
    found = workspace.local_output("model_run", RUN)
    assert found.is_relative_to(tmp_path / "checkpoints")
    assert found != other.local_output("model_run", RUN)
    assert workspace.local_output("model", MODEL) == workspace.local(MODEL)


def test_without_a_folder_for_checkpoints_they_lie_with_the_others(tmp_path):
    plain = Workspace.make(tmp_path / "scratch", "run-1", "Trainer", {})
    assert plain.local_output("model_run", RUN) == plain.local(RUN)
    assert plain.restored(str(plain.local(RUN))) == RUN


def test_a_scratch_folder_behind_a_link_is_known_by_its_real_name(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    workspace = Workspace.make(tmp_path / "link", "run-1", "Trainer", {})
    assert workspace.restored(str(workspace.local(MODEL).resolve())) == MODEL


def test_what_cannot_be_turned_back_is_told(workspace):
    assert workspace.leak(b"in " + bytes(workspace.scratch / "tmp")) == str(workspace.scratch)
    assert workspace.checkpoints is not None
    assert workspace.leak(bytes(workspace.checkpoints)) == str(workspace.checkpoints)
    assert workspace.leak(MODEL.encode()) == ""


@pytest.mark.parametrize("uri", ["gs://bucket/model", "s3:///model", "/local/model", "s3://"])
def test_what_is_no_place_on_s3_is_refused(workspace, uri):
    with pytest.raises(StorageError, match="expected a place such as s3://bucket/folder"):
        workspace.local(uri)


@pytest.mark.parametrize("uri", ["s3://bucket/../other/secret", "s3://../x", "s3://bucket/a/./b", "s3://bucket/a//b"])
def test_a_place_whose_path_would_lead_elsewhere_is_refused(workspace, uri):
    with pytest.raises(StorageError, match="cannot be mirrored"):
        workspace.local(uri)
    assert Path("/") != workspace.scratch
