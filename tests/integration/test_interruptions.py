"""Runs that are killed, interrupted or meet another run: each while its Trainer works.

What comes before Trainer is run once for all of them, and comes from the cache.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from types import SimpleNamespace

import psutil
import pytest
from projects import Project, completed, make_project
from tables import FEWER_NODES, write_rents

pytestmark = pytest.mark.integration

PATIENCE_S = 240

CONFIG = (
    FEWER_NODES
    + """
pipeline: {name: rents}
data: {path: rents.parquet, splits: {train: 7, eval: 1, test: 2}}
label: {column: rent}
training: {epochs: 30, batch_size: 16, learning_rate: 0.002, early_stopping_patience: 0}
evaluation: {thresholds: [{metric: r2, lower: 0.1}]}
"""
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Project:
    """A project whose only run was stopped before Trainer; a copy of its root is beside it."""
    folder = tmp_path_factory.mktemp("interrupted")
    write_rents(folder / "rents.parquet")
    project = make_project(folder, CONFIG)
    completed(project.penstock("run", "--to", "Transform"), 0)
    shutil.copytree(project.root, folder / "kept", symlinks=True)
    return project


@pytest.fixture
def project(prepared) -> Project:
    return as_prepared(prepared)


def as_prepared(project):
    """The project as it was before any of the tests."""
    shutil.rmtree(project.root)
    shutil.copytree(project.config.parent / "kept", project.root, symlinks=True)
    return project


def begin(project):
    """A run in a process group of its own."""
    return subprocess.Popen(
        project.command("run"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project.config.parent,
        start_new_session=True,
        # What starts tests in the background has SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def end(process):
    """Leaves nothing of the run behind."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def running(project):
    """A run of the project, under way."""
    process = begin(project)
    yield process
    end(process)


@pytest.fixture(scope="module")
def undisturbed(prepared):
    """A run that ends as it should, and what a second run was answered meanwhile."""
    project = as_prepared(prepared)
    process = begin(project)
    try:
        wait_for(lambda: epochs_done(project) >= 1, process)
        run_id, second = project.latest()["run_id"], project.penstock("run")
        printed = process.communicate(timeout=PATIENCE_S)
    finally:
        end(process)
    assert process.returncode == 0, printed
    return SimpleNamespace(run_id=run_id, second=second, latest=project.latest(), decision=project.decision())


def wait_for(condition, process):
    """Waits until the condition holds, while the process lives."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, f"ended early: {process.communicate()}"
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def epochs_done(project):
    """Epochs that the Trainer has written into its history so far."""
    histories = list((project.root / "artifacts" / "rents" / "Trainer").rglob("history.json"))
    try:
        return max((len(json.loads(path.read_text())["epochs"]) for path in histories), default=0)
    except (ValueError, FileNotFoundError):
        return 0


def node_process(process):
    """The process of the node that is running: the fork of the warm process."""
    (warm,) = [child for child in psutil.Process(process.pid).children() if child.children()]
    return max(warm.children(), key=lambda node: node.memory_info().rss)


def test_a_trainer_killed_in_the_middle_goes_on_from_its_checkpoint(undisturbed, project, running):
    wait_for(lambda: epochs_done(project) >= 5, running)
    node_process(running).kill()
    _, errors = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3
    assert "Trainer" in errors
    assert "SIGKILL" in errors

    run_id = project.latest()["run_id"]
    completed(project.penstock("run", "--resume"), 0)
    assert project.latest()["run_id"] == run_id
    log = (project.root / "runs" / run_id / "logs" / "Trainer.2.log").read_text()
    assert "Training goes on after epoch" in log
    continued, expected = project.decision()["metrics"]["r2"], undisturbed.decision["metrics"]["r2"]
    assert continued == pytest.approx(expected, abs=0.03)


def test_a_power_cut_leaves_a_store_that_the_next_run_can_use(project, running):
    wait_for(lambda: epochs_done(project) >= 1, running)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    run_id = project.latest()["run_id"]
    assert "interrupted" in completed(project.penstock("runs"), 0)
    assert not (project.root / "pushed").exists()
    completed(project.penstock("run", "--resume", run_id), 0)
    assert project.latest()["state"] == "COMPLETE"
    assert "there is nothing to resume" in completed(project.penstock("run", "--resume"), 0)


def test_a_command_killed_alone_takes_its_node_with_it(project, running):
    wait_for(lambda: epochs_done(project) >= 1, running)
    processes = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.communicate()
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    assert alive == [], "a node that goes on would write to a store that the next run may hold"


def test_a_polite_kill_stops_the_run_as_ctrl_c_does(project, running):
    wait_for(lambda: epochs_done(project) >= 1, running)
    running.terminate()
    _, errors = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, errors
    assert project.latest()["state"] == "INTERRUPTED"


def test_ctrl_c_stops_the_run_and_says_how_to_go_on(project, running):
    wait_for(lambda: epochs_done(project) >= 1, running)
    processes = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert f"--resume {project.latest()['run_id']}" in errors
    assert "Traceback" not in errors
    assert project.latest()["state"] == "INTERRUPTED"
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    assert alive == []


def test_a_second_run_on_the_same_store_is_told_to_wait(undisturbed):
    assert undisturbed.second.returncode == 6
    assert undisturbed.run_id in undisturbed.second.stderr
    assert "--wait" in undisturbed.second.stderr
    assert (undisturbed.latest["run_id"], undisturbed.latest["state"]) == (undisturbed.run_id, "COMPLETE")
