"""Why a pod failed, of what Kubernetes says of it."""

import types

import pytest

from pipeline.runners.kubeflow.pods import pod_failure


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
    assert core.asked == [{"namespace": "team", "label_selector": "pipeline/runid=run-1,penstock.node=Gen"}]
