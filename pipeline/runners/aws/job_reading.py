"""What the jobs of a run took and printed, which both runners read in the same way."""

import datetime
from collections.abc import Iterator

from pipeline.runners.aws.clients import AwsClients
from pipeline.runners.aws.job_logs import job_lines
from pipeline.runners.aws.jobs import Job, ask_usage, is_ended
from pipeline.runners.remote import JobUsage, LogRange, RunProgress


def usage_now(clients: AwsClients, progress: RunProgress) -> tuple[JobUsage, ...]:
    """What the run's jobs have taken until now."""
    return tuple(ask_usage(clients.sagemaker, progress.jobs, datetime.datetime.now(datetime.UTC)))


def node_lines(clients: AwsClients, progress: RunProgress, node_id: str, wanted: LogRange) -> Iterator[str]:
    """What the node's job printed, until it has ended if `wanted` follows it."""
    job = Job.of(progress.job_with_log(node_id))
    return job_lines(clients.logs, job, wanted, lambda: is_ended(clients.sagemaker, job))
