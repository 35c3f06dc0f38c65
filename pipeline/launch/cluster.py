"""The API of the Kubernetes cluster that this pod is in, for as much as a training's other pods need of it."""

import os
from collections.abc import Mapping
from typing import Any

from pipeline.launch.interruption import MachineLost

_TIMEOUT_S = 60


class Cluster:
    """Starts Jobs with their Services, and takes them away.

    The pod's service account needs the verbs `create` and `delete` for `jobs` (group batch) and `services`.
    """

    def __init__(self, client: Any = None) -> None:
        """Talks through a kubernetes.client.ApiClient; None = as the pod's own service account, or by KUBECONFIG."""
        self._client = client

    def start(self, job: Mapping[str, Any], service: Mapping[str, Any]) -> None:
        """Makes both, or neither.

        Raises:
          MachineLost: the cluster refuses, or cannot be reached.
        """
        self._made("create", "services", service)
        try:
            self._made("create", "jobs", job)
        except MachineLost:
            self._removed("services", service)
            raise

    def remove(self, job: Mapping[str, Any], service: Mapping[str, Any]) -> None:
        """Takes both away, with the Job's pods.

        Raises:
          MachineLost: the cluster refuses, or cannot be reached.
        """
        self._removed("jobs", job)
        self._removed("services", service)

    def _made(self, verb: str, kind: str, manifest: Mapping[str, Any]) -> None:
        self._asked(verb, kind, manifest, body=dict(manifest))

    def _removed(self, kind: str, manifest: Mapping[str, Any]) -> None:
        self._asked("delete", kind, manifest, name=manifest["metadata"]["name"], propagation_policy="Background")

    def _asked(self, verb: str, kind: str, manifest: Mapping[str, Any], **request: Any) -> None:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        namespace = manifest["metadata"]["namespace"]
        try:
            self._method(verb, kind)(namespace=namespace, _request_timeout=_TIMEOUT_S, **request)
        except ApiException as error:
            if verb == "delete" and error.status == 404:
                return
            raise MachineLost(
                f"The other pods of this training: Kubernetes answered {error.status} {error.reason} to {verb} {kind} "
                f"in namespace '{namespace}'. This pod's service account needs the verbs create and delete for jobs "
                "(group batch) and services there (deploy/kubernetes/several-workers); then start the same again."
            ) from error
        except HTTPError as error:
            raise MachineLost(
                f"The other pods of this training: Kubernetes' API cannot be reached to {verb} {kind} ({error}). "
                "Start the same again."
            ) from error

    def _method(self, verb: str, kind: str) -> Any:
        from kubernetes import client

        self._client = self._client or _client()
        api = client.BatchV1Api(self._client) if kind == "jobs" else client.CoreV1Api(self._client)
        return getattr(api, f"{verb}_namespaced_{kind.removesuffix('s')}")


def _client() -> Any:
    from kubernetes import client, config

    try:
        config.load_incluster_config()
    except config.ConfigException:
        try:
            config.load_kube_config(os.environ.get("KUBECONFIG"))  # said here: the package looks when it is imported
        except config.ConfigException as error:
            raise MachineLost(
                f"The other pods of this training: this is no pod, and there is no KUBECONFIG ({error})."
            ) from error
    return client.ApiClient()
