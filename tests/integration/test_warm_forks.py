"""Forking a process that has TensorFlow imported is safe as long as TensorFlow has not run in it: shown by doing it."""

import multiprocessing.connection
import os
from collections import deque
from pathlib import Path

import psutil
import pytest
from fork_work import fit_and_count
from projects import make_project
from tables import RENTS_CONFIG

from pipeline.runners.warm import WarmProcess

pytestmark = pytest.mark.integration

FORKS = 100
AT_ONCE = 6


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


def warm_server(warm, log):
    """The process that is forked from: the parent of a fork."""
    return psutil.Process(warm.call(parent_of_this, log_path=log))


def parent_of_this():
    return os.getppid()


def threads_of(process):
    """Names of the process's threads, as the system has them."""
    return [(Path(f"/proc/{process.pid}/task") / str(thread.id) / "comm").read_text() for thread in process.threads()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads thread names from Linux's /proc")
def test_tensorflow_has_started_no_threads_in_the_process_that_is_forked(warm, tmp_path):
    names = threads_of(warm_server(warm, tmp_path / "fork.log"))
    assert not [name for name in names if name.startswith(("tf_", "Eigen", "tfdata"))], names
    assert len(names) <= 2, "more than the interpreter's own thread and the one of a numerical library"


def test_a_fork_has_the_variables_that_its_caller_has_at_that_moment(warm, tmp_path, monkeypatch):
    for value in ("first", "second"):
        monkeypatch.setenv("PENSTOCK_TOLD_LATER", value)
        assert warm.call(os.getenv, "PENSTOCK_TOLD_LATER", log_path=tmp_path / "fork.log") == value


def test_a_run_that_tests_fork_says_and_ends_as_one_that_begins_with_nothing(tmp_path, monkeypatch):
    project = make_project(tmp_path / "project", RENTS_CONFIG)
    monkeypatch.setenv("COLUMNS", "60")
    for words, code in {("--only", "Trainer", "--from", "Trainer"): 2, (): 4}.items():  # the second lacks its data
        fork, start = project.penstock("run", *words), project.penstock_apart("run", *words)
        assert (fork.returncode, fork.stdout, fork.stderr) == (start.returncode, start.stdout, start.stderr)
        assert fork.returncode == code
        assert fork.stderr


def test_a_hundred_forks_train_shuffle_and_count_as_they_should(warm, tmp_path):
    waiting, running, slopes = deque(range(FORKS)), {}, {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            seed = waiting.popleft()
            call = warm.start(fit_and_count, seed, log_path=tmp_path / f"{seed}.log")
            running[call.answer_ready] = (seed, call)
        ready = multiprocessing.connection.wait(list(running), timeout=300)
        assert ready, f"no fork has answered for 300 s: {[seed for seed, _ in running.values()]} hang"
        for connection in ready:
            seed, call = running.pop(connection)
            slopes[seed] = call.result()
    assert len(slopes) == FORKS
    assert slopes == {seed: pytest.approx(3, abs=0.01) for seed in range(FORKS)}
