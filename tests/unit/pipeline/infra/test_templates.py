"""What the templates promise of security, read from the templates themselves."""

import json

import pytest
from cloudformation import ACCOUNT, deployed

from components.ledger.ledger import Entry
from components.model_registry.packages import PackageSettings, package_request
from pipeline.jobs import RUN_ID_PARAMETER

STACK = deployed()
WITHOUT_RESOURCES = {
    # Actions that IAM cannot bind to a resource (Service Authorization Reference), or whose resources appear only
    # while a job starts (network interfaces).
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "cloudwatch:PutMetricData",
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListModelPackages",
    "sagemaker:ListModels",
    "states:ListStateMachines",
    "states:SendTaskFailure",
    "states:SendTaskSuccess",
    "states:ValidateStateMachineDefinition",
}
SERVICES = {
    "JobRole": "sagemaker.amazonaws.com",
    "PipelineRole": "sagemaker.amazonaws.com",
    "ServingRole": "sagemaker.amazonaws.com",
    "StateMachineRole": "states.amazonaws.com",
    "EventsRole": "events.amazonaws.com",
    "FlowLogRole": "vpc-flow-logs.amazonaws.com",
}


def every(kind):
    """(logical id, properties) of each resource of a type, in all stacks."""
    return [found for stack in STACK.nested.values() for found in stack.of_type(kind).items()]


def statements():
    """(who, statement) of each policy that gives a role or a person something."""
    for name, role in every("AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])
    for name, policy in every("AWS::IAM::ManagedPolicy"):
        yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])


BUCKETS = every("AWS::S3::Bucket")


@pytest.mark.parametrize(("name", "bucket"), BUCKETS)
def test_bucket_is_versioned_encrypted_and_closed(name, bucket):
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    expected = "AES256" if name == "AccessLogBucket" else "aws:kms"
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == expected
    assert bucket["LifecycleConfiguration"]["Rules"]


