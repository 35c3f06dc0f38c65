"""What was deployed, as the outputs of the main stack, beside what the configuration names."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pipeline.aws_settings import AwsSettings
from pipeline.errors import NotFound
from pipeline.runners.aws.asking import ask

_KEYS = {
    "root": "ArtifactRoot",
    "metadata": "MetadataSecretArn",
    "job_role": "JobRoleArn",
    "pipeline_role": "PipelineRoleArn",
    "state_machine_role": "StateMachineRoleArn",
    "state_machine_log_group": "StateMachineLogGroupArn",
    "subnets": "SubnetIds",
    "security_groups": "JobSecurityGroupId",
    "kms_key": "DataKeyArn",
    "job_prefix": "JobPrefix",
    "notify_topic": "NotifyTopicArn",
    "approval_queue": "ApprovalQueueUrl",
    "model_package_group": "ModelPackageGroupName",
}
"""Key of the section `aws` → output of deploy/aws/main.yaml."""

_LISTS = ("subnets", "security_groups")


@dataclasses.dataclass(frozen=True)
class Difference:
    """One key of the section `aws` that is not what was deployed.

    Attributes:
      key: of the section.
      configured: what it is; None = not set.
      deployed: what it must be.
    """

    key: str
    configured: Any
    deployed: Any

    def sentence(self) -> str:
        """For people."""
        if not self.configured:
            return f"aws.{self.key} is not set; deployed was {_yaml(self.deployed)}."
        return f"aws.{self.key} is {_yaml(self.configured)}, deployed was {_yaml(self.deployed)}."


def outputs_of(client: Any, stack: str) -> dict[str, str]:
    """Name → value of each output of the stack.

    Args:
      client: boto3's for CloudFormation.
      stack: its name.

    Raises:
      NotFound: there is none of that name, or it was never finished.
      PlatformBusy, PlatformRefused: CloudFormation cannot be asked.
    """
    answer = ask(client, "describe_stacks", f"look for stack '{stack}'", StackName=stack)
    (found,) = answer["Stacks"]
    status = str(found["StackStatus"])
    if not status.endswith("_COMPLETE") or status.startswith(("DELETE", "ROLLBACK")):
        reason = found.get("StackStatusReason", "no reason given")
        raise NotFound(f"Stack '{stack}' is {status}: {reason}. Deploy it again; its events say which resource failed.")
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def section_of(outputs: Mapping[str, str], region: str) -> dict[str, Any]:
    """The section `aws` that the outputs of the main stack mean, without the image, which no stack makes."""
    section: dict[str, Any] = {"region": region}
    for key, output in _KEYS.items():
        if output in outputs:
            value = outputs[output]
            section[key] = value.split(",") if key in _LISTS else value
    if "metadata" in section:
        section["metadata"] = f"secretsmanager:{section['metadata']}"
    return section


def missing_outputs(outputs: Mapping[str, str]) -> list[str]:
    """Outputs that the main stack should have and does not: it is older than the templates here."""
    return [output for output in _KEYS.values() if output not in outputs]


def differences(aws: AwsSettings, outputs: Mapping[str, str]) -> list[Difference]:
    """What the configuration says otherwise than what was deployed; roles know no root but the deployed one."""
    found = []
    for key, deployed in section_of(outputs, aws.region).items():
        configured = getattr(aws, key)
        if isinstance(configured, tuple):
            configured = list(configured)
        same = configured == deployed
        if key in _LISTS:
            same = sorted(configured) == sorted(deployed)
        if not same:
            found.append(Difference(key, configured, deployed))
    return found


def section_text(section: Mapping[str, Any], repository: str | None) -> str:
    """The section as YAML to paste into the configuration."""
    lines = ["aws:", *(f"  {key}: {_yaml(value)}" for key, value in section.items())]
    place = f"{repository}@sha256:…" if repository else "REPOSITORY@sha256:…"
    lines.insert(3, f"  image: {place}  # penstock image push prints it")
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(value)}]"
    return str(value)
