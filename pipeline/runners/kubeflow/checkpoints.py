"""Trainings that lose what they have when their pod goes: with the root on a bucket it is on the pod's own disk. Pure.

A pod that is tried again is another pod, on another disk. What a Trainer goes on from can be kept on a volume
(`PENSTOCK_CHECKPOINTS`, pipeline/storage/workspace.py); the trials of a Tuner lie beside its outputs.
"""

from pipeline.aws_settings import ResourceLine
from pipeline.jobs.graph import Node
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.launch.job_machine import CHECKPOINTS_VARIABLE


def lost_progress(node: Node, line: ResourceLine, settings: KubeflowSettings) -> str | None:
    """Why a node that is tried again would train all over again, and what to do; None if it goes on, or is no training.

    Args:
      node: of the pipeline.
      line: its own, complete.
      settings: of the pipeline's pods.
    """
    if settings.on_volume or not node.trains or not (line.spot or line.retries):
        return None
    often = f"{'spot, ' if line.spot else ''}retries {line.retries}"
    told = (
        f"Node '{node.node_id}' ({often}) trains all over again when its pod is started again: kubeflow.root is on a "
    )
    if node.component == "Tuner":
        return f"{told}bucket, and the trials of a Tuner are on its pod's own disk. A root on a volume keeps them."
    folder = settings.environment.get(CHECKPOINTS_VARIABLE)
    if folder is not None and settings.volume_of(folder) is not None:
        return None
    where = "on its pod's own disk" if folder is None else f"at {folder}, which is on no volume"
    volumes = ", ".join(volume.path for volume in settings.volumes) or "there is none yet"
    return (
        f"{told}bucket, and its checkpoints are {where}. To keep them, set {CHECKPOINTS_VARIABLE} in "
        f"kubeflow.environment to a folder on one of kubeflow.volumes ({volumes})."
    )
