"""The Kubernetes Job of the pods that train together with a task's own: what of it is known when compiling.

    task's pod = chief ──(its launcher, when there is something to train)──> Job (Indexed) → follower pods, Service

The launcher adds the rest (pipeline/launch/follower_job.py): names, addresses, TF_CONFIG, its own words. A task is one
pod to Kubeflow Pipelines, and so the others are the task's to ask for.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.aws_settings import ResourceLine
from pipeline.kubeflow_settings import SCRATCH_VOLUME, SHM_VOLUME, KubeflowSettings, Toleration
from pipeline.runners.kubeflow.platform import (
    NODE_LABEL,
    SCRATCH_FOLDER,
    SCRATCH_VARIABLE,
    SHARED_MEMORY,
    accelerator_of,
    label_value,
    pools_of,
)

LAUNCHER = ("python", "-m", "pipeline.launch")

KEPT_S = 600
"""Seconds that pods which have ended can still be looked at, if the chief could not take them away."""

_NO_SIDECAR = {"sidecar.istio.io/inject": "false"}
"""In Kubeflow's namespaces a proxy beside it would keep a Job's pod from ending. Istio's versions look at either."""


def followers_word(node_id: str, line: ResourceLine, settings: KubeflowSettings) -> str:
    """The Job as one word of a command: JSON that neither Argo nor Kubernetes finds anything to fill in."""
    return json.dumps(follower_job(node_id, line, settings), sort_keys=True).replace("$", "\\u0024")


def follower_job(node_id: str, line: ResourceLine, settings: KubeflowSettings) -> dict[str, Any]:
    """The Job of all machines of a complete line but the first, each like the task's own pod."""
    labels = {**settings.labels, NODE_LABEL: label_value(node_id), "penstock.role": "follower"}
    others = (line.instances or 1) - 1
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"labels": labels},
        "spec": {
            "completionMode": "Indexed",
            "completions": others,
            "parallelism": others,
            "backoffLimit": 0,  # one lost machine ends the training; the task is tried again, with a new Job
            "activeDeadlineSeconds": line.timeout_s,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {
                "metadata": {"labels": {**labels, **_NO_SIDECAR}, "annotations": _NO_SIDECAR},
                "spec": _pod(line, settings),
            },
        },
    }


def _pod(line: ResourceLine, settings: KubeflowSettings) -> dict[str, Any]:
    pools = pools_of(line, settings)
    user = {} if settings.run_as_user is None else {"runAsUser": settings.run_as_user, "fsGroup": settings.run_as_user}
    mounts = [*_mounts(line, settings)]
    found = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,  # the cluster's own API is the chief's to talk to
        "securityContext": {**user, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": {name: value for pool in pools for name, value in pool.node_selector.items()},
        "tolerations": [_toleration(taint) for pool in pools for taint in pool.tolerations],
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
        "volumes": [{"name": name, **source} for name, _, source in mounts],
        "containers": [
            {
                "name": "main",
                "image": settings.image,
                "imagePullPolicy": settings.image_pull_policy,
                "command": list(LAUNCHER),
                "env": [*_variables(settings)],
                "resources": _resources(line, settings),
                "volumeMounts": [{"name": name, "mountPath": path} for name, path, _ in mounts],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    return {key: value for key, value in found.items() if value not in ({}, [])}


def _variables(settings: KubeflowSettings) -> Iterator[dict[str, Any]]:
    for name, value in sorted({**settings.environment, SCRATCH_VARIABLE: SCRATCH_FOLDER}.items()):
        yield {"name": name, "value": value}
    for secret in settings.secrets:
        for name, key in sorted(secret.environment.items()):
            yield {"name": name, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}}}


def _resources(line: ResourceLine, settings: KubeflowSettings) -> dict[str, Any]:
    memory, disk = f"{line.memory_gb}Gi", f"{line.disk_gb}Gi"
    own_disk = {"ephemeral-storage": disk} if settings.scratch_class is None else {}
    gpus = {accelerator_of(line, settings).resource: str(line.gpus)} if line.gpus else {}
    return {
        "requests": {"cpu": str(line.cpus), "memory": memory, **own_disk, **gpus},
        "limits": {"memory": memory, **gpus},
    }


def _mounts(line: ResourceLine, settings: KubeflowSettings) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, folder and source of each volume."""
    for volume in settings.volumes:
        yield volume.claim, volume.path, {"persistentVolumeClaim": {"claimName": volume.claim}}
    for secret in settings.secrets:
        if secret.path is not None:
            yield secret.name, secret.path, {"secret": {"secretName": secret.name}}
    yield SCRATCH_VOLUME, SCRATCH_FOLDER, _scratch(f"{line.disk_gb}Gi", settings.scratch_class)
    if line.shm_gb:
        yield SHM_VOLUME, SHARED_MEMORY, {"emptyDir": {"medium": "Memory", "sizeLimit": f"{line.shm_gb}Gi"}}


def _scratch(size: str, storage_class: str | None) -> dict[str, Any]:
    if storage_class is None:
        return {"emptyDir": {"sizeLimit": size}}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}


def _toleration(taint: Toleration) -> Mapping[str, str]:
    operator = {"operator": "Exists"} if taint.value is None else {"operator": "Equal", "value": taint.value}
    return {"key": taint.key, **operator, **({} if taint.effect is None else {"effect": taint.effect})}
