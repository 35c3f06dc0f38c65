"""A training on two machines of one job: two launchers with what SageMaker tells each, and S3 between them."""

import json
import os
import re
import signal
import time

import pytest
import shared_training
from shared_training import NODES

from pipeline.metadata import LineageStore
from pipeline.runners.warm import ProcessDied, WarmProcess
from pipeline.storage.s3 import read_text, write_text
from pipeline.storage.upload import upload

pytestmark = pytest.mark.integration

ROWS, BATCH = 591, 32
HOSTS = ["127.0.0.2", "127.0.0.1"]
"""Two addresses of this computer; the platform may list them in any order."""

BOUND_S = 60
"""Longest time from a machine's death to the other's end, on two busy cores."""


class Job:
    """A training job: the same words on all its machines."""

    def __init__(self, warm, folder, aws, root, run_id, text):
        self._warm, self.folder, self._aws, self._run_id = warm, folder / run_id, aws, run_id
        self.started = []
        self._metadata = f"sqlite:///{folder / 'metadata.sqlite'}"
        uri = f"{root}/ir/{run_id}.json"
        write_text(uri, text)
        self._words = ["--ir", uri, "--nodes", ",".join(NODES), "--run-id", run_id, "--metadata", self._metadata]

    def start(self, number, *more, hosts=tuple(HOSTS)):
        """Machine number 1 or 2 of the job begins."""
        platform = self.platform(number)
        for name in ("input/config", "checkpoints"):
            (platform / name).mkdir(parents=True, exist_ok=True)
        resources = {"current_host": f"127.0.0.{number}", "hosts": list(hosts), "network_interface_name": "lo"}
        (platform / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))
        environment = {**self._aws.variables, "PENSTOCK_SCRATCH": str(self.folder / f"scratch-{number}")}
        arguments = (environment, [*self._words, *more], platform)
        self.started.append(self._warm.start(shared_training.run_on, *arguments, log_path=self.log_path(number)))
        return self.started[-1]

    def platform(self, number):
        return self.folder / f"opt-ml-{number}"

    def log_path(self, number):
        return self.folder / f"machine-{number}.log"

    def log(self, number):
        return self.log_path(number).read_text() if self.log_path(number).exists() else ""

    def failure(self, number):
        path = self.platform(number) / "output" / "failure"
        return path.read_text() if path.exists() else ""

    def trainer(self):
        """State, outputs by key, and history of the one execution of the Trainer in this run."""
        snapshot = LineageStore(self._metadata).snapshot()
        mine = (each for each in snapshot.executions.values() if self._run_id in each.run_ids)
        (execution,) = (each for each in mine if each.node_id == "Trainer")
        written = [event for event in snapshot.events if event.execution_id == execution.execution_id]
        outputs = {e.key: snapshot.artifacts[e.artifact_id].uri for e in written if e.kind == "output"}
        history = json.loads(read_text(f"{outputs['model_run']}/history.json"))["epochs"] if outputs else []
        return execution.state, outputs, history


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


