"""The machine that a job runs on, by what SageMaker puts below `/opt/ml`.

Source: "How Amazon SageMaker runs your training image" and "... your processing container image" in the Amazon
SageMaker Developer Guide.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

JOB_FOLDER = Path("/opt/ml")
"""There in every job of SageMaker's."""

SCRATCH_VARIABLE = "PENSTOCK_SCRATCH"
CHECKPOINTS_VARIABLE = "PENSTOCK_CHECKPOINTS"
"""Read by pipeline/storage/workspace.py."""


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
