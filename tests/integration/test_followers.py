"""A training on several pods of Kubernetes: the task's own asks for the others, which start, learn and go with it."""

import json
import re
import shutil
from pathlib import Path

import pytest
import shared_training
from kubeflow_config import config_on_kubeflow
from kubernetes_stand_in import KubernetesStandIn, wait_until
from shared_training import NODES

from pipeline.aws_settings import ResourceLine
from pipeline.cache_policy import NodePolicy
from pipeline.jobs import RunId
from pipeline.kubeflow_settings import Volume
from pipeline.launch.follower_job import FOLLOWERS, POD_VARIABLES, FollowerJob, ThisPod, compiled_job
from pipeline.launch.machines import host_of
from pipeline.metadata import LineageStore
from pipeline.runners.kubeflow.followers import LAUNCHER
from pipeline.runners.kubeflow.tasks import plan_tasks

pytestmark = pytest.mark.integration

ROWS, BATCH, PODS = 576, 32, 3
TRAINING = {"batch_size": BATCH, "learning_rate": 0.01, "epochs": 2}
RUN_S = 240

BOUND_S = 60
"""Longest time from the chief's death to the others' end, on two busy cores."""


class Team:
    """A Trainer of several pods, and the Kubernetes that its own pod asks for the others."""

    def __init__(self, warm, stand_in, folder):
        self._warm, self._folder, self.chief = warm, folder, None
        self._store = f"sqlite:///{folder / 'metadata.sqlite'}"
        root = str(folder / "volume" / "shared")
        volumes = (Volume("data", str(folder / "volume")),)
        changes = {"root": root, "metadata": self._store, "volumes": volumes, "secrets": (), "notify_variable": None}
        self.config = config_on_kubeflow("shared", **changes)
        self.api = KubernetesStandIn(folder, stand_in.socket)

    def run(self, run_id, attempt=1, instances=PODS, caching=True, **training):
        """Starts the task's own pod as Kubeflow does; it knows itself, and where Kubernetes is. All nodes run in it."""
        policies = {} if caching else {"Trainer": NodePolicy(cache=False)}
        config = self.config.model_copy(
            update={"resources": {"Trainer": ResourceLine(instances=instances)}, "nodes": policies}
        )
        words = self._words(config, run_id, training)
        pod = ThisPod("shared", f"{run_id}-{attempt}", "reviews-team", "127.0.0.1", "penstock-pods")
        environment = dict(zip(POD_VARIABLES, vars(pod).values(), strict=True))
        environment |= {"KUBECONFIG": str(self.api.kubeconfig)}
        environment |= {"PENSTOCK_SCRATCH": str(self._folder / f"scratch-{run_id}-{attempt}")}
        hosts = {}
        if FOLLOWERS in words:
            others = FollowerJob(compiled_job(words[words.index(FOLLOWERS) + 1]), pod, ()).machines.workers.addresses[
                1:
            ]
            hosts = {host_of(address): f"127.0.0.{index + 2}" for index, address in enumerate(others)}
        self.chief = self.api.run([*LAUNCHER, *words], environment, hosts, f"chief-{run_id}-{attempt}")
        return self.chief

    def _words(self, config, run_id, training):
        arguments = (config.kubeflow.root, {**TRAINING, **training})
        log = self._folder / "compile.log"
        ir_text = self._warm.call(shared_training.compile_training, *arguments, log_path=log)
        task = next(task for task in plan_tasks(ir_text, config).tasks if task.node_id == "Trainer")
        words = [run_id if isinstance(word, RunId) else word for word in task.words]
        words[words.index("--nodes") + 1] = ",".join(NODES)
        for option in ("--executor-input", "--report-url"):  # of what Kubeflow's pages show
            place = words.index(option)
            del words[place : place + 2]
        return words

    def told(self):
        """Everything that was printed."""
        return self.chief.log.read_text() + "".join(pod.log.read_text() for pod in self.api.pods)

    def trainer(self, run_id):
        """State and epochs of the run's training."""
        snapshot = LineageStore(self._store).snapshot()
        mine = (each for each in snapshot.executions.values() if run_id in each.run_ids)
        (trained,) = (each for each in mine if each.node_id == "Trainer")
        outputs = (
            each for each in snapshot.events if (each.execution_id, each.kind) == (trained.execution_id, "output")
        )
        uris = [snapshot.artifacts[each.artifact_id].uri for each in outputs if each.key == "model_run"]
        return trained.state, [
            epoch for uri in uris for epoch in json.loads(Path(uri, "history.json").read_text())["epochs"]
        ]