@pytest.fixture(scope="module")
def data(warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    warm.call(shared_training.transform, folder, {"train": ROWS, "eval": 200}, log_path=folder / "transform.log")
    return folder


@pytest.fixture(scope="module")
def job(warm, data, tmp_path_factory, aws_services):
    """Makes jobs on one store and one place on S3, and leaves none behind; `training` is of those settings."""
    folder, root, made = tmp_path_factory.mktemp("jobs"), f"s3://{aws_services.new_bucket()}/home", []

    def make(run_id, training):
        settings = {"batch_size": BATCH, "learning_rate": 0.01, **training}
        text = warm.call(shared_training.compile_training, root, settings, log_path=folder / "compile.log")
        made.append(Job(warm, folder, aws_services, root, run_id, text))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws_services.variables.items():
            patch.setenv(name, value)
        for name in ("examples", "graph"):
            upload(data / name, f"{root}/data/{name}")
        yield make
        for call in (call for each in made for call in each.started):
            call.stop()


@pytest.fixture(scope="module")
def shared(job):
    """A training of two epochs that two machines have made."""
    made = job("shared", {"epochs": 2})
    calls = [made.start(2), made.start(1)]
    assert [call.result() for call in calls] == [0, 0], made.log(1) + made.log(2)
    return made


def wait_for(text, job, number, calls):
    deadline = time.monotonic() + 120
    while text not in job.log(number):
        assert time.monotonic() < deadline, job.log(number)
        assert all(call.answer_ready.poll() is False for call in calls), job.log(1) + job.log(2)
        time.sleep(0.05)


def test_each_of_two_machines_learns_from_half_of_the_rows_and_one_publishes(shared):
    state, outputs, _ = shared.trainer()
    assert state == "COMPLETE"
    assert sorted(outputs) == ["model", "model_run"]
    # 18 batches of 32 rows are dealt out evenly, the last one of 15 is not.
    learnt = [re.findall(r"machine (\d) of 2 learnt from (\d+) rows", shared.log(number)) for number in (1, 2)]
    assert learnt == [[("1", "296")] * 2, [("2", "295")] * 2]
    assert "NODE" not in shared.log(2), "a second machine ran a node"
    assert not list((shared.platform(2) / "checkpoints").iterdir()), "two machines would write to one place on S3"
    assert "has ended: its exit code is 0" in shared.log(2)


def test_two_machines_train_the_model_that_one_would(job, shared):
    alone = job("alone", {"epochs": 2})
    never = json.dumps({"Trainer": {"cache": False, "cache_ttl_hours": None}})
    assert alone.start(1, "--caching", never, hosts=("127.0.0.1",)).result() == 0, alone.log(1)
    (_, _, history), (_, _, expected) = shared.trainer(), alone.trainer()
    # float32 sums in another order: below 1e-6 a step, 38 steps. What Keras reports as `loss` besides takes the two
    # shares of the uneven batch as if they were even: 1/15 of the difference of two means, of 15 of 591 rows.
    for one, other in zip(history, expected, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-4)
        assert one["loss"] == pytest.approx(other["loss"], rel=2e-3)
        assert one["val_auc"] == pytest.approx(other["val_auc"], abs=2e-3)
    assert history[1]["val_loss"] < history[0]["val_loss"], "nothing was learnt"


def test_other_machines_end_with_the_first_when_there_is_nothing_to_train(job, shared):
    again = job("again", {"epochs": 2})
    calls = [again.start(2), again.start(1)]
    assert [call.result() for call in calls] == [0, 0], again.log(1) + again.log(2)
    assert "NODE Trainer CACHED" in again.log(1)
    assert "learnt from" not in again.log(2)
    assert "has ended: its exit code is 0" in again.log(2)


def test_a_machine_that_dies_ends_the_job_which_then_goes_on_from_its_checkpoint(job):
    training = job("interrupted", {"epochs": 6, "early_stopping_patience": 0})
    calls = [training.start(1), training.start(2)]
    wait_for("epoch 2/6", training, 1, calls)
    os.kill(calls[1].pid, signal.SIGKILL)
    killed = time.monotonic()
    assert calls[0].result() == 3, training.log(1)
    assert time.monotonic() - killed < BOUND_S
    with pytest.raises(ProcessDied):
        calls[1].result()
    assert "Machine 127.0.0.2 of this job ended, or cannot be reached any more." in training.failure(1)
    assert training.trainer()[0] == "RUNNING", "a failed execution would start from nothing"

    for number in (1, 2):
        training.log_path(number).unlink()
    calls = [training.start(1), training.start(2)]
    assert [call.result() for call in calls] == [0, 0], training.log(1) + training.log(2)
    assert "Training goes on after epoch" in training.log(1)
    state, _, history = training.trainer()
    assert (state, len(history)) == ("COMPLETE", 6)
