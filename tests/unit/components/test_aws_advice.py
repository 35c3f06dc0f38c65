import pytest
from botocore import exceptions

from components.aws_advice import SIGN_IN, action_of, advice, client_advice


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        ("AccessDeniedException", "not allowed", "Allow s3:GetObject to whoever runs this"),
        ("403", "Forbidden", "Allow s3:GetObject"),
        (
            "AccessDenied",
            "User: x is not authorized to perform: kms:Decrypt on resource: y",
            "Allow kms:Decrypt to whoever runs this",
        ),
        ("ExpiredToken", "The provided token has expired", "Sign in to AWS again"),
        (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time",
            "clock of this machine",
        ),
        ("InvalidSignatureException", "Signature expired: 20261126T1 is now earlier than", "clock of this machine"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20261126T1", "clock of this machine"),
        ("SignatureDoesNotMatch", "Check your key and signing method", "Sign in to AWS again"),
        ("PermanentRedirect", "must be addressed using the specified endpoint", "The bucket is in another region"),
        ("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong", "The bucket is in another region"),
        ("OptInRequired", "not subscribed", "Switch the region or the service on"),
        ("ResourceLimitExceeded", "0 Instances", "Service Quotas"),
        ("SlowDown", "", "again in a minute"),
        ("ConflictException", "is being updated", ""),
    ],
)
def test_an_answer_of_aws_is_told_with_what_to_do(code, said, told):
    found = advice(code, said, "s3", "HeadObject")
    assert told in found
    assert bool(found) is bool(told)


def test_permissions_are_named_as_policies_name_them():
    assert action_of("stepfunctions", "RedriveExecution") == "states:RedriveExecution"
    assert action_of("s3", "UploadPart") == "s3:PutObject"
    assert action_of("sagemaker", "CreatePipeline") == "sagemaker:CreatePipeline"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exceptions.NoCredentialsError(), SIGN_IN),
        (exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), SIGN_IN),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), "aws sso login"),
        (exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "Check the network"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "Check the network"),
        (exceptions.ProfileNotFound(profile="x"), "AWS_PROFILE"),
        (exceptions.NoRegionError(), "AWS_REGION"),
        (exceptions.DataNotFoundError(data_path="x"), ""),
    ],
)
def test_an_error_of_the_client_is_told_with_what_to_do(error, told):
    found = client_advice(error)
    assert told in found
    assert bool(found) is bool(told)