@pytest.fixture(scope="module")
def data(platform_warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    counts = {"train": ROWS, "eval": 192}
    platform_warm.call(shared_training.transform, folder, counts, log_path=folder / "transform.log")
    return folder


@pytest.fixture
def team(platform_warm, stand_in, data, tmp_path):
    stand_in.wait_for_warm_containers()
    made = Team(platform_warm, stand_in, tmp_path)
    shutil.copytree(data, Path(made.config.kubeflow.root, "data"))
    yield made
    made.api.close()


def test_pods_that_a_task_asks_for_train_the_model_that_one_pod_would(team):
    assert team.run("shared").wait(RUN_S) == 0, team.told()
    assert [pod.wait(0) for pod in team.api.pods] == [0, 0]
    assert team.api.requests == [("POST", "services"), ("POST", "jobs"), ("DELETE", "jobs"), ("DELETE", "services")]
    assert team.api.made == {}, "pods that cost money would be left"
    # 18 batches of 32 rows, dealt to three: 11, 11 and 10 of each.
    learnt = re.findall(r"machine (\d) of 3 learnt from (\d+) rows", team.told())
    assert sorted(learnt) == [*[("1", "198")] * 2, *[("2", "198")] * 2, *[("3", "180")] * 2]
    assert all("NODE" not in pod.log.read_text() for pod in team.api.pods), "another pod than the task's ran a node"

    assert team.run("again").wait(RUN_S) == 0, team.told()
    assert "NODE Trainer CACHED" in team.told()
    assert len(team.api.requests) == 4, "pods were asked for with nothing to train"

    assert team.run("alone", instances=1, caching=False).wait(RUN_S) == 0, team.told()
    assert len(team.api.requests) == 4
    # float32 sums in another order, below 1e-6 a step, 36 steps. What Keras reports as `loss` besides takes the shares
    # of 11, 11 and 10 rows as if they were even: some 2 % of the difference of their means.
    for one, other in zip(team.trainer("shared")[1], team.trainer("alone")[1], strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-4)
        assert one["loss"] == pytest.approx(other["loss"], rel=5e-3)


def test_pods_whose_chief_was_killed_end_by_themselves_and_another_attempt_has_others(team):
    training = {"instances": 2, "epochs": 3, "early_stopping_patience": 0}
    chief = team.run("killed", **training)
    # A word of the second epoch: the chief has saved the first.
    wait_until(lambda: "epoch 2/3" in chief.log.read_text() or chief.wait(0) is not None, RUN_S, team.told)
    chief.kill()
    assert [pod.wait(BOUND_S) for pod in team.api.pods] == [3], team.told()
    (name,) = {name for kind, name in team.api.made if kind == "jobs"}
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "shared", "uid": "killed-1"}
    assert team.api.made["jobs", name]["metadata"]["ownerReferences"] == [owner], "nobody would ever take it away"
    assert team.trainer("killed")[0] == "RUNNING", "a failed execution would start from nothing"

    assert team.run("killed", attempt=2, **training).wait(RUN_S) == 0, team.told()
    assert "Training goes on after epoch" in team.told()
    assert [pod.wait(0) for pod in team.api.pods] == [3, 0]
    assert {name for _, name in team.api.made} == {name}, "the second attempt's pods are left"
    state, epochs = team.trainer("killed")
    assert (state, len(epochs)) == ("COMPLETE", 3)


def test_two_devices_of_one_pod_train_the_model_that_one_would(platform_warm, data, tmp_path):
    arguments = (shared_training.losses_on_devices, data, TRAINING, tmp_path)
    (one, alone), (two, mirrored) = platform_warm.call(*arguments, log_path=tmp_path / "training.log")
    assert (one, two) == (1, 2)
    # 18 batches of 32 rows, 16 for each device: the same sums in another order, below 1e-6 a step, 36 steps.
    for expected, epoch in zip(alone, mirrored, strict=True):
        for metric in ("loss", "val_loss"):
            assert epoch[metric] == pytest.approx(expected[metric], rel=1e-4)
    assert mirrored[1]["val_loss"] < mirrored[0]["val_loss"], "nothing was learnt"
