"""What the templates promise of security, read from the templates themselves."""

import json
import re

import pytest
from cloudformation import ACCOUNT, deployed
from event_patterns import at, matches

from components.ledger.ledger import Entry
from components.model_registry.packages import PackageSettings, package_request
from pipeline.jobs import RUN_ID_PARAMETER
from pipeline.metadata.server import server_of_secret

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
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
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


def applies(condition, request):
    """Whether a condition holds for a request (IAM User Guide, Condition operators)."""
    return all(_holds(operator, *item, request) for operator, keys in condition.items() for item in keys.items())


def _holds(operator, key, operand, request):
    given = request.get(key)
    if operator == "Null":
        return (given is None) == (operand == "true")
    if operator == "StringNotEquals":  # negated operators hold where the key is absent, with or without IfExists
        return given != operand
    if given is None:
        return False
    if operator == "Bool":
        return given == operand
    assert operator == "NumericLessThan", operator
    return float(given) < float(operand)


TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
KIND, KEY = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"


@pytest.mark.parametrize(
    ("request_", "refused_by"),
    [
        (TLS, []),  # how nodes upload: the bucket's own encryption holds
        ({**TLS, KIND: "aws:kms", KEY: STACK.outputs["DataKeyArn"]}, []),
        ({**TLS, KIND: "aws:kms", KEY: f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/another"}, ["OnlyThisKey"]),
        ({**TLS, KIND: "AES256"}, ["OnlyKms"]),
        ({**TLS, "aws:SecureTransport": "false"}, ["OnlyTls"]),
        ({**TLS, "s3:TlsVersion": "1.1"}, ["OnlyTls12"]),
    ],
)
def test_the_bucket_takes_what_nodes_upload_and_nothing_that_is_not_encrypted_with_its_key(request_, refused_by):
    policy = STACK.nested["Storage"].properties("ArtifactBucketPolicy")["PolicyDocument"]
    writing = [each for each in policy["Statement"] if each["Action"] in ("s3:*", "s3:PutObject")]
    assert all(each["Effect"] == "Deny" for each in writing)
    assert [each["Sid"] for each in writing if applies(each["Condition"], request_)] == refused_by


def test_event_bridge_may_publish_though_it_does_not_say_for_which_account():
    """A condition on the account would have it refused, and nobody told (SNS Developer Guide, Key management)."""
    key = STACK.nested["Keys"].properties("DataKey")["KeyPolicy"]
    topic = STACK.nested["Messages"].properties("NotifyTopicPolicy")["PolicyDocument"]
    for policy, action in ((key, "kms:GenerateDataKey*"), (topic, "sns:Publish")):
        found = [each for each in policy["Statement"] if "events.amazonaws.com" in str(each["Principal"])]
        assert [each["Effect"] for each in found] == ["Allow"]
        assert action in found[0]["Action"]
        assert "Condition" not in found[0]


def test_who_looks_at_what_a_merge_would_change_can_change_nothing():
    actions = {action for who, each in statements() if who == "PreviewRole" for action in each["Action"]}
    assert {action for action in actions if "sagemaker" in action or "states" in action} == {
        "sagemaker:DescribePipeline",
        "states:DescribeStateMachine",
    }
    verbs = ("Describe", "Get", "List", "Decrypt")
    assert all(action.partition(":")[2].startswith(verbs) for action in actions)


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


def test_what_cannot_be_made_again_outlives_the_stack_and_what_costs_by_the_hour_does_not():
    kept = {
        "AWS::S3::Bucket": "Retain",
        "AWS::KMS::Key": "Retain",
        "AWS::ECR::Repository": "Retain",
        "AWS::SecretsManager::Secret": "Retain",
        "AWS::SageMaker::ModelPackageGroup": "Retain",
        "AWS::RDS::DBInstance": "Snapshot",
    }
    for stack in STACK.nested.values():
        for name, found in stack.template.resources.items():
            if found["Type"] in kept:
                expected = kept[found["Type"]]
                assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == (expected, expected), name
    stacks = {name: found["DeletionPolicy"] for name, found in STACK.template.resources.items()}
    assert {name for name, policy in stacks.items() if policy == "Retain"} == {
        "Keys",
        "Storage",
        "Registry",
        "Metadata",
    }
    assert stacks["Network"] == "Delete"


def test_the_database_lets_in_only_who_speaks_tls_and_the_secret_says_whom_jobs_believe():
    metadata = STACK.nested["Metadata"]
    assert metadata.properties("DatabaseParameters")["Parameters"]["require_secure_transport"] == "1"
    secret = json.loads(metadata.properties("MetadataSecret")["GenerateSecretString"]["SecretStringTemplate"])
    assert secret["ca"] == f"{STACK.outputs['ArtifactRoot']}/tls/global-bundle.pem"
    server = {**secret, "engine": "mariadb", "host": "db", "port": 3306, "dbname": "penstock", "password": "x"}
    assert server_of_secret("penstock-test/metadata", json.dumps(server), {}).ca == secret["ca"]


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
    for name in ("PipelineFailed", "StateMachineFailed"):
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


HERE = f"eu-central-1:{ACCOUNT}"
PIPELINE, MACHINE = f"arn:aws:sagemaker:{HERE}:pipeline/reviews", f"arn:aws:states:{HERE}:stateMachine:reviews"


def event(source, kind, detail):
    """As EventBridge sends it (each service's guide shows one)."""
    about = {"version": "0", "id": "1", "account": ACCOUNT, "region": "eu-central-1", "time": "2026-01-01T00:00:00Z"}
    return {**about, "source": source, "detail-type": kind, "resources": [], "detail": detail}


def new_object(key, bucket=STACK.outputs["IncomingBucketName"]):
    return event("aws.s3", "Object Created", {"bucket": {"name": bucket}, "object": {"key": key, "size": 0}})


def package(status, pipeline="reviews", group="penstock-test-models"):
    said = {"run_id": "run-1", "pipeline": pipeline}
    return event(
        "aws.sagemaker",
        "SageMaker Model Package State Change",
        {"ModelPackageGroupName": group, "ModelApprovalStatus": status, "CustomerMetadataProperties": said},
    )


def pipeline_run(status, pipeline=PIPELINE):
    about = {"pipelineArn": pipeline, "pipelineExecutionArn": f"{pipeline}/execution/abc"}
    status = {"previousPipelineExecutionStatus": "Executing", "currentPipelineExecutionStatus": status}
    return event("aws.sagemaker", "SageMaker Model Building Pipeline Execution Status Change", {**about, **status})


def machine_run(status, machine=MACHINE):
    about = {"executionArn": f"{machine.replace('stateMachine', 'execution')}:abc", "stateMachineArn": machine}
    return event("aws.states", "Step Functions Execution Status Change", {**about, "name": "abc", "status": status})


EVENTS = [
    ("NewData", new_object("reviews/span-7/_SUCCESS"), True),
    ("NewData", new_object("reviews/span-7/part-1.tsv"), False),
    ("NewData", new_object("reviews/_SUCCESS", "somebody-elses"), False),
    ("ModelDecided", package("Approved"), True),
    ("ModelDecided", package("Rejected"), True),
    ("ModelDecided", package("PendingManualApproval"), False),
    ("ModelDecided", package("Approved", pipeline="payroll"), False),
    ("ModelDecided", package("Approved", group="payroll"), False),
    ("PipelineFailed", pipeline_run("Failed"), True),
    ("PipelineFailed", pipeline_run("Failed", f"{PIPELINE}-continue"), True),
    ("PipelineFailed", pipeline_run("Succeeded"), False),
    ("PipelineFailed", pipeline_run("Failed", f"{PIPELINE}-of-another-team"), False),
    ("StateMachineFailed", machine_run("FAILED"), True),
    ("StateMachineFailed", machine_run("TIMED_OUT"), True),
    ("StateMachineFailed", machine_run("ABORTED"), True),
    ("StateMachineFailed", machine_run("RUNNING"), False),
    ("StateMachineFailed", machine_run("FAILED", f"{MACHINE}-of-another-team"), False),
]


@pytest.mark.parametrize(("rule", "sent", "taken"), EVENTS)
def test_rule_takes_the_events_that_it_is_for_and_finds_in_them_what_its_target_gets(rule, sent, taken):
    found = STACK.nested["Events"].properties(rule)
    assert matches(found["EventPattern"], sent) is taken
    if not taken:
        return
    for target in found["Targets"]:
        paths = [*target.get("InputTransformer", {}).get("InputPathsMap", {}).values()]
        given = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
        for path in [*paths, *(each["Value"] for each in given)]:
            assert at(path, sent)


@pytest.mark.parametrize("runner", ["sagemaker", "step_functions"])
def test_target_has_the_role_or_the_policy_that_lets_it_be_called(runner):
    """Runs are started with a role; a topic is told by its own policy, where a role would only be in the way."""
    events = deployed(Runner=runner).nested["Events"]
    rules = events.of_type("AWS::Events::Rule")
    assert set(rules) == {"NewData", "Schedule", "ModelDecided", "PipelineFailed", "StateMachineFailed"}
    queue = STACK.nested["Messages"].outputs["DeadLetterQueueArn"]
    for name, rule in rules.items():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": queue}, name
            assert ("RoleArn" in target) is (":sns:" not in target["Arn"]), name
            template = target.get("InputTransformer", {}).get("InputTemplate", "")
            named = target.get("InputTransformer", {}).get("InputPathsMap", {})
            assert set(re.findall(r"<(\w+)>", template)) == set(named), name
