"""Why a pod failed, of what Kubernetes says of it."""

import dataclasses
import types

import pytest
import urllib3
from kubeflow_config import SETTINGS

from pipeline.errors import NotFound, PlatformBusy, PlatformRefused
from pipeline.runners.kubeflow import runs
from pipeline.runners.kubeflow.pods import pod_failure, pod_lines
from pipeline.runners.kubeflow.runs import KubeflowRuns
from pipeline.runners.remote import JobProgress, LogRange


def pod(age, **terminated):
    """A pod of that age; without more its container runs."""
    end = types.SimpleNamespace(**{"reason": "Error", "message": None, **terminated}) if terminated else None
    wait = types.SimpleNamespace(name="wait", state=types.SimpleNamespace(terminated=None))
    main = types.SimpleNamespace(name="main", state=types.SimpleNamespace(terminated=end))
    status = types.SimpleNamespace(message=None, container_statuses=[wait, main])
    return types.SimpleNamespace(metadata=types.SimpleNamespace(creation_timestamp=-age), status=status)


def core_with(*pods):
    """Kubernetes with these pods; notes what it is asked for."""
    asked = []

    def listed(**request):
        asked.append(request)
        return types.SimpleNamespace(items=list(pods))

    return types.SimpleNamespace(list_namespaced_pod=listed, asked=asked)


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ([pod(1, exit_code=3, message="no such column")], "Error (exit code 3): no such column"),
        ([pod(1, exit_code=137, reason="OOMKilled")], "OOMKilled (exit code 137)"),
        ([pod(1, exit_code=0)], ""),
        ([pod(1)], ""),
        ([], ""),
        ([pod(1, exit_code=0), pod(9, exit_code=1)], ""),
    ],
)
def test_the_last_pods_container_says_why(pods, why):
    assert pod_failure("team", "run-1", "Gen", core_with(*pods)) == why


def test_what_the_cluster_says_of_the_whole_pod_comes_first():
    evicted = pod(1, exit_code=143)
    evicted.status.message = "The node was low on resource: memory."
    assert pod_failure("team", "r", "Gen", core_with(evicted)).startswith(
        "The node was low on resource: memory.; Error"
    )
    unscheduled = pod(1)
    unscheduled.status.message, unscheduled.status.container_statuses = "Pod was preempted", None
    assert pod_failure("team", "r", "Gen", core_with(unscheduled)) == "Pod was preempted"


def test_the_pods_asked_for_are_the_nodes_in_that_run():
    core = core_with()
    pod_failure("team", "run-1", "Gen", core)
    (asked,) = core.asked
    assert asked["namespace"] == "team"
    assert asked["label_selector"] == "pipeline/runid=run-1,penstock.node=Gen"


def test_a_cluster_that_cannot_be_reached_is_told_with_how_to_check():
    def unreached(**_):
        raise urllib3.exceptions.MaxRetryError(None, "/api", urllib3.exceptions.ConnectTimeoutError())

    core = types.SimpleNamespace(list_namespaced_pod=unreached)
    with pytest.raises(PlatformBusy, match=r"ConnectTimeoutError.* kubectl get pods -n team"):
        pod_failure("team", "run-1", "Gen", core)


def test_following_a_pod_that_says_nothing_more_ends_when_the_time_is_over():
    def lines():
        yield b"epoch 1\n"
        raise urllib3.exceptions.ReadTimeoutError(None, None, "timed out")

    def read(**request):
        asked.append(request["_request_timeout"])
        return lines()

    named, asked = pod(1), []
    named.metadata.name = "pod-1"
    core = types.SimpleNamespace(list_namespaced_pod=core_with(named).list_namespaced_pod, read_namespaced_pod_log=read)
    assert list(pod_lines("team", "run-1", "Gen", LogRange(follow_s=600.0), core)) == ["epoch 1"]
    (heeded,) = asked
    assert isinstance(heeded, tuple), "Kubernetes' client takes no notice of a float"
    assert heeded[1] == 600.0


def test_pods_of_a_kubeflow_for_one_team_are_looked_for_where_it_is_itself(monkeypatch):
    asked = []
    monkeypatch.setattr(runs, "pod_failure", lambda namespace, *_: asked.append(namespace) or "OOMKilled")
    failed = JobProgress("Gen", ("Gen",), "FAILED")
    job = KubeflowRuns(None, dataclasses.replace(SETTINGS, namespace=None))._explained(failed, "run-1", "FAILED")
    assert (asked, job.failure) == (["kubeflow"], "OOMKilled")


def test_where_there_is_no_pod_the_key_is_named_that_says_where_pods_are():
    told = r"no pod in namespace 'kubeflow' .* in another namespace, say so with kubeflow\.namespace"
    with pytest.raises(NotFound, match=told):
        [*pod_lines("kubeflow", "run-1", "Gen", LogRange(), core_with())]


@pytest.mark.parametrize("content", ["{{{", "words", "current-context: x", None])
def test_a_kubeconfig_that_is_none_is_told_with_how_to_check(tmp_path, monkeypatch, content):
    path = tmp_path / "kubeconfig"
    path.mkdir() if content is None else path.write_text(content)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    with pytest.raises(PlatformRefused, match=r"which cannot be asked \(.+\). Check with: kubectl get pods"):
        pod_failure("team", "run-1", "Gen")
