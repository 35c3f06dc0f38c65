"""Deployments, the approval queue and promotions against a server that stands in for Amazon's.

It knows no UpdateEndpoint: updates, roll-backs and alarms are in tests/unit/components/endpoint_pusher.
"""

import dataclasses
import io
import json
import tarfile

import pytest
from aws_config import config_on_aws

from components.endpoint_pusher.checks import DeployRefused, Registered, check_signature
from components.endpoint_pusher.client import Clients
from components.endpoint_pusher.deployer import Deployer, deploy_folder
from components.endpoint_pusher.settings import DeploySettings, Target
from components.model_digest import model_digest
from components.model_registry.registry import Registration
from components.signing.keys import new_key_pair
from components.signing.settings import SigningSettings
from components.signing.signature import sign_model, signing_key
from pipeline.approvals.platforms import Queue
from pipeline.aws_settings import AwsSettings
from pipeline.deploying import check_version
from pipeline.errors import ConfigError
from pipeline.model_versions import registry_on_s3
from pipeline.storage.upload import upload

pytestmark = pytest.mark.integration

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/penstock-serving"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/penstock@sha256:{'ab' * 32}"


@pytest.fixture
def signed(tmp_path):
    """A signed model folder, and with which key."""
    new_key_pair(tmp_path / "k.pem", tmp_path / "k.pub", None)
    keys = SigningSettings("key", str(tmp_path / "k.pem"), public_key=str(tmp_path / "k.pub"))
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    sign_model(folder, signing_key(keys))
    return folder, keys


