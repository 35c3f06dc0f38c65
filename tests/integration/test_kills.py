"""Runs killed without warning, at random moments: going on gives what an undisturbed run gives."""

import json
import os
import random
import signal
import time
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest
import slow_run

from pipeline.metadata import LineageStore
from pipeline.run_store import RunStore
from pipeline.runners.warm import ProcessDied, WarmProcess

pytestmark = pytest.mark.integration

KILLS = 30
PATIENCE_S = 300
WORK_S = 3.0
"""About what the nodes take once the warm process is there."""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """`start(root, run_id)` starts or continues a run in a process of its own."""
    folder = tmp_path_factory.mktemp("starts")
    warm = WarmProcess(folder / "warm.log")
    return lambda root, run_id: warm.start(slow_run.command, root, run_id, log_path=folder / "starts.log")


def failure(process):
    """Waits for the command only, not for what it left behind: what it was ended by, None if it did its work."""
    assert wait([process.answer_ready], PATIENCE_S), "the command never ends"
    try:
        process.result()
    except Exception as error:
        return error
    return None


def errors(root):
    return (root / slow_run.ERRORS).read_text()


def events(root, run_id):
    path = RunStore(root).events_path(run_id)
    return path.read_text().count("\n") if path.is_file() else 0


def wait_for_news(process, root, run_id, seen):
    """Waits until this start of the run has begun to work, or is over."""
    deadline = time.monotonic() + PATIENCE_S
    while not wait([process.answer_ready], 0) and events(root, run_id) <= seen:
        assert time.monotonic() < deadline, "the run never began"
        time.sleep(0.01)


def family(process):
    """The processes of this start: the command, the warm process, nodes."""
    try:
        return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill_somewhere(process, choice):
    """Kills the whole process group (a power cut), or a single process of it."""
    processes = family(process)
    victim = choice.choice(["group", "group", *range(len(processes))])
    try:
        if victim == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            processes[victim].kill()
    except (ProcessLookupError, psutil.NoSuchProcess):
        return None
    return "group" if victim == "group" else f"process {victim} of {len(processes)}"


def gone(processes):
    """Waits until nothing of these is left."""
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    assert alive == [], "a process outlives its run, and may write while the next one does"


def finished(root, run_id):
    return RunStore(root).read(run_id).state == "COMPLETE"


def run_with_kills(start, root, run_id, choice, kills):
    """Starts and kills until the run is complete; returns what was killed."""
    killed, left_over = [], []
    for _ in range(50):
        seen = events(root, run_id)
        process = start(root, run_id)
        wait_for_news(process, root, run_id, seen)
        if len(killed) < kills:
            time.sleep(choice.uniform(0, WORK_S))
            left_over += family(process)
            if victim := kill_somewhere(process, choice):
                killed.append(victim)
            failure(process)  # ended: a node that outlives it must not meet the next start's
        else:
            left_over += family(process)
            assert failure(process) is None
        if events(root, run_id) and finished(root, run_id):
            gone(left_over)
            return killed
    raise AssertionError("a run that is continued again and again should end")


def contents(root, run_id):
    """Every file of every artifact that the run published, by node."""
    found = {}
    for artifact in LineageStore(RunStore(root).metadata_uri).outputs_of_run(run_id):
        assert artifact.node_id not in found, f"{artifact.node_id} published twice in one run"
        found[artifact.node_id] = {path.name: path.read_text() for path in Path(artifact.uri).iterdir()}
    return found


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    assert failure(start(root, "calm")) is None
    assert errors(root) == ""
    return contents(root, "calm")


def test_thirty_kills_at_random_moments_leave_what_an_undisturbed_run_leaves(start, undisturbed, tmp_path):
    choice, killed, runs = random.Random(20261122), [], 0
    while len(killed) < KILLS:
        root, run_id = tmp_path / f"root-{runs}", f"run-{runs}"
        root.mkdir()
        killed += run_with_kills(start, root, run_id, choice, kills=min(6, KILLS - len(killed)))
        assert contents(root, run_id) == undisturbed, f"after {killed}"
        assert (root / "store.lock").read_text() == "", "the lock is left behind"
        assert not RunStore(root).damaged()
        runs += 1
    assert "group" in killed
    assert any(victim != "group" for victim in killed)


def test_a_finished_node_is_not_run_again_when_the_run_goes_on(start, tmp_path):
    process = start(tmp_path, "once")
    record = RunStore(tmp_path).run_folder("once") / "run.json"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        nodes = json.loads(record.read_text())["nodes"] if record.is_file() else []
        if sum(node["state"] == "COMPLETE" for node in nodes) == 2:
            break
        time.sleep(0.01)
    processes = family(process)
    os.killpg(process.pid, signal.SIGKILL)
    gone(processes)
    assert isinstance(failure(process), ProcessDied)
    before = errors(tmp_path)
    assert failure(start(tmp_path, "once")) is None
    assert errors(tmp_path) == before
    ends = (tmp_path / "journal.txt").read_text().split("\n")
    assert sorted(end for end in ends if end) == ["join ended", "left ended", "publish ended", "right ended"]
