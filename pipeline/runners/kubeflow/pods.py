"""What pods printed and why they failed, by Kubernetes' own API: Kubeflow Pipelines tells neither."""

import time
from collections.abc import Iterator
from typing import Any

from pipeline.errors import NotFound, PlatformBusy, PlatformRefused
from pipeline.runners.kubeflow.platform import NODE_LABEL, label_value
from pipeline.runners.remote import LogRange

_CONTAINER = "main"
"""What Argo calls the container that runs our command."""

_ELSEWHERE = "If the pods of runs are in another namespace, say so with kubeflow.namespace."

_RUN_LABEL = "pipeline/runid"
"""What Kubeflow Pipelines puts on every pod of a run."""

_CONNECT_S, _ANSWER_S = 10, 60
"""Seconds until Kubernetes is taken to be out of reach; pairs of them are heeded by its client, and no floats."""


def pod_lines(namespace: str, run_id: str, node_id: str, wanted: LogRange, core: Any = None) -> Iterator[str]:
    """The lines of the node's last pod, with those to come while `wanted` follows.

    Args:
      namespace: that runs are in.
      run_id: Kubeflow's own.
      node_id: the pipeline's.
      wanted: how long to follow.
      core: Kubernetes' CoreV1Api, made from the kubeconfig or the pod's own account if None.

    Raises:
      NotFound: there is no such pod any more; logs that were archived are in Kubeflow's own page of the run.
      PlatformRefused: Kubernetes does not let us read it, or cannot be reached.
    """
    core = core or _core()
    pod = _pod(core, namespace, run_id, node_id)
    deadline = time.monotonic() + wanted.follow_s
    answer = _asked(
        core.read_namespaced_pod_log,
        name=pod,
        namespace=namespace,
        container=_CONTAINER,
        follow=bool(wanted.follow_s),
        _preload_content=False,
        _request_timeout=(_CONNECT_S, wanted.follow_s or _ANSWER_S),
    )
    for line in _until_silence(answer, namespace):
        yield line.decode(errors="replace").rstrip("\n")
        if wanted.follow_s and time.monotonic() > deadline:
            return


def _until_silence(answer: Any, namespace: str) -> Iterator[bytes]:
    """The answer's lines; it ends where none came for as long as was waited for one."""
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    try:
        yield from answer
    except ReadTimeoutError:
        return
    except HTTPError as error:
        raise _unreached(error, namespace) from error


def pod_failure(namespace: str, run_id: str, node_id: str, core: Any = None) -> str:
    """Why the node's last pod failed; empty if it did not, or is not there any more.

    Args:
      namespace: as for `pod_lines`; `run_id`, `node_id` and `core` too.

    Raises:
      PlatformRefused: Kubernetes does not let us look.
    """
    pods = _pods(core or _core(), namespace, run_id, node_id)
    if not pods:
        return ""
    status = max(pods, key=lambda pod: pod.metadata.creation_timestamp).status
    ended = [each.state.terminated for each in status.container_statuses or () if each.name == _CONTAINER]
    said = [f"{end.reason} (exit code {end.exit_code}): {end.message or ''}" for end in ended if end and end.exit_code]
    return "; ".join([*([status.message] if status.message else []), *(text.rstrip(": ") for text in said)])


def _pods(core: Any, namespace: str, run_id: str, node_id: str) -> list[Any]:
    selector = f"{_RUN_LABEL}={run_id},{NODE_LABEL}={label_value(node_id)}"
    return list(_asked(core.list_namespaced_pod, namespace=namespace, label_selector=selector).items)


def _pod(core: Any, namespace: str, run_id: str, node_id: str) -> str:
    pods = _pods(core, namespace, run_id, node_id)
    if not pods:
        raise NotFound(
            f"Node '{node_id}' has no pod in namespace '{namespace}' (any more): its log may be in Kubeflow's own "
            f"page. {_ELSEWHERE}"
        )
    return str(max(pods, key=lambda pod: pod.metadata.creation_timestamp).metadata.name)


def _asked(method: Any, **request: Any) -> Any:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return method(**{"_request_timeout": (_CONNECT_S, _ANSWER_S), **request})
    except HTTPError as error:
        raise _unreached(error, request["namespace"]) from error
    except ApiException as error:
        raise PlatformRefused(
            f"Could not look at pods: Kubernetes answered {error.status} {error.reason}. Whoever runs this needs "
            f"the rights to list pods and to read pods/log in namespace '{request['namespace']}'. {_ELSEWHERE}"
        ) from error


def _unreached(error: Exception, namespace: str) -> PlatformBusy:
    said = type(getattr(error, "reason", error)).__name__
    return PlatformBusy(
        f"Could not look at pods: Kubernetes cannot be reached ({said}). Check with: kubectl get pods -n {namespace}"
    )


def _core() -> Any:
    from kubernetes import client, config

    try:
        config.load_incluster_config()
    except config.ConfigException:
        _load_kubeconfig()
    return client.CoreV1Api()


def _load_kubeconfig() -> None:
    import yaml
    from kubernetes import config

    try:
        config.load_kube_config()
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError) as error:  # whatever the file holds
        said = " ".join(str(error).split()).rstrip(".")
        raise PlatformRefused(
            f"Pods are looked at in Kubernetes, which cannot be asked ({said}). Check with: kubectl get pods"
        ) from error
