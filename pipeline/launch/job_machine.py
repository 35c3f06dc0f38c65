"""The machine that a job runs on, by what SageMaker puts below `/opt/ml`.

Source: "How Amazon SageMaker runs your training image" and "... your processing container image" in the Amazon
SageMaker Developer Guide.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

JOB_FOLDER = Path("/opt/ml")
"""There in every job of SageMaker's."""

SCRATCH_VARIABLE = "PENSTOCK_SCRATCH"
CHECKPOINTS_VARIABLE = "PENSTOCK_CHECKPOINTS"
"""Read by pipeline/storage/workspace.py."""

_RESOURCES = ("input/config/resourceconfig.json", "config/resourceconfig.json")
"""In a training job, in a processing job."""


def scratch_folder(environ: Mapping[str, str], job_folder: Path = JOB_FOLDER) -> Path:
    """Where a job keeps what needs not outlive it: $PENSTOCK_SCRATCH, else on the job's own volume."""
    if found := environ.get(SCRATCH_VARIABLE):
        return Path(found).absolute()
    if job_folder.is_dir():
        return job_folder / "tfx"
    return Path(tempfile.gettempdir()) / f"penstock-{os.getuid()}"


def checkpoint_variables(environ: Mapping[str, str], job_folder: Path = JOB_FOLDER) -> dict[str, str]:
    """What to add to the environment so that checkpoints go where the platform keeps them over an interruption."""
    folder = job_folder / "checkpoints"
    if CHECKPOINTS_VARIABLE in environ or not folder.is_dir():
        return {}
    return {CHECKPOINTS_VARIABLE: str(folder)}


def leader_of(job_folder: Path = JOB_FOLDER) -> str | None:
    """The machine that runs this job's nodes, if that is another one than this; None if it is this one.

    Every machine of a job is given the same command. One of them runs the nodes: two would publish one execution twice.
    """
    for name in _RESOURCES:
        path = job_folder / name
        if path.is_file():
            resources = json.loads(path.read_text(encoding="utf-8"))
            leader = min(resources["hosts"])
            return None if leader == resources["current_host"] else str(leader)
    return None
