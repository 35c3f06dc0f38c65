"""What Kubernetes gives a task: the node's resource line and the section `kubeflow`, by kfp and kfp-kubernetes.

Calls that change a task return nothing; what they say ends up in the document's two halves.
"""

from typing import Any

from pipeline.aws_settings import ResourceLine
from pipeline.kubeflow_settings import AcceleratorPool, KubeflowSettings, NodePool

SCRATCH_FOLDER = "/scratch"
"""Where a pod's own volume of `disk_gb` is."""

NODE_LABEL = "penstock.node"
"""The label that says which node a pod runs."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - no file, but memory that processes share
"""Where frameworks expect memory that processes share; a pod has 64 MB of it unless told otherwise."""

_BACKOFF = {"backoff_duration": "30s", "backoff_factor": 2.0, "backoff_max_duration": "600s"}


def equip(task: Any, node_id: str, line: ResourceLine, settings: KubeflowSettings) -> None:
    """Gives a task its machine, its time, and what every pod of the pipeline has."""
    _machine(task, line, settings)
    equip_any(task, settings)
    from kfp import kubernetes

    kubernetes.add_pod_label(task, NODE_LABEL, label_value(node_id))
    kubernetes.set_timeout(task, line.timeout_s)
    if line.retries:
        task.set_retry(line.retries, **_BACKOFF)


def equip_any(task: Any, settings: KubeflowSettings) -> None:
    """Gives a task what every pod of the pipeline has."""
    from kfp import kubernetes

    for name, value in sorted(settings.environment.items()):
        task.set_env_variable(name, value)
    for secret in settings.secrets:
        if secret.environment:
            keys = {key: name for name, key in sorted(secret.environment.items())}
            kubernetes.use_secret_as_env(task, secret.name, keys)
        if secret.path is not None:
            kubernetes.use_secret_as_volume(task, secret.name, secret.path)
    for volume in settings.volumes:
        kubernetes.mount_pvc(task, volume.claim, volume.path)
    for name, value in sorted(settings.labels.items()):
        kubernetes.add_pod_label(task, name, value)
    kubernetes.set_image_pull_policy(task, settings.image_pull_policy)
    if settings.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(settings.image_pull_secrets))
    if settings.run_as_user is not None:
        kubernetes.set_security_context(task, run_as_user=settings.run_as_user, run_as_non_root=True)


def _machine(task: Any, line: ResourceLine, settings: KubeflowSettings) -> None:
    from kfp import kubernetes

    # A limit on processors would slow a node down on a machine with idle ones; memory is kept to what was asked for.
    task.set_cpu_request(str(line.cpus))
    task.set_memory_request(f"{line.memory_gb}Gi").set_memory_limit(f"{line.memory_gb}Gi")
    task.set_env_variable("PENSTOCK_SCRATCH", SCRATCH_FOLDER)
    kubernetes.add_ephemeral_volume(
        task, "scratch", SCRATCH_FOLDER, ["ReadWriteOnce"], f"{line.disk_gb}Gi", settings.scratch_class
    )
    if line.shm_gb:
        kubernetes.empty_dir_mount(task, "shm", SHARED_MEMORY, "Memory", f"{line.shm_gb}Gi")
    for pool in _pools(line, settings):
        for name, value in sorted(pool.node_selector.items()):
            kubernetes.add_node_selector(task, name, value)
        for taint in pool.tolerations:
            operator = "Exists" if taint.value is None else "Equal"
            kubernetes.add_toleration(task, taint.key, operator, taint.value, taint.effect)
    if line.gpus:
        task.set_accelerator_type(_accelerator(line, settings).resource).set_accelerator_limit(line.gpus)


def _pools(line: ResourceLine, settings: KubeflowSettings) -> list[NodePool]:
    pools: list[NodePool] = [_accelerator(line, settings)] if line.gpus else []
    return pools if not line.spot or settings.spot is None else [*pools, settings.spot]


def _accelerator(line: ResourceLine, settings: KubeflowSettings) -> AcceleratorPool:
    return settings.accelerators.get(line.gpu_kind or "default", AcceleratorPool())


def label_value(node_id: str) -> str:
    """The id as the value of a label: at most 63 letters, digits, dots, dashes and underscores."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in node_id)
    return kept[:63].strip("._-") or "node"
