"""The deployer against clients that ask nobody: botocore checks every request and every answer."""

import dataclasses
import datetime
import functools

import boto3.session
import pytest
from botocore.stub import ANY, Stubber

from components.endpoint_pusher.client import Clients, DeployFailed, NotThere
from components.endpoint_pusher.deployer import Deployer
from components.endpoint_pusher.plan import Candidate, Current, plan_deployment
from components.endpoint_pusher.record import NothingBefore
from components.endpoint_pusher.settings import DeploySettings, Target
from components.ledger.ledger import Ledger

ACCOUNT = "123456789012"
TARGET = Target(
    region="eu-central-1",
    endpoint="reviews",
    root="s3://bucket/prefix",
    image=f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/penstock@sha256:{'0123456789abcdef' * 4}",
    role=f"arn:aws:iam::{ACCOUNT}:role/penstock-serving",
)
SETTINGS = DeploySettings(max_instances=3)
NEW = Candidate("ab" * 32, "7", "s3://bucket/prefix/deployments/models/x/model.tar.gz")
OLD = Current("reviews-old", {"live": "old-model"})
SAID = {"by": "ann", "reason": "better", "run": "r1"}
NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
ARN = f"arn:aws:sagemaker:eu-central-1:{ACCOUNT}"


@functools.cache
def session():
    return boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-central-1")


class Platform:
    """Clients with what they expect, in order; time passes only by sleeping."""

    def __init__(self, folder):
        names = {"s3": "s3", "sagemaker": "sagemaker", "scaling": "application-autoscaling"}
        made = {name: session().client(service) for name, service in names.items()}
        self.stubs = {name: Stubber(client) for name, client in made.items()}
        for stub in self.stubs.values():
            stub.activate()
        self.time_s = 0.0
        ledger = Ledger(folder / "record.jsonl", lambda: NOW)
        self.deployer = Deployer(TARGET, Clients(**made), lambda: self.time_s, self.sleep, ledger)

    def sleep(self, seconds):
        self.time_s += seconds

    def expect(self, client, method, answer, request=None):
        self.stubs[client].add_response(method, answer, request)

    def refuse(self, client, method, code, message=""):
        self.stubs[client].add_client_error(method, code, message)

    def done(self):
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()

    def endpoint(self, status, config, reason=None):
        answer = {
            "EndpointName": "reviews",
            "EndpointArn": f"{ARN}:endpoint/reviews",
            "EndpointConfigName": config,
            "EndpointStatus": status,
            "CreationTime": NOW,
            "LastModifiedTime": NOW,
            **({"FailureReason": reason} if reason else {}),
        }
        self.expect("sagemaker", "describe_endpoint", answer, {"EndpointName": "reviews"})

    def no_endpoint(self):
        self.refuse("sagemaker", "describe_endpoint", "ValidationException", 'Could not find endpoint "reviews".')

    def config(self, current):
        variants = [{"VariantName": name, "ModelName": model} for name, model in current.production.items()]
        answer = {
            "EndpointConfigName": current.config_name,
            "EndpointConfigArn": f"{ARN}:endpoint-config/x",
            "ProductionVariants": variants,
            "CreationTime": NOW,
        }
        self.expect("sagemaker", "describe_endpoint_config", answer, {"EndpointConfigName": current.config_name})

    def made(self, plan):
        self.expect("s3", "put_object", {}, None)
        self.expect("sagemaker", "create_model", {"ModelArn": f"{ARN}:model/x"}, plan.model)
        answer = {"EndpointConfigArn": f"{ARN}:endpoint-config/x"}
        self.expect("sagemaker", "create_endpoint_config", answer, plan.config)

    def scaled(self, plan):
        self.expect("scaling", "register_scalable_target", {}, plan.scaling[0])
        self.expect("scaling", "put_scaling_policy", {"PolicyARN": "a"}, plan.scaling[1])


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"packed")
    return path


def kinds(platform):
    return [entry.kind for entry in platform.deployer.record.entries()]