def test_a_signed_model_comes_into_service_once_and_what_is_packed_still_verifies(
    aws_services, s3_bucket, signed, tmp_path
):
    folder, keys = signed
    target = Target("us-east-1", f"reviews-{s3_bucket}", f"s3://{s3_bucket}/p", IMAGE, ROLE)
    clients = Clients(*(aws_services.client(service) for service in ("s3", "sagemaker", "application-autoscaling")))
    deployer, digest = Deployer(target, clients, sleep=lambda _: None), model_digest(folder)
    settings = DeploySettings(max_instances=3, capture_percent=50)
    said = {"by": "ann", "reason": "first", "run": "r1"}
    first = deploy_folder(deployer, settings, folder, Registered("7", digest), said, keys)
    again = deploy_folder(deployer, settings, folder, Registered("7", digest), said, keys)
    assert (again.config_name, again.model_name) == (first.config_name, first.model_name)
    assert [entry.kind for entry in deployer.record.entries()] == ["deployed"]

    sagemaker = clients.sagemaker
    assert sagemaker.describe_endpoint(EndpointName=target.endpoint)["EndpointStatus"] == "InService"
    config = sagemaker.describe_endpoint_config(EndpointConfigName=first.config_name)
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 50
    assert config["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://{s3_bucket}/p/captured/{target.endpoint}"
    container = sagemaker.describe_model(ModelName=first.model_name)["PrimaryContainer"]
    assert container["Environment"]["PENSTOCK_MODEL_DIGEST"] == digest
    assert container["Environment"]["PENSTOCK_PUBLIC_KEY"] == (tmp_path / "k.pub").read_text()
    [scaled] = clients.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{target.endpoint}/variant/live"]
    )["ScalableTargets"]
    assert (scaled["MinCapacity"], scaled["MaxCapacity"]) == (1, 3)

    place, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    packed = clients.s3.get_object(Bucket=place, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert check_signature(tmp_path / "unpacked" / "7", keys).startswith("signed by key")
    assert model_digest(tmp_path / "unpacked" / "7") == digest


def test_of_several_requests_in_the_queue_only_the_runs_own_is_taken(aws_services, s3_bucket):
    sqs = aws_services.client("sqs")
    url = sqs.create_queue(QueueName=f"approvals-{s3_bucket}")["QueueUrl"]
    for run in ("r1", "r2", "r3"):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"run_id": run, "task_token": f"token of {run}"}))
    settings = AwsSettings("us-east-1", f"s3://{s3_bucket}/p", IMAGE, "secretsmanager:store", ROLE)
    settings = dataclasses.replace(settings, approval_queue=f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/x")
    queue = Queue(_At(sqs, url), aws_services.client("stepfunctions"), settings)
    queue.answer("r2", "approved")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(json.loads(message["Body"])["run_id"] for message in found) == ["r1", "r3"]
    with pytest.raises(ConfigError, match="holds no request of run 'r2'"):
        queue.answer("r2", "approved")


class _At:
    """A client of SQS that asks the queue of this server, whose address is no URL of Amazon's."""

    def __init__(self, client, url):
        self._client, self._url, self.meta = client, url, client.meta

    def __getattr__(self, method):
        return lambda **request: getattr(self._client, method)(**{**request, "QueueUrl": self._url})


def test_a_version_that_a_run_on_aws_registered_is_brought_here_whole_to_be_checked(s3_bucket, signed, tmp_path):
    folder, keys = signed
    settings = AwsSettings("us-east-1", f"s3://{s3_bucket}/p", IMAGE, "secretsmanager:store", ROLE)
    config = config_on_aws().model_copy(update={"aws": settings, "signing": keys})
    place = f"s3://{s3_bucket}/p/pushed/reviews/7"
    upload(folder, place)
    registry = registry_on_s3(config.at(config.aws.root), tmp_path / "scratch")
    registration = Registration("7", "r1", "uri", model_digest(folder), "cd", "rules", {})
    registry.register(folder, registration, place)
    found = registry.history().find("latest")
    copy = registry.folder(found)
    assert copy != folder
    check_version(found, copy, [])
    assert check_signature(copy, keys).startswith("signed by key")


@pytest.fixture
def node(s3_bucket, signed, tmp_path):
    """Runs EndpointPusher's executor on the signed model, approved and registered but for the changes; its artifact."""
    from tfx.types import standard_artifacts

    from components.endpoint_pusher.artifact import Endpoint
    from components.endpoint_pusher.executor import Executor
    from components.model_approval.artifact import ModelApproval
    from components.model_registry.artifact import ModelVersion

    folder, keys = signed
    target = Target("us-east-1", f"node-{s3_bucket}", f"s3://{s3_bucket}/p", IMAGE, ROLE)

    def run(approved=True, pushed=True):
        digest = model_digest(folder)
        model, approval, version, endpoint = (
            kind() for kind in (standard_artifacts.PushedModel, ModelApproval, ModelVersion, Endpoint)
        )
        model.uri, approval.uri, endpoint.uri = str(folder), str(tmp_path / "approval"), str(tmp_path / "endpoint")
        model.set_int_custom_property("pushed", int(pushed))
        model.set_string_custom_property("not_pushed_reason", "refused by a gate.")
        (tmp_path / "approval").mkdir(exist_ok=True)
        document = {"approved": approved, "model_digest": digest, "reasons": ["bob said no."]}
        (tmp_path / "approval" / "approval.json").write_text(json.dumps(document))
        version.registered, version.version, version.model_digest = 1, "7", digest
        inputs = {"pushed_model": [model], "approval": [approval], "model_version": [version]}
        settings = {"settings": DeploySettings(), "target": target, "signing": keys}
        exec_properties = {key: json.dumps(value.to_json()) for key, value in settings.items()}
        Executor().Do(inputs, {"endpoint": [endpoint]}, exec_properties)
        return endpoint

    return run


def test_the_node_deploys_what_was_approved_and_says_what_is_there(node, aws_services, tmp_path):
    endpoint = node()
    sagemaker = aws_services.client("sagemaker")
    found = sagemaker.describe_endpoint(EndpointName=endpoint.endpoint)
    assert (endpoint.deployed, endpoint.variant, endpoint.version) == (1, "live", "7")
    assert found["EndpointConfigName"] == endpoint.endpoint_config
    document = json.loads((tmp_path / "endpoint" / "endpoint.json").read_text())
    assert document["model_name"] == endpoint.model_name


def test_the_node_deploys_nothing_that_was_not_pushed_or_not_approved(node, aws_services):
    with pytest.raises(DeployRefused, match="bob said no"):
        node(approved=False)
    endpoint = node(pushed=False)
    assert (endpoint.deployed, endpoint.reason) == (0, "Nothing was pushed: refused by a gate.")
    names = [item["EndpointName"] for item in aws_services.client("sagemaker").list_endpoints()["Endpoints"]]
    assert endpoint.endpoint not in names
