"""From a plan of jobs to the jobs whose cost is estimated: what each request asks the platform for."""

from pipeline.aws_settings import AwsSettings, partition_of
from pipeline.config import Config
from pipeline.costs.estimate import PlannedJob
from pipeline.jobs import JobPlan, JobRequest


def planned_jobs(plan: JobPlan, lookups: frozenset[str]) -> tuple[PlannedJob, ...]:
    """What a run would start, in the plan's order; read from the requests, so that nothing else is priced.

    Args:
      plan: of the jobs.
      lookups: nodes that only look in the lineage store.
    """
    return tuple(_planned_job(job, lookups) for job in plan.jobs)


def _planned_job(job: JobRequest, lookups: frozenset[str]) -> PlannedJob:
    request = job.request
    is_training = job.kind == "training"
    machines = request["ResourceConfig"] if is_training else request["ProcessingResources"]["ClusterConfig"]
    return PlannedJob(
        name=job.name,
        node_ids=job.node_ids,
        use=job.kind,
        instance_type=machines["InstanceType"],
        instances=machines["InstanceCount"],
        volume_gb=machines["VolumeSizeInGB"],
        spot=bool(request.get("EnableManagedSpotTraining")),
        depends_on=job.depends_on,
        lookups=tuple(node_id for node_id in job.node_ids if node_id in lookups),
    )


def with_some_account(config: Config, region: str) -> Config:
    """The configuration; one without a section `aws` gets a made-up one, which no price depends on."""
    if config.aws is not None:
        return config
    made_up = AwsSettings(
        region=region,
        root="s3://not-there-yet/penstock",
        image=f"not-there-yet@sha256:{'0' * 64}",
        metadata="secretsmanager:not-there-yet",
        job_role=f"arn:{partition_of(region)}:iam::000000000000:role/not-there-yet",
    )
    return config.model_copy(update={"aws": made_up})
