"""What the runner asks the API for, and the pods that it looks for, of runs that are told here."""

import collections

import pytest
import yaml
from branching_ir import BRANCHING
from kubeflow_config import config_on_kubeflow

from pipeline.run_handle import RunHandle
from pipeline.runners.kubeflow import runner as kubeflow_runner
from pipeline.runners.kubeflow.document import document_of
from pipeline.runners.kubeflow.runner import KubeflowRunner
from pipeline.runners.remote import LogRange

HANDLE = RunHandle("kubeflow", "branching", "run-1")
VERSION = {"pipeline_id": "p", "pipeline_version_id": "v"}
CONTINUATION = {"pipeline_id": "p-continue", "pipeline_version_id": "v"}


def as_kept(document):
    """A document as the server keeps it."""
    spec, platform = yaml.load_all(document.text, Loader=yaml.CSafeLoader)
    return {"pipeline_spec": spec, "platform_spec": platform}


@pytest.fixture(scope="module")
def specs():
    document = document_of(BRANCHING, config_on_kubeflow())
    return {"p": as_kept(document), "p-continue": as_kept(document.continuation)}


class Api:
    """Has the runs of one pipeline, and counts what it is asked for."""

    def __init__(self, specs, **runs):
        self._specs, self._runs = specs, runs
        self.asked = collections.Counter()

    def run(self, run_id):
        self.asked[run_id] += 1
        return self._runs[run_id]

    def runs(self, _experiment):
        return iter(self._runs.values())

    def pipeline_id(self, name):
        return "p-continue" if name.endswith("-continue") else "p"

    def known_experiment(self, name):
        return name

    experiment = known_experiment

    def spec(self, pipeline_id, _version):
        return self._specs[pipeline_id]

    def versions(self, pipeline_id):
        yield {"pipeline_spec": self._specs[pipeline_id], "pipeline_version_id": "v"}

    def start(self, _name, _experiment, _ids, _given):
        return {"run_id": "run-2"}


def run_of(run_id, state, *tasks, version=VERSION, **given):
    return {
        "run_id": run_id,
        "state": state,
        "pipeline_version_reference": version,
        "runtime_config": {"parameters": given},
        "run_details": {"task_details": [{"display_name": name, "state": state} for name, state in tasks]},
    }


def runner_with(specs, *runs, **changes):
    """A runner with these runs, and the API that it asks."""
    api = Api(specs, **{run["run_id"]: run for run in runs})
    return KubeflowRunner(api, config_on_kubeflow(root="/mnt/data/reviews", **changes).kubeflow), api


@pytest.fixture
def looked_for(monkeypatch):
    """Namespace, run and node of the pods whose lines were wanted."""
    found = []
    monkeypatch.setattr(kubeflow_runner, "pod_lines", lambda *where: found.append(where[:3]) or iter(()))
    return found


WAITS = (("modelapproval", "SUCCEEDED"), ("condition-4", "SKIPPED"))


def test_a_log_costs_one_question_about_the_run_and_comes_from_the_part_that_ran_the_node(specs, looked_for):
    first = run_of("run-1", "SUCCEEDED", ("gen", "SUCCEEDED"), *WAITS)
    later = run_of("run-2", "RUNNING", ("pusher", "RUNNING"), version=CONTINUATION, RunId="run-1")
    runner, api = runner_with(specs, first, later)
    runner.logs(HANDLE, "Gen", LogRange())
    assert api.asked == {"run-1": 1, "run-2": 1}
    runner.logs(HANDLE, "Pusher", LogRange())
    assert looked_for == [("reviews-team", "run-1", "Gen"), ("reviews-team", "run-2", "Pusher")]


def test_a_run_whose_model_was_decided_about_is_asked_for_once_to_go_on(specs):
    runner, api = runner_with(specs, run_of("run-1", "SUCCEEDED", *WAITS))
    assert runner.resume(HANDLE).execution_arn == "run-2"
    assert api.asked == {"run-1": 1}


@pytest.mark.parametrize(("configured", "namespace"), [("reviews-team", "reviews-team"), (None, "kubeflow")])
def test_pods_are_looked_for_where_kubeflow_pipelines_starts_them(specs, looked_for, configured, namespace):
    runner, _ = runner_with(specs, run_of("run-1", "RUNNING", ("gen", "RUNNING")), namespace=configured)
    runner.logs(HANDLE, "Gen", LogRange())
    assert looked_for == [(namespace, "run-1", "Gen")]
