"""Every way in which a secret cannot be read is told with what to do; the answers are botocore's own."""

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from pipeline.errors import ConfigError, StoreUnreachable
from pipeline.metadata.secret import read_secret

ARN = "arn:aws:secretsmanager:eu-west-3:123456789012:secret:db-AbCdEf"


@pytest.fixture
def stubbed(monkeypatch):
    """A client whose answers the test gives, and the regions that it was made for."""
    make = boto3.client
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = make("secretsmanager", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    regions = []

    def given(service, region_name):
        regions.append((service, region_name))
        return client

    monkeypatch.setattr(boto3, "client", given)
    with Stubber(client) as stub:
        yield stub, regions, client


def test_the_text_of_the_secret_is_returned(stubbed):
    stub, regions, _ = stubbed
    stub.add_response("get_secret_value", {"SecretString": '{"host": "db"}'}, {"SecretId": "penstock/db"})
    assert read_secret("penstock/db", {"AWS_REGION": "eu-central-1"}) == '{"host": "db"}'
    assert regions == [("secretsmanager", "eu-central-1")]


def test_an_arn_is_asked_for_in_its_own_region(stubbed):
    stub, regions, _ = stubbed
    stub.add_response("get_secret_value", {"SecretString": "{}"}, {"SecretId": ARN})
    read_secret(ARN, {"AWS_REGION": "eu-central-1"})
    assert regions == [("secretsmanager", "eu-west-3")]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("ResourceNotFoundException", "there is no such secret in this account and region"),
        ("AccessDeniedException", "Allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key"),
        ("DecryptionFailure", "Allow kms:Decrypt"),
        ("InvalidRequestException", "it is being deleted"),
        ("SomethingElse", "cannot be read: SomethingElse: words of the service"),
    ],
)
def test_what_the_service_refuses_is_told_with_what_to_do(stubbed, code, advice):
    stub, _, _ = stubbed
    stub.add_client_error("get_secret_value", code, "words of the service")
    with pytest.raises(ConfigError, match=advice) as refused:
        read_secret("penstock/db", {})
    assert str(refused.value).startswith("secretsmanager:penstock/db: ")


def test_a_secret_of_bytes_is_refused(stubbed):
    stub, _, _ = stubbed
    stub.add_response("get_secret_value", {"SecretBinary": b"\x00"})
    with pytest.raises(ConfigError, match="holds bytes, expected text"):
        read_secret("penstock/db", {})


@pytest.mark.parametrize(
    ("error", "kind", "advice"),
    [
        (NoCredentialsError(), ConfigError, "In a job they come from its role"),
        (EndpointConnectionError(endpoint_url="https://x"), StoreUnreachable, "interface endpoint for secretsmanager"),
    ],
)
def test_what_keeps_the_question_from_being_asked_is_told(stubbed, monkeypatch, error, kind, advice):
    _, _, client = stubbed

    def fail(**_):
        raise error

    monkeypatch.setattr(client, "get_secret_value", fail)
    with pytest.raises(kind, match=advice):
        read_secret("penstock/db", {})


def test_a_name_without_region_asks_for_one(monkeypatch):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(ConfigError, match="set AWS_REGION, or give the secret's ARN"):
        read_secret("penstock/db", {})
