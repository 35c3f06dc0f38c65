"""The stand-in of Amazon's services that other tests rely on."""

import os

import boto3
import pytest

pytestmark = pytest.mark.integration


def test_clients_of_this_process_talk_to_the_server_on_this_machine(s3_bucket, s3_endpoint):
    client = boto3.client("s3")
    assert client.meta.endpoint_url == s3_endpoint
    client.put_object(Bucket=s3_bucket, Key="a", Body=b"1")
    assert client.get_object(Bucket=s3_bucket, Key="a")["Body"].read() == b"1"
    assert os.environ["AWS_REGION"] == client.meta.region_name


def test_an_object_that_must_not_be_there_is_not_overwritten(s3_bucket):
    client = boto3.client("s3")
    client.put_object(Bucket=s3_bucket, Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(client.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=s3_bucket, Key="once", Body=b"2", IfNoneMatch="*")
