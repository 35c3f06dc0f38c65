"""SageMaker jobs as both runners meet them: ARNs, the nodes in a container's arguments, why a job failed."""

import dataclasses
import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.runners.aws.asking import NotThere, ask
from pipeline.runners.remote import JobProgress, JobUsage

_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:\d{12}:(?P<kind>processing|training)-job/(?P<name>.+)")

_LOG_GROUPS = {"processing": "/aws/sagemaker/ProcessingJobs", "training": "/aws/sagemaker/TrainingJobs"}

ENDED = ("Completed", "Failed", "Stopped")
"""States of a job that do not change any more."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A job of SageMaker."""

    kind: str
    name: str

    @classmethod
    def of(cls, progress: JobProgress) -> "Job":
        """The job of a step or state that has one."""
        kind = next(kind for kind, group in _LOG_GROUPS.items() if group == progress.log_group)
        return cls(kind, progress.job_name)

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


def usage_of(name: str, job: Job, description: Mapping[str, Any], now: datetime.datetime) -> JobUsage | None:
    """What the job has taken, None before it had a machine.

    Args:
      name: of its step or state.
      job: the job.
      description: what Describe…Job answers.
      now: for a job that has not ended.
    """
    kind = job.kind.capitalize()
    start, end = description.get(f"{kind}StartTime"), description.get(f"{kind}EndTime", now)
    if start is None:
        return None
    is_training = job.kind == "training"
    machines = description["ResourceConfig"] if is_training else description["ProcessingResources"]["ClusterConfig"]
    ran_s = (end - start).total_seconds()
    return JobUsage(
        name=name,
        kind="training" if is_training else "processing",
        instance_type=machines["InstanceType"],
        instances=machines["InstanceCount"],
        volume_gb=machines["VolumeSizeInGB"],
        billed_s=float(description.get("BillableTimeInSeconds", ran_s)),
        ran_s=ran_s,
    )


def ask_usage(sagemaker: Any, jobs: Iterable[JobProgress], now: datetime.datetime) -> Iterator[JobUsage]:
    """What those jobs have taken; jobs that SageMaker has forgotten are left out."""
    for progress in jobs:
        if not progress.job_name:
            continue
        job = Job.of(progress)
        try:
            used = usage_of(progress.name, job, describe(sagemaker, job), now)
        except NotThere:
            continue
        if used is not None:
            yield used


def is_ended(sagemaker: Any, job: Job) -> bool:
    """True if the job's state does not change any more."""
    try:
        return describe(sagemaker, job)[f"{job.kind.capitalize()}JobStatus"] in ENDED
    except NotThere:
        return True
