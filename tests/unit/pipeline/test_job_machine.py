"""What a job knows of its machine, from files as SageMaker writes them."""

import json
from pathlib import Path

import pytest

from pipeline import launch
from pipeline.launch.job_machine import checkpoint_variables, leader_of, scratch_folder


def write_resources(folder, name, current):
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps({"current_host": current, "hosts": ["algo-2", "algo-1"], "network_interface_name": "eth0"})
    )


@pytest.mark.parametrize("name", ["input/config/resourceconfig.json", "config/resourceconfig.json"])
@pytest.mark.parametrize(("current", "leader"), [("algo-1", None), ("algo-2", "algo-1")])
def test_of_several_machines_the_first_runs_the_nodes(tmp_path, name, current, leader):
    write_resources(tmp_path, name, current)
    assert leader_of(tmp_path) == leader


def test_a_machine_alone_runs_the_nodes(tmp_path):
    assert leader_of(tmp_path) is None


def test_the_other_machines_end_well_without_doing_anything(tmp_path, capsys):
    write_resources(tmp_path, "input/config/resourceconfig.json", "algo-2")
    assert launch.main(["--ir", "/nowhere"], tmp_path) == 0
    assert capsys.readouterr().out == "The nodes of this job run on algo-1; this machine has nothing to do.\n"


def test_scratch_is_where_the_variable_says_else_on_the_jobs_volume_else_temporary(tmp_path):
    assert scratch_folder({"PENSTOCK_SCRATCH": "/big/disk"}, tmp_path) == Path("/big/disk")
    assert scratch_folder({"PENSTOCK_SCRATCH": ""}, tmp_path) == tmp_path / "tfx"
    assert scratch_folder({}, tmp_path / "none").name.startswith("penstock-")


def test_checkpoints_go_where_the_platform_keeps_them_unless_told_otherwise(tmp_path):
    assert checkpoint_variables({}, tmp_path) == {}
    (tmp_path / "checkpoints").mkdir()
    assert checkpoint_variables({}, tmp_path) == {"PENSTOCK_CHECKPOINTS": str(tmp_path / "checkpoints")}
    assert checkpoint_variables({"PENSTOCK_CHECKPOINTS": "/mine"}, tmp_path) == {}
