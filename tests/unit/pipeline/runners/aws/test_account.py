import boto3.session
import pytest
from aws_config import ACCOUNT, SETTINGS
from botocore.stub import Stubber

from pipeline.errors import ConfigError, PlatformRefused
from pipeline.runners.aws.account import check_account


@pytest.fixture
def sts():
    client = boto3.session.Session("testing", "testing", region_name="eu-central-1").client("sts")
    with Stubber(client) as stub:
        yield client, stub


def test_who_is_signed_in_where_the_roles_are_may_go_on(sts):
    client, stub = sts
    stub.add_response("get_caller_identity", {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/me"})
    check_account(client, SETTINGS)
    stub.assert_no_pending_responses()


def test_who_is_signed_in_to_another_account_is_told_which_one_is_meant(sts):
    client, stub = sts
    stub.add_response("get_caller_identity", {"Account": "210987654321", "Arn": "arn:aws:iam::210987654321:user/me"})
    with pytest.raises(ConfigError) as refused:
        check_account(client, SETTINGS)
    (problem,) = refused.value.problems
    assert problem.startswith(
        "arn:aws:iam::210987654321:user/me is signed in, of account 210987654321; aws.job_role is"
    )
    assert f"account {ACCOUNT}. Sign in to that one" in problem


def test_who_is_signed_in_no_more_is_told_to_sign_in_again(sts):
    client, stub = sts
    stub.add_client_error("get_caller_identity", "ExpiredToken", "The security token has expired.")
    with pytest.raises(PlatformRefused, match=r"ask who is signed in to AWS: sts in .* Sign in to AWS again"):
        check_account(client, SETTINGS)
