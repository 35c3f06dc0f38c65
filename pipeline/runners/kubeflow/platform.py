"""What Kubernetes gives a task: the node's resource line and the section `kubeflow`, by kfp and kfp-kubernetes.

Calls that change a task return nothing; what they say ends up in the document's two halves.
"""

import hashlib
from typing import Any

from pipeline.aws_settings import ResourceLine
from pipeline.kubeflow_settings import SCRATCH_VOLUME, SHM_VOLUME, AcceleratorPool, KubeflowSettings, NodePool
from pipeline.launch.follower_job import POD_VARIABLES

SCRATCH_FOLDER = "/scratch"
"""Where a pod's own volume of `disk_gb` is."""

SCRATCH_VARIABLE = "PENSTOCK_SCRATCH"
"""Tells the launcher that folder."""

NODE_LABEL = "penstock.node"
"""The label that says which node a pod runs."""

_LABEL_LENGTH = 63
"""Characters of a label's value."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - no file, but memory that processes share
"""Where frameworks expect memory that processes share; a pod has 64 MB of it unless told otherwise."""

FIRST_WAIT_S = 30
"""Seconds from a failure to the next attempt; twice as many after each further failure."""

PENDING_S = 3600
"""Seconds that each attempt may wait for a machine, without which the next one would not be made."""


def equip(task: Any, line: ResourceLine, settings: KubeflowSettings) -> None:
    """Gives a task its machine, its time, and what every pod of the pipeline has."""
    from kfp import kubernetes

    _machine(task, line, settings)
    _common(task, settings)
    kubernetes.set_timeout(task, line.timeout_s)
    if line.retries:
        _retry(task, line)


def equip_node(task: Any, node_id: str, line: ResourceLine, settings: KubeflowSettings) -> None:
    """Gives a node's task all that, its name for Kubernetes, and what it needs to ask for more pods."""
    from kfp import kubernetes

    equip(task, line, settings)
    kubernetes.add_pod_label(task, NODE_LABEL, label_value(node_id))
    if (line.instances or 1) > 1:  # it asks for the others itself
        for name, field in POD_VARIABLES.items():
            kubernetes.use_field_path_as_env(task, name, field)


def retry_window_s(line: ResourceLine) -> int:
    """Seconds from the first attempt's start within which the last one has ended, however long each takes."""
    retries = line.retries or 0
    waits = FIRST_WAIT_S * ((1 << retries) - 1)
    return (retries + 1) * ((line.timeout_s or 0) + PENDING_S) + waits


def _retry(task: Any, line: ResourceLine) -> None:
    """Has failed attempts made again.

    Argo takes `backoffMaxDuration` for the time from the first attempt's start after which it makes no more and ends
    the one under way (processNodeRetries of its operator.go). kfp cuts it to an hour, so that what runs for longer
    would never be tried again: said to the task in its own words here, not by `set_retry` alone.
    """
    from kfp.dsl import structures

    class WholeWindow(structures.RetryPolicy):
        def to_proto(self) -> Any:
            made = super().to_proto()
            made.backoff_max_duration.seconds = retry_window_s(line)
            return made

    task.set_retry(line.retries)
    policy = WholeWindow(max_retry_count=line.retries, backoff_duration=f"{FIRST_WAIT_S}s", backoff_factor=2.0)
    task._task_spec.retry_policy = policy


def _common(task: Any, settings: KubeflowSettings) -> None:
    """Gives a task what every pod of the pipeline has."""
    from kfp import kubernetes

    for name, value in sorted(settings.environment.items()):
        task.set_env_variable(name, value)
    for secret in settings.secrets:
        for name, key in sorted(secret.environment.items()):  # one by one: two variables may have the same key
            kubernetes.use_secret_as_env(task, secret.name, {key: name})
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
    task.set_env_variable(SCRATCH_VARIABLE, SCRATCH_FOLDER)
    if settings.scratch_class is None:  # writable by every user, which a volume of the cluster's default class is not
        kubernetes.empty_dir_mount(task, SCRATCH_VOLUME, SCRATCH_FOLDER, None, f"{line.disk_gb}Gi")
    else:
        size, modes = f"{line.disk_gb}Gi", ["ReadWriteOnce"]
        kubernetes.add_ephemeral_volume(task, SCRATCH_VOLUME, SCRATCH_FOLDER, modes, size, settings.scratch_class)
    if line.shm_gb:
        kubernetes.empty_dir_mount(task, SHM_VOLUME, SHARED_MEMORY, "Memory", f"{line.shm_gb}Gi")
    for pool in pools_of(line, settings):
        for name, value in sorted(pool.node_selector.items()):
            kubernetes.add_node_selector(task, name, value)
        for taint in pool.tolerations:
            operator = "Exists" if taint.value is None else "Equal"
            kubernetes.add_toleration(task, taint.key, operator, taint.value, taint.effect)
    if line.gpus:
        task.set_accelerator_type(accelerator_of(line, settings).resource).set_accelerator_limit(line.gpus)


def pools_of(line: ResourceLine, settings: KubeflowSettings) -> list[NodePool]:
    """The nodes that a line's pods are put on: those that are in all of these pools; any, without one."""
    pools: list[NodePool] = [accelerator_of(line, settings)] if line.gpus else []
    return pools if not line.spot or settings.spot is None else [*pools, settings.spot]


def accelerator_of(line: ResourceLine, settings: KubeflowSettings) -> AcceleratorPool:
    """The nodes that have the line's kind of GPU."""
    return settings.accelerators.get(line.gpu_kind or "default", AcceleratorPool())


def label_value(node_id: str) -> str:
    """The id as the value of a label: at most 63 letters, digits, dots, dashes and underscores.

    What had to be changed ends in a few digits of its hash, so that values differ as ids do.

    >>> label_value("latest_model"), label_value("модель")
    ('latest_model', 'node-b68fadf0')
    """
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in node_id)
    kept = kept.strip("._-")
    if kept == node_id and len(kept) <= _LABEL_LENGTH:
        return kept
    digest = hashlib.sha256(node_id.encode()).hexdigest()[:8]
    return f"{kept[: _LABEL_LENGTH - 9].strip('._-') or 'node'}-{digest}"