def test_a_first_deployment_creates_everything_waits_and_is_on_record(platform, archive):
    plan = plan_deployment(SETTINGS, TARGET, NEW, None)
    platform.no_endpoint()
    platform.refuse("s3", "head_object", "404")
    platform.made(plan)
    platform.expect("sagemaker", "create_endpoint", {"EndpointArn": f"{ARN}:endpoint/reviews"}, plan.create)
    platform.endpoint("Creating", plan.config_name)
    platform.endpoint("InService", plan.config_name)
    platform.scaled(plan)
    made = platform.deployer.deploy(SETTINGS, archive, NEW, SAID)
    platform.done()
    assert (made.config_name, made.previous_config, made.variant) == (plan.config_name, "", "live")
    [entry] = platform.deployer.record.entries()
    assert entry.kind == "deployed"
    assert entry.content == {
        "endpoint": "reviews",
        "config": plan.config_name,
        "previous_config": "",
        "model_digest": "ab" * 32,
        "version": "7",
        "variant": "live",
        "variants": {"live": plan.model_name},
        "by": "ann",
        "reason": "better",
        "run": "r1",
    }


def test_a_retry_after_a_kill_asks_for_nothing_twice(platform, archive):
    plan = plan_deployment(SETTINGS, TARGET, NEW, None)
    there = Current(plan.config_name, plan.variants)
    for _ in range(2):  # killed before the record was written, then once more for good measure
        platform.endpoint("InService", plan.config_name)
        platform.endpoint("InService", plan.config_name)
        platform.config(there)
        # base64 of SHA-256 of b"packed", by: printf packed | openssl dgst -sha256 -binary | base64
        checksum = "iMuKCHtujOv8muVgL1ohWaa8+SPn8sVoCbzabK0XJ6c="
        platform.expect("s3", "head_object", {"ChecksumSHA256": checksum}, None)
        platform.refuse("sagemaker", "create_model", "ValidationException", "Cannot create already existing model")
        platform.refuse("sagemaker", "create_endpoint_config", "ValidationException", "Cannot create already existing")
        platform.endpoint("InService", plan.config_name)
        platform.scaled(plan)
        platform.deployer.deploy(SETTINGS, archive, NEW, SAID)
    platform.done()
    assert kinds(platform) == ["deployed"]


def updated(platform, plan, *last):
    """An update from OLD to what the plan wants."""
    platform.endpoint("InService", "reviews-old")
    platform.endpoint("InService", "reviews-old")
    platform.config(OLD)
    platform.refuse("s3", "head_object", "404")
    platform.made(plan)
    platform.expect("sagemaker", "update_endpoint", {"EndpointArn": f"{ARN}:endpoint/reviews"}, plan.update)
    for state in last:
        platform.endpoint(*state)


def test_an_update_that_an_alarm_takes_back_is_a_failure_on_record(platform, archive):
    plan = plan_deployment(SETTINGS, TARGET, NEW, OLD)
    updated(platform, plan, ("Updating", "reviews-old"), ("RollingBack", "reviews-old"),
            ("InService", "reviews-old", "Alarm errors went off"))  # fmt: skip
    with pytest.raises(DeployFailed, match=r"Alarm errors went off.*serves configuration reviews-old, as before"):
        platform.deployer.deploy(SETTINGS, archive, NEW, SAID)
    platform.done()
    [entry] = platform.deployer.record.entries()
    assert entry.kind == "failed"
    assert "Alarm errors went off" in entry.content["failure"]


def test_the_wait_is_bounded_and_says_that_the_same_command_waits_on(platform, archive):
    plan = plan_deployment(SETTINGS, TARGET, NEW, OLD)
    updated(platform, plan, *[("Updating", "reviews-old")] * 241)  # 3600 s by 15 s, and the first look
    with pytest.raises(DeployFailed, match=r"still Updating after 3600 s.*same command again"):
        platform.deployer.deploy(SETTINGS, archive, NEW, SAID)
    platform.done()


def test_an_endpoint_that_never_came_into_service_is_not_updated(platform, archive):
    platform.endpoint("Failed", "x", "image not found")
    platform.endpoint("Failed", "x", "image not found")
    with pytest.raises(DeployFailed, match=r"image not found.*delete-endpoint"):
        platform.deployer.deploy(SETTINGS, archive, NEW, SAID)
    platform.done()