@pytest.mark.parametrize("name", [name for name, _ in BUCKETS])
def test_bucket_refuses_connections_without_tls(name):
    storage = STACK.nested["Storage"]
    arn = storage.resolve({"Fn::GetAtt": [name, "Arn"]})
    (policy,) = [
        each["PolicyDocument"]
        for each in storage.of_type("AWS::S3::BucketPolicy").values()
        if each["Bucket"] == storage.resolve({"Ref": name})
    ]
    (found,) = [each for each in policy["Statement"] if each["Sid"] == "OnlyTls"]
    assert (found["Effect"], found["Principal"], found["Action"]) == ("Deny", "*", "s3:*")
    assert found["Resource"] == [arn, f"{arn}/*"]
    assert found["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_record_of_approvals_cannot_be_deleted_even_by_who_may_delete_everything():
    policy = STACK.nested["Storage"].properties("ArtifactBucketPolicy")["PolicyDocument"]
    (found,) = [each for each in policy["Statement"] if each["Sid"] == "KeepApprovals"]
    assert (found["Effect"], found["Principal"]) == ("Deny", "*")
    assert set(found["Action"]) == {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    assert found["Resource"].endswith("/*/approvals/*")


@pytest.mark.parametrize(("name", "role"), every("AWS::IAM::Role"))
def test_role_is_taken_only_by_whom_it_is_for(name, role):
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRole"
    if name in SERVICES:
        assert trust["Principal"] == {"Service": SERVICES[name]}
        assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    else:
        assert trust["Principal"] == {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/people"]}


def test_a_ci_system_takes_the_release_role_only_with_the_subject_that_was_named():
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    without_subject = deployed(OidcProviderArn=provider).nested["Roles"].properties("ReleaseRole")
    assert len(without_subject["AssumeRolePolicyDocument"]["Statement"]) == 1
    roles = deployed(OidcProviderArn=provider, OidcSubject="repo:us/it:environment:prod").nested["Roles"]
    _, oidc = roles.properties("ReleaseRole")["AssumeRolePolicyDocument"]["Statement"]
    assert oidc["Principal"] == {"Federated": provider}
    assert oidc["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == "repo:us/it:environment:prod"


def test_no_policy_allows_a_whole_service_or_every_resource_of_an_action_that_knows_resources():
    for who, statement in statements():
        if statement["Effect"] == "Deny":
            continue
        assert not {"NotAction", "NotResource"} & set(statement), who
        for action in statement["Action"]:
            assert "*" not in action, (who, action)
            if statement["Resource"] == "*":
                assert action in WITHOUT_RESOURCES, (who, action)


def test_roles_are_handed_on_only_to_the_service_they_are_for():
    found = [statement for _, statement in statements() if "iam:PassRole" in statement["Action"]]
    assert len(found) == 5
    for statement in found:
        assert statement["Resource"].startswith(f"arn:aws:iam::{ACCOUNT}:role/penstock-test-")
        assert "*" not in statement["Resource"]
        assert statement["Condition"]["StringEquals"]["iam:PassedToService"]


def test_the_database_is_private_encrypted_and_kept():
    metadata = STACK.nested["Metadata"]
    database = metadata.properties("Database")
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    assert database["DeletionProtection"] is True
    assert database["EngineVersion"].startswith("10.11.")
    assert "resolve:secretsmanager" in database["MasterUserPassword"]
    assert metadata.template.resources["Database"]["DeletionPolicy"] == "Snapshot"


def test_the_network_has_no_way_to_or_from_the_internet():
    network = STACK.nested["Network"]
    kinds = {resource["Type"] for resource in network.template.resources.values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::Route"}
    for name, group in network.of_type("AWS::EC2::SecurityGroup").items():
        assert all("SourceSecurityGroupId" in rule for rule in group.get("SecurityGroupIngress", [])), name


def test_jobs_reach_every_service_that_they_call_by_an_endpoint():
    services = {
        each["ServiceName"].removeprefix("com.amazonaws.eu-central-1.")
        for each in STACK.nested["Network"].of_type("AWS::EC2::VPCEndpoint").values()
    }
    assert services >= {"s3", "secretsmanager", "sagemaker.api", "sagemaker.runtime", "logs", "ecr.api", "ecr.dkr"}
    assert services >= {"sts", "kms", "monitoring"}


def test_images_are_immutable_scanned_and_encrypted():
    repository = STACK.nested["Registry"].properties("Repository")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2]


def test_a_decision_about_a_model_continues_its_run_and_only_its_own_pipeline():
    rule = STACK.nested["Events"].properties("ModelDecided")
    detail = rule["EventPattern"]["detail"]
    assert detail["ModelApprovalStatus"] == ["Approved", "Rejected"]
    assert detail["CustomerMetadataProperties"] == {"run_id": [{"exists": True}], "pipeline": ["reviews"]}
    assert detail["ModelPackageGroupName"] == ["penstock-test-models"]
    (target,) = rule["Targets"]
    assert target["Arn"].endswith(":pipeline/reviews-continue")
    (parameter,) = target["SageMakerPipelineParameters"]["PipelineParameterList"]
    assert parameter["Name"] == "RunId"


@pytest.mark.parametrize(
    ("runner", "end"), [("sagemaker", "pipeline/reviews"), ("step_functions", "stateMachine:reviews")]
)
def test_events_start_what_the_runner_submits_and_nothing_before_they_are_enabled(runner, end):
    events = deployed(Runner=runner).nested["Events"]
    for name in ("NewData", "Schedule"):
        rule = events.properties(name)
        assert rule["State"] == "DISABLED"
        (target,) = rule["Targets"]
        assert target["Arn"].endswith(f":{end}")
        assert ("SageMakerPipelineParameters" in target) == (runner == "sagemaker")
        assert ("Input" in target) == (runner == "step_functions")


def test_every_kind_of_failure_is_told_to_the_topic():
    topic = STACK.outputs["NotifyTopicArn"]
    for name in ("PipelineFailed", "StateMachineStopped"):
        assert [target["Arn"] for target in STACK.nested["Events"].properties(name)["Targets"]] == [topic]
    alarms = every("AWS::CloudWatch::Alarm")
    assert len(alarms) >= 4
    assert all(alarm["AlarmActions"] == [topic] for _, alarm in alarms)
    ((_, budget),) = every("AWS::Budgets::Budget")
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:Environment$dev"]}


def test_the_rule_about_decisions_asks_for_what_packages_say_of_themselves():
    """The event is matched, and the run named, by metadata that ModelApproval gives a package."""
    content = {"run": "run-1", "model_uri": "s3://b/m", "model_digest": "d", "reasons": []}
    request = Entry(1, "2026-01-01T00:00:00+00:00", "requested", content, "h" * 64)
    settings = PackageSettings(region="eu-central-1", group="penstock-test-models", image="i", pipeline="reviews")
    said = package_request(settings, request, "s3://b/evaluation")["CustomerMetadataProperties"]
    rule = STACK.nested["Events"].properties("ModelDecided")
    asked = rule["EventPattern"]["detail"]["CustomerMetadataProperties"]
    assert said["pipeline"] in asked["pipeline"]
    (target,) = rule["Targets"]
    (parameter,) = target["SageMakerPipelineParameters"]["PipelineParameterList"]
    *_, key = parameter["Value"].split(".")
    assert said[key] == "run-1"
    assert key in asked
    assert parameter["Name"] == RUN_ID_PARAMETER
