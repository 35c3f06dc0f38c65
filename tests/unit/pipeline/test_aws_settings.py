import dataclasses
import re

import pytest
from aws_config import SETTINGS

from pipeline.aws_settings import FALLBACK, ResourceLine, resource_line
from pipeline.config import load_config
from pipeline.errors import ConfigError

SMALLEST = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"


def problems_of(**changes):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is what is checked
        dataclasses.replace(SETTINGS, **changes)
    return str(refused.value).split("\n")


def problems_in(folder, text):
    path = folder / "pipeline.yaml"
    path.write_text(SMALLEST + text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    return refused.value.problems


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"region": "Frankfurt"}, "region is 'Frankfurt', expected a region such as eu-central-1"),
        ({"root": "bucket/prefix"}, "root is 'bucket/prefix', expected s3://BUCKET/PREFIX"),
        ({"root": "s3://bucket/prefix/"}, "no slash at its end"),
        ({"root": "s3://bucket/it's"}, "root is"),
        ({"image": "penstock:latest"}, "a tag may mean another image tomorrow"),
        ({"job_role": "penstock-jobs"}, "job_role is 'penstock-jobs', expected a role's ARN"),
        ({"kms_key": "alias/penstock"}, "kms_key is 'alias/penstock', expected a key's ARN"),
        ({"notify_topic": "alarms"}, "notify_topic is 'alarms', expected a topic's ARN"),
        ({"approval_queue": "approvals"}, "approval_queue is 'approvals', expected a queue's URL"),
        ({"state_machine_log_group": "/aws/x"}, "state_machine_log_group is '/aws/x', expected a log group's ARN"),
        (
            {"state_machine_log_group": "arn:aws:logs:us-east-1:123456789012:log-group:x:*"},
            "state_machine_log_group is in us-east-1, the pipeline is in",
        ),
        ({"job_prefix": "-a"}, "job_prefix is '-a', expected 1 to 20 letters"),
        ({"model_package_group": "my models"}, "model_package_group is 'my models'"),
        ({"subnets": ("subnet-1",), "security_groups": ()}, "subnets needs security_groups too"),
        ({"security_groups": ("sg-1",), "subnets": ()}, "security_groups needs subnets too"),
        ({"subnets": ("net",), "security_groups": ("sg-1",)}, "subnets: 'net' is not an id such as subnet-0"),
        ({"tags": {"aws:owner": "me"}}, "tags: 'aws:owner': 'me' is no tag"),
        ({"environment": {"1X": "a"}}, "environment: '1X' is not the name of a variable"),
        ({"environment": {"X": "a" * 257}}, "environment: X has 257 characters, at most 256 fit"),
        ({"environment": {"PENSTOCK_METADATA_PASSWORD": "hush"}}, "is a secret"),
        ({"metadata_ca": "s3://bucket/rds.pem"}, "expected s3://BUCKET/KEY#sha256= and the 64 hexadecimal digits"),
        ({"metadata_ca": f"s3://bucket/{'k' * 200}#sha256={'ab' * 32}"}, "metadata_ca has 284 characters, at most 256"),
        (
            {"metadata_ca": f"s3://bucket/k#sha256={'ab' * 32}", "environment": {"PENSTOCK_METADATA_CA": "/ca.pem"}},
            "is what metadata_ca says",
        ),
        ({"notify_topic": "arn:aws:sns:us-east-1:123456789012:t"}, "notify_topic is in us-east-1, the pipeline is in"),
        (
            {"image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/penstock@sha256:{'0' * 64}"},
            "image is in us-east-1, the pipeline is in eu-central-1",
        ),
        (
            {"approval_queue": "https://sqs.us-east-1.amazonaws.com/123456789012/q"},
            "approval_queue is in us-east-1, the pipeline is in",
        ),
        (
            {"job_role": "arn:aws-cn:iam::123456789012:role/jobs"},
            "job_role is of partition aws-cn, region eu-central-1 is of aws",
        ),
        (
            {"pipeline_role": "arn:aws:iam::210987654321:role/pipeline"},
            "pipeline_role is of account 210987654321, job_role of 123456789012: a role can be handed on",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_when_the_configuration_is_read(changes, told):
    (problem,) = problems_of(**changes)
    assert told in problem


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_regions_of_other_partitions_are_taken_with_arns_of_their_own(region, partition):
    def there(value):
        moved = value.replace("arn:aws:", f"arn:{partition}:").replace("eu-central-1", region)
        return moved.replace("amazonaws.com", "amazonaws.com.cn") if partition == "aws-cn" else moved

    given = {key: there(value) for key, value in vars(SETTINGS).items() if isinstance(value, str)}
    assert dataclasses.replace(SETTINGS, **given).region == region
    problems = problems_of(region=region)
    assert any(f"job_role is of partition aws, region {region} is of {partition}" in problem for problem in problems)


def test_a_password_in_the_stores_address_is_refused_and_not_repeated():
    (problem,) = problems_of(metadata="mysql://root:hush@db.internal:3306/mlmd")
    assert "a password is never written here" in problem
    assert "hush" not in problem


@pytest.mark.parametrize(
    "metadata",
    ["secretsmanager:penstock/store", "mysql://root@db.internal:3306/mlmd", "sqlite:////srv/store.sqlite"],
)
def test_the_store_is_named_by_a_secret_or_without_a_password(metadata):
    assert dataclasses.replace(SETTINGS, metadata=metadata).metadata == metadata


def test_all_problems_of_the_section_are_told_with_the_file(tmp_path):
    problems = problems_in(
        tmp_path,
        "aws: {region: X, root: nowhere, image: 'penstock:latest', metadata: here, job_role: jobs}\n",
    )
    assert len(problems) == 5
    assert all(problem.startswith(f"{tmp_path / 'pipeline.yaml'}:4: 'aws': ") for problem in problems)


def test_a_key_that_the_section_needs_is_named(tmp_path):
    problems = problems_in(tmp_path, "aws: {region: eu-central-1}\n")
    assert {problem.split(": ")[1] for problem in problems} == {
        f"'aws.{key}' is required and not there." for key in ("root", "image", "metadata", "job_role")
    }


def test_an_unknown_key_of_the_section_has_its_nearest_name(tmp_path):
    problems = problems_in(tmp_path, "aws: {regoin: eu-central-1}\n")
    assert any("unknown key 'aws.regoin'. Did you mean 'region'?" in problem for problem in problems)


def test_a_line_for_a_node_that_nobody_knows_has_the_nearest_name(tmp_path):
    (problem,) = problems_in(tmp_path, "resources: {Trainr: {gpus: 1}}\n")
    assert "unknown key 'resources.Trainr'" in problem
    assert "Did you mean 'Trainer'?" in problem


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"cpus": 0}, "cpus is 0, expected 1 to 192"),
        ({"timeout_s": 10}, "timeout_s is 10, expected 60 to 2419200"),
        ({"instance_type": "m5.large"}, "instance_type is 'm5.large', expected one such as ml.m5.xlarge"),
    ],
)
def test_a_line_that_no_machine_has_is_refused(line, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        ResourceLine(**line)


def test_all_problems_of_a_line_are_told_together():
    with pytest.raises(ValueError, match="cpus") as refused:
        ResourceLine(cpus=0, memory_gb=0, disk_gb=0, instances=0)
    assert len(str(refused.value).split("\n")) == 4


def test_a_line_leaves_the_rest_to_the_default_and_that_to_the_fallback():
    lines = {"default": ResourceLine(cpus=4, retries=0), "Trainer": ResourceLine(gpus=1, cpus=8)}
    assert resource_line(lines, "Trainer") == dataclasses.replace(FALLBACK, cpus=8, gpus=1, retries=0)
    assert resource_line(lines, "Pusher") == dataclasses.replace(FALLBACK, cpus=4, retries=0)
    assert resource_line({}, "Pusher") == FALLBACK


def test_bucket_and_prefix_are_those_of_the_root():
    assert (SETTINGS.bucket, SETTINGS.prefix) == ("bucket", "prefix/")
    bare = dataclasses.replace(SETTINGS, root="s3://bucket")
    assert (bare.bucket, bare.prefix) == ("bucket", "")
