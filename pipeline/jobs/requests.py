"""The two requests that start jobs: CreateProcessingJob and CreateTrainingJob, without the job's name."""

import dataclasses
from typing import Any

from pipeline.aws_settings import METADATA_CA, AwsSettings, ResourceLine
from pipeline.jobs.request import JobKind, Join
from pipeline.jobs.resources import InstanceType, instance_type

ENTRYPOINT = ("python", "-m", "pipeline.launch")
"""What every container runs, whatever its image's own entrypoint is."""

DECISIONS_FOLDER = "/opt/ml/processing/output/decisions"
"""Where a processing job writes decision.json, for the platform to copy to S3."""

IMAGE = "PENSTOCK_IMAGE"
"""The variable by which a job knows its own image; read by components/model_registry."""

CHECKPOINTS_FOLDER = "/opt/ml/checkpoints"
"""What the platform keeps in step with S3 while a training job runs, and restores when spot capacity is back."""


@dataclasses.dataclass(frozen=True)
class JobParts:
    """What a job's request is made of.

    Attributes:
      line: the node's resource line, complete.
      words: of the launcher's command line.
      decisions: where decisions go in S3; None if the job makes none.
      checkpoints: where a training job's checkpoints go in S3.
    """

    aws: AwsSettings
    line: ResourceLine
    words: tuple[Any, ...]
    pipeline_name: str
    node_id: str
    decisions: Join | None
    checkpoints: Join

    @property
    def wait_s(self) -> int:
        """Longest time from a training job's start to its end: spot capacity has to be waited for."""
        timeout_s = self.line.timeout_s or 0
        if not self.line.spot:
            return timeout_s
        return self.line.max_wait_s or 2 * timeout_s

    @property
    def tags(self) -> list[dict[str, str]]:
        """The configuration's, and which pipeline and node it is."""
        own = {"penstock-pipeline": self.pipeline_name, "penstock-node": self.node_id}
        return [{"Key": key, "Value": value} for key, value in sorted({**self.aws.tags, **own}.items())]

    @property
    def environment(self) -> dict[str, str]:
        """The configuration's, the region, who vouches for the lineage store, and the image that goes on record."""
        own = {"AWS_DEFAULT_REGION": self.aws.region, "AWS_REGION": self.aws.region}
        if self.aws.metadata_ca is not None:
            own[METADATA_CA] = self.aws.metadata_ca
        return dict(sorted({**own, **self.aws.environment, IMAGE: self.aws.image}.items()))

    @property
    def vpc(self) -> dict[str, Any]:
        """`VpcConfig`, or nothing."""
        if not self.aws.subnets:
            return {}
        return {
            "VpcConfig": {"SecurityGroupIds": list(self.aws.security_groups), "Subnets": list(self.aws.subnets)},
        }

    def machines(self, kind: JobKind) -> dict[str, Any]:
        """`ClusterConfig` and `ResourceConfig` have the same members."""
        found = instance_type(self.line, kind)
        if found is None:
            raise ValueError(f"no instance type for {self.line}")  # plans refuse this before
        return {
            "InstanceCount": self.line.instances or 1,
            "InstanceType": found.name,
            "VolumeSizeInGB": self.line.disk_gb,
            **self._volume_key(found),
        }

    def key(self, name: str) -> dict[str, str]:
        """The configuration's key under that member's name, or nothing."""
        return {name: self.aws.kms_key} if self.aws.kms_key else {}

    def _volume_key(self, machine: InstanceType) -> dict[str, str]:
        return self.key("VolumeKmsKeyId") if machine.local_disk_gb is None else {}


def processing_request(parts: JobParts) -> dict[str, Any]:
    """A processing job. Source: docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html.

    The launcher must reach the lineage store and S3, so the network is not isolated; with subnets it is the VPC's.
    """
    words = parts.words if parts.decisions is None else (*parts.words, "--decisions", DECISIONS_FOLDER)
    request: dict[str, Any] = {
        "AppSpecification": {
            "ContainerArguments": list(words),
            "ContainerEntrypoint": list(ENTRYPOINT),
            "ImageUri": parts.aws.image,
        },
        "Environment": parts.environment,
        "NetworkConfig": {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": False,
            **parts.vpc,
        },
        "ProcessingResources": {"ClusterConfig": parts.machines("processing")},
        "RoleArn": parts.aws.job_role,
        "StoppingCondition": {"MaxRuntimeInSeconds": parts.line.timeout_s},
        "Tags": parts.tags,
    }
    if parts.decisions is not None:
        request["ProcessingOutputConfig"] = {
            **parts.key("KmsKeyId"),
            "Outputs": [
                {
                    "OutputName": "decisions",
                    "S3Output": {
                        "LocalPath": DECISIONS_FOLDER,
                        "S3UploadMode": "EndOfJob",
                        "S3Uri": parts.decisions,
                    },
                }
            ],
        }
    return request


def training_request(parts: JobParts) -> dict[str, Any]:
    """A training job. Source: docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html.

    Artifacts go by the launcher; /opt/ml/model stays empty, though the platform wants a place for it.
    """
    stopping: dict[str, Any] = {"MaxRuntimeInSeconds": parts.line.timeout_s}
    if parts.line.spot:
        stopping["MaxWaitTimeInSeconds"] = parts.wait_s
    return {
        "AlgorithmSpecification": {
            "ContainerArguments": list(parts.words),
            "ContainerEntrypoint": list(ENTRYPOINT),
            "TrainingImage": parts.aws.image,
            "TrainingInputMode": "File",
        },
        "CheckpointConfig": {"LocalPath": CHECKPOINTS_FOLDER, "S3Uri": parts.checkpoints},
        "EnableInterContainerTrafficEncryption": True,
        "EnableManagedSpotTraining": bool(parts.line.spot),
        "EnableNetworkIsolation": False,
        "Environment": parts.environment,
        "OutputDataConfig": {**parts.key("KmsKeyId"), "S3OutputPath": f"{parts.aws.root}/jobs"},
        "ResourceConfig": parts.machines("training"),
        "RoleArn": parts.aws.job_role,
        "StoppingCondition": stopping,
        "Tags": parts.tags,
        **parts.vpc,
    }
