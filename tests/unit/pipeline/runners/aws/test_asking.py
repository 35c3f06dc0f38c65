import boto3.session
import pytest
from botocore import exceptions
from botocore.config import Config
from botocore.stub import Stubber

from pipeline.errors import NotFound, PlatformBusy, PlatformRefused
from pipeline.runners.aws.asking import NotThere, ask


def client(service="sagemaker", **keys):
    keys = keys or {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    config = Config(connect_timeout=1, retries={"max_attempts": 1})
    return boto3.session.Session().client(service, region_name="eu-central-1", config=config, **keys)


def told(code, message="because", service="sagemaker", method="describe_pipeline", **request):
    made = client(service)
    request = request or {"PipelineName": "reviews"}
    with Stubber(made) as stub:
        stub.add_client_error(method, code, message)
        with pytest.raises((NotFound, PlatformRefused)) as refused:
            ask(made, method, "look at pipeline 'reviews'", **request)
    assert refused.value.__cause__ is not None
    return refused.value


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        ("AccessDeniedException", PlatformRefused, "Allow sagemaker:DescribePipeline"),
        ("ExpiredTokenException", PlatformRefused, "Sign in to AWS again"),
        ("ThrottlingException", PlatformBusy, "again in a minute"),
        ("ResourceLimitExceeded", PlatformBusy, "Service Quotas"),
        ("ResourceNotFound", NotThere, "aws.region"),
        ("ConflictException", PlatformRefused, "ConflictException"),
    ],
)
def test_an_error_of_the_platform_says_what_where_what_was_seen_and_what_to_do(code, kind, advice):
    error = told(code, "Some words.")
    assert type(error) is kind
    assert str(error).startswith("Could not look at pipeline 'reviews': sagemaker in eu-central-1 answered")
    assert "Some words." in str(error)
    assert advice in str(error)


def test_permissions_are_named_as_policies_name_them():
    error = told("AccessDeniedException", "no", "stepfunctions", "list_state_machines", maxResults=1)
    assert "Allow states:ListStateMachines" in str(error)
    error = told("403", "Forbidden", "s3", "head_object", Bucket="b", Key="k")
    assert "Allow s3:GetObject" in str(error)


def test_sagemakers_way_to_say_that_there_is_no_such_thing_is_understood():
    assert type(told("ValidationException", "Pipeline 'reviews' does not exist.")) is NotThere
    assert type(told("ValidationException", "Could not find pipeline 'reviews'.")) is NotThere
    assert type(told("ValidationException", "1 validation error detected")) is PlatformRefused


def test_a_machine_without_credentials_is_told_how_to_get_some(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    made = boto3.session.Session().client("sagemaker", region_name="eu-central-1")
    with pytest.raises(PlatformRefused, match="Sign in") as refused:
        ask(made, "list_pipelines", "list pipelines")
    assert isinstance(refused.value.__cause__, exceptions.NoCredentialsError)


def test_an_address_where_nobody_answers_is_told_as_such():
    made = client(endpoint_url="http://127.0.0.1:9", aws_access_key_id="testing", aws_secret_access_key="testing")
    with pytest.raises(PlatformBusy, match="Check the network"):
        ask(made, "list_pipelines", "list pipelines")


def test_a_request_that_the_service_model_forbids_never_leaves():
    with pytest.raises(PlatformRefused, match="defect of ours"):
        ask(client(), "describe_pipeline", "look at pipeline ''", PipelineName=7)


def test_an_answer_comes_back_as_it_is():
    made = client()
    with Stubber(made) as stub:
        stub.add_response("list_pipelines", {"PipelineSummaries": []})
        assert ask(made, "list_pipelines", "list pipelines")["PipelineSummaries"] == []
