"""Whoever makes a client of AWS from the environment, where that names a profile that nobody has."""

import pytest

from components.endpoint_pusher.client import DeployFailed
from components.endpoint_pusher.client import make_clients as deploying_clients
from components.errors import ComponentError
from components.ledger.s3_object import LedgerUnreachable
from components.ledger.s3_object import s3_client as ledger_client
from components.model_registry.packages import PackageRefused, PackageSettings, make_packages
from components.signing.kms import aws_client
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.metadata.secret import read_secret
from pipeline.runners.aws.clients import make_client
from pipeline.storage.errors import NotReached
from pipeline.storage.s3 import _client

REGION = "eu-central-1"
MAKERS = {
    "runners": (lambda: make_client("sts", REGION), PlatformRefused),
    "storage": (lambda: _client.__wrapped__(None, REGION, None, 0), NotReached),
    "ledger": (ledger_client, LedgerUnreachable),
    "deploying": (lambda: deploying_clients(REGION), DeployFailed),
    "packages": (
        lambda: make_packages(PackageSettings(region=REGION, group="g", image="i", pipeline="p")),
        PackageRefused,
    ),
    "signing": (aws_client, ComponentError),
    "secret": (lambda: read_secret("penstock/store", {"AWS_REGION": REGION}), ConfigError),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_profile_that_is_not_there_is_told_with_where_to_look_and_no_traceback(maker, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    make, error = MAKERS[maker]
    with pytest.raises(error, match=r"nobody.*Check AWS_PROFILE and ~/.aws/config"):
        make()
