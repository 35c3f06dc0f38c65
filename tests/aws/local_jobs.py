"""Jobs of SageMaker on this machine: Amazon's own Local Mode, with what it leaves out and our documents rely on.

Local Mode ignores managed spot and checkpoints, and tells no more of a failure than an exit code. Added here, as the
service does it: `/opt/ml/checkpoints` is brought from S3 before a training container starts and taken there after it
ended; a training job with spot capacity that was interrupted starts again; the reason that a container left becomes the
job's. Runs in `.venv-aws` (`make aws-test`).
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import service_jobs
from sagemaker.core.local.local_session import LocalSagemakerClient
from service_jobs import interruption_of, record_of

_MOST_STARTS = 5


class JobFailed(Exception):
    """A job has ended badly; `description` is what describing it says."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        super().__init__(description["FailureReason"])


class Jobs(LocalSagemakerClient):
    """Local Mode's client, whose jobs fail with a reason and whose training jobs keep checkpoints."""

    def create_processing_job(self, ProcessingJobName: str, **request: Any) -> None:
        """Runs the job to its end.

        Raises:
          ServiceFault: a test has planted one.
          JobFailed: it ended badly.
        """
        with _known("Processing", ProcessingJobName, request):
            environment = {**(request.get("Environment") or {}), "STAND_IN_JOB": ProcessingJobName}
            try:
                super().create_processing_job(ProcessingJobName, **{**request, "Environment": environment})
            except RuntimeError as error:
                raise JobFailed(_description("Processing", ProcessingJobName, error)) from error

    def create_training_job(self, TrainingJobName: str, **request: Any) -> None:
        """Runs the job to its end, over interruptions of its spot capacity.

        Raises:
          ServiceFault: a test has planted one.
          JobFailed: it ended badly.
        """
        with _known("Training", TrainingJobName, request):
            self._train_over_interruptions(TrainingJobName, request)

    def _train_over_interruptions(self, TrainingJobName: str, request: dict[str, Any]) -> None:
        spot = bool(request.get("EnableManagedSpotTraining"))
        for _ in range(_MOST_STARTS):
            try:
                self._train(TrainingJobName, request)
            except RuntimeError as error:
                interrupted = interruption_of(TrainingJobName)
                if not (spot and interrupted.exists()):
                    raise JobFailed(_description("Training", TrainingJobName, error)) from error
                interrupted.unlink()
            else:
                return
        raise JobFailed(_description("Training", TrainingJobName, RuntimeError("interrupted too often")))

    def _train(self, name: str, request: dict[str, Any]) -> None:
        environment = {**(request.get("Environment") or {}), "STAND_IN_JOB": name}
        run: Callable[..., None] = super().create_training_job
        uri = request.get("CheckpointConfig", {}).get("S3Uri")
        if uri is None:
            run(name, **{**request, "Environment": environment})
            return
        with tempfile.TemporaryDirectory(prefix="checkpoints-") as folder:
            fetch(uri, Path(folder))
            try:
                run(name, **{**request, "Environment": {**environment, "STAND_IN_CHECKPOINTS": folder}})
            finally:
                keep(Path(folder), uri)

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:
        """As Local Mode describes it, with the message that the container left."""
        said = {"ExitMessage": message} if (message := record_of(ProcessingJobName).get("message")) else {}
        return {**super().describe_processing_job(ProcessingJobName), **said}


@contextmanager
def _known(kind: str, name: str, request: Mapping[str, Any]) -> Iterator[None]:
    """The service knows of the job from its start to its end."""
    if code := service_jobs.take_fault(service_jobs.nodes_of(request)):
        raise service_jobs.ServiceFault(code)
    service_jobs.begun(kind, name, request)
    failure = None
    try:
        yield
    except JobFailed as failed:
        failure = failed.description
        raise
    finally:
        service_jobs.ended(kind, name, failure)


def _description(kind: str, name: str, error: Exception) -> dict[str, Any]:
    """What SageMaker says of a job that failed, of the members that our documents and tests read."""
    record = record_of(name)
    code, reason = record.get("exit_code"), record.get("failure")
    base = {f"{kind}JobName": name, f"{kind}JobStatus": "Failed"}
    if code is None:
        return {**base, "FailureReason": f"InternalServerError: {error}"}
    told = {"ExitMessage": record["message"]} if kind == "Processing" and record.get("message") else {}
    return {**base, **told, "FailureReason": f"AlgorithmError: {reason or 'no reason given'}, exit code: {code}"}


def _place(uri: str) -> tuple[Any, str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return boto3.resource("s3").Bucket(bucket), f"{prefix.rstrip('/')}/"


def fetch(uri: str, folder: Path) -> None:
    """Brings what is below the URI into the folder."""
    bucket, prefix = _place(uri)
    for item in bucket.objects.filter(Prefix=prefix):
        target = folder / item.key.removeprefix(prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(item.key, str(target))


def keep(folder: Path, uri: str) -> None:
    """Makes what is below the URI what is in the folder."""
    bucket, prefix = _place(uri)
    files = [path for path in folder.rglob("*") if path.is_file()]
    keys = {f"{prefix}{path.relative_to(folder)}" for path in files}
    for path in files:
        bucket.upload_file(str(path), f"{prefix}{path.relative_to(folder)}")
    for item in bucket.objects.filter(Prefix=prefix):
        if item.key not in keys:
            item.delete()


def session(bucket: str, make: Callable[..., Any]) -> Any:
    """A local session of that class, whose jobs are those of this module.

    Args:
      bucket: where the SDK may keep what it needs.
      make: `LocalSession` or `LocalPipelineSession`.
    """
    found = make(
        boto_session=boto3.Session(region_name=os.environ["AWS_REGION"]),
        default_bucket=bucket,
        s3_endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"],
    )
    found.sagemaker_client = Jobs(found)
    return found
