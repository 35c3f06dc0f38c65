"""SageMaker jobs as both runners meet them: ARNs, the nodes in a container's arguments, why a job failed."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.runners.aws.asking import NotThere, ask

_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:\d{12}:(?P<kind>processing|training)-job/(?P<name>.+)")

_LOG_GROUPS = {"processing": "/aws/sagemaker/ProcessingJobs", "training": "/aws/sagemaker/TrainingJobs"}

ENDED = ("Completed", "Failed", "Stopped")
"""States of a job that do not change any more."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A job of SageMaker."""

    kind: str
    name: str

    @property
    def log_group(self) -> str:
        """Where CloudWatch keeps what its containers print, in streams that begin with the job's name."""
        return _LOG_GROUPS[self.kind]


def job_of_arn(arn: str) -> Job | None:
    """The job, None if the ARN is not a processing or training job's.

    >>> job_of_arn("arn:aws:sagemaker:eu-central-1:123456789012:training-job/pipelines-x1-Trainer-y2")
    Job(kind='training', name='pipelines-x1-Trainer-y2')
    """
    found = _ARN.fullmatch(arn)
    return Job(found["kind"], found["name"]) if found else None


def nodes_in(arguments: Sequence[Any]) -> tuple[str, ...]:
    """The nodes that the launcher is told to run.

    >>> nodes_in(["--ir", "s3://b/ir.json", "--nodes", "A,B", "--run-id", {"Get": "…"}])
    ('A', 'B')
    """
    words = list(arguments)
    return tuple(str(words[words.index("--nodes") + 1]).split(",")) if "--nodes" in words else ()


def failure_of(description: Mapping[str, Any]) -> str:
    """Why a job failed, from what Describe…Job answers: the launcher's own words where they arrived.

    A processing job brings them as ExitMessage; a training job in FailureReason, behind the name of an error.
    """
    own = str(description.get("ExitMessage") or "").strip()
    reason = str(description.get("FailureReason") or "").strip()
    return own or re.sub(r"^AlgorithmError: (?=\S)", "", reason)


def ask_failure(sagemaker: Any, job: Job) -> str:
    """Why the job failed, empty if SageMaker knows no reason or has forgotten the job."""
    try:
        return failure_of(describe(sagemaker, job))
    except NotThere:
        return ""


def describe(sagemaker: Any, job: Job) -> Mapping[str, Any]:
    """What SageMaker says of the job.

    Raises:
      NotThere: it knows none of that name.
    """
    kind = job.kind.capitalize()
    found: Mapping[str, Any] = ask(
        sagemaker, f"describe_{job.kind}_job", f"look at job '{job.name}'", **{f"{kind}JobName": job.name}
    )
    return found


def is_ended(sagemaker: Any, job: Job) -> bool:
    """True if the job's state does not change any more."""
    try:
        return describe(sagemaker, job)[f"{job.kind.capitalize()}JobStatus"] in ENDED
    except NotThere:
        return True