def test_a_missing_permission_is_named(platform, archive):
    platform.no_endpoint()
    platform.refuse("s3", "head_object", "404")
    platform.expect("s3", "put_object", {}, None)
    platform.refuse("sagemaker", "create_model", "AccessDeniedException", "not authorized")
    with pytest.raises(DeployFailed, match="Allow sagemaker:CreateModel"):
        platform.deployer.deploy(SETTINGS, archive, NEW, SAID)


def deployed(platform, config, digest, **more):
    content = {"config": config, "model_digest": digest, "version": "7", "variant": "live", "variants": {}, **more}
    platform.deployer.record.append("deployed", content)


def test_a_rollback_is_the_configuration_before_on_record(platform):
    deployed(platform, "reviews-a", "aa")
    deployed(platform, "reviews-b", "bb")
    platform.endpoint("InService", "reviews-b")
    platform.endpoint("InService", "reviews-b")
    platform.config(Current("reviews-b", {"live": "b"}))
    wanted = {"EndpointName": "reviews", "EndpointConfigName": "reviews-a"}
    platform.expect("sagemaker", "update_endpoint", {"EndpointArn": f"{ARN}:endpoint/reviews"}, wanted)
    platform.endpoint("Updating", "reviews-b")
    platform.endpoint("InService", "reviews-a")
    seen = []
    entry = platform.deployer.roll_back({"by": "ann", "reason": "errors"}, 600, seen.append)
    platform.done()
    assert entry.kind == "rolled_back"
    assert (entry.content["config"], entry.content["previous_config"]) == ("reviews-a", "reviews-b")
    assert (entry.content["model_digest"], entry.content["by"]) == ("aa", "ann")
    assert [one.content["config"] for one in seen] == ["reviews-a"]


def test_a_rollback_to_what_must_not_be_served_changes_nothing(platform):
    deployed(platform, "reviews-a", "aa")
    deployed(platform, "reviews-b", "bb")
    platform.endpoint("InService", "reviews-b")
    platform.endpoint("InService", "reviews-b")
    platform.config(Current("reviews-b", {"live": "b"}))

    def refuse(entry):
        raise NothingBefore(f"{entry.content['model_digest']} was rejected")

    with pytest.raises(NothingBefore, match="aa was rejected"):
        platform.deployer.roll_back({"by": "ann", "reason": "errors"}, 600, refuse)
    platform.done()
    assert kinds(platform) == ["deployed", "deployed"]


def test_traffic_is_shifted_and_on_record(platform):
    both = Current("reviews-ab", {"live": "a", "challenger": "b"})
    platform.endpoint("InService", "reviews-ab")
    platform.endpoint("InService", "reviews-ab")
    platform.config(both)
    request = {
        "EndpointName": "reviews",
        "DesiredWeightsAndCapacities": [{"VariantName": "challenger", "DesiredWeight": 0.5}],
    }
    answer = {"EndpointArn": f"{ARN}:endpoint/reviews"}
    platform.expect("sagemaker", "update_endpoint_weights_and_capacities", answer, request)
    platform.endpoint("InService", "reviews-ab")
    entry = platform.deployer.shift({"challenger": 0.5}, {"by": "ann", "reason": "good so far"}, 600)
    platform.done()
    assert (entry.kind, entry.content["weights"]) == ("traffic", {"challenger": 0.5})


def test_without_an_endpoint_there_is_nothing_to_shift(platform):
    platform.no_endpoint()
    with pytest.raises(NotThere, match="no endpoint 'reviews'"):
        platform.deployer.shift({"live": 1.0}, {"by": "ann", "reason": "x"}, 600)


def test_what_is_uploaded_is_checked_by_the_service_and_encrypted(tmp_path, archive):

    platform = Platform(tmp_path)
    key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
    deployer = dataclasses.replace(platform.deployer, target=dataclasses.replace(TARGET, kms_key=key))
    # another archive lies there: it is written over, whose bytes they are the checksum says
    platform.expect("s3", "head_object", {"ChecksumSHA256": "other"}, None)
    expected = {
        "Bucket": "bucket",
        "Key": "prefix/x.tar.gz",
        "Body": ANY,
        "ChecksumSHA256": "iMuKCHtujOv8muVgL1ohWaa8+SPn8sVoCbzabK0XJ6c=",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": key,
    }
    platform.expect("s3", "put_object", {}, expected)
    deployer._upload(archive, "s3://bucket/prefix/x.tar.gz")
    platform.done()
