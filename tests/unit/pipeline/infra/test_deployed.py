import dataclasses

import pytest
from aws_config import SETTINGS
from cloudformation import REGION, deployed
from ruamel.yaml import YAML

from pipeline.aws_settings import AwsSettings
from pipeline.errors import NotFound
from pipeline.infra.commands import deploy_commands
from pipeline.infra.deployed import differences, missing_outputs, outputs_of, section_of, section_text

OUTPUTS = deployed().outputs


class CloudFormation:
    """A client that knows one stack."""

    def __init__(self, status="CREATE_COMPLETE"):
        self.status = status
        self.asked = []

    def describe_stacks(self, **request):
        self.asked.append(request["StackName"])
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        return {"Stacks": [{"StackStatus": self.status, "StackStatusReason": "no such zone", "Outputs": outputs}]}


def settings():
    section = section_of(OUTPUTS, REGION)
    lists = {key: tuple(section[key]) for key in ("subnets", "security_groups")}
    return AwsSettings(**{**section, **lists, "image": SETTINGS.image})


def test_outputs_of_the_templates_are_a_section_that_the_configuration_takes():
    assert missing_outputs(OUTPUTS) == []
    aws = settings()
    assert aws.root == "s3://penstock-test-artifacts-123456789012-eu-central-1/pipelines"
    assert aws.metadata.startswith("secretsmanager:arn:aws:secretsmanager:eu-central-1:")
    assert len(aws.subnets) == 2
    assert differences(aws, OUTPUTS) == []


def test_what_is_not_what_was_deployed_is_told_with_both_values():
    aws = dataclasses.replace(settings(), notify_topic=None, job_prefix="other")
    sentences = [difference.sentence() for difference in differences(aws, OUTPUTS)]
    assert sentences == [
        "aws.job_prefix is other, deployed was penstock-test.",
        f"aws.notify_topic is not set; deployed was {OUTPUTS['NotifyTopicArn']}.",
    ]


def test_the_order_of_subnets_means_nothing():
    aws = settings()
    assert differences(dataclasses.replace(aws, subnets=aws.subnets[::-1]), OUTPUTS) == []
    (found,) = differences(dataclasses.replace(aws, subnets=aws.subnets[:1]), OUTPUTS)
    assert found.key == "subnets"


def test_section_is_yaml_that_reads_back():
    read = YAML(typ="safe").load(section_text(section_of(OUTPUTS, REGION), OUTPUTS["RepositoryUri"]))["aws"]
    assert read.pop("image").startswith(OUTPUTS["RepositoryUri"] + "@sha256:")
    assert read == section_of(OUTPUTS, REGION)


def test_outputs_are_those_of_the_stack_that_was_named():
    client = CloudFormation()
    assert outputs_of(client, "penstock-test") == OUTPUTS
    assert client.asked == ["penstock-test"]


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE", "UPDATE_FAILED"])
def test_stack_that_is_not_whole_is_refused_with_its_reason(status):
    with pytest.raises(NotFound, match=f"{status}: no such zone"):
        outputs_of(CloudFormation(status), "penstock-test")


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_stack_that_was_updated_or_went_back_is_there(status):
    assert outputs_of(CloudFormation(status), "penstock-test") == OUTPUTS


def test_commands_name_every_parameter_that_has_no_default():
    main = deployed().template
    commands = deploy_commands(main, "deploy/aws", REGION, {"Prefix": "penstock-dev", "PipelineName": "reviews"})
    required = {name for name, declared in main.parameters.items() if "Default" not in declared}
    given = {word.strip("'").partition("=")[0] for word in commands[-1].split() if "=" in word}
    assert given == required
    assert "Prefix=penstock-dev" in commands[-1]
    assert all(REGION in command for command in commands)
