"""What a job knows of its machine."""

from pathlib import Path

from pipeline.launch.job_machine import checkpoint_variables, scratch_folder


def test_scratch_is_where_the_variable_says_else_on_the_jobs_volume_else_temporary(tmp_path):
    assert scratch_folder({"PENSTOCK_SCRATCH": "/big/disk"}, tmp_path) == Path("/big/disk")
    assert scratch_folder({"PENSTOCK_SCRATCH": ""}, tmp_path) == tmp_path / "tfx"
    assert scratch_folder({}, tmp_path / "none").name.startswith("penstock-")


def test_checkpoints_go_where_the_platform_keeps_them_unless_told_otherwise(tmp_path):
    assert checkpoint_variables({}, tmp_path) == {}
    (tmp_path / "checkpoints").mkdir()
    assert checkpoint_variables({}, tmp_path) == {"PENSTOCK_CHECKPOINTS": str(tmp_path / "checkpoints")}
    assert checkpoint_variables({"PENSTOCK_CHECKPOINTS": "/mine"}, tmp_path) == {}
