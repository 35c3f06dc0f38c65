"""The clients that runners on AWS are given: made here only, from the configuration and the user's own credentials."""

import dataclasses
from typing import Any

from pipeline.aws_settings import AwsSettings
from pipeline.errors import PlatformRefused


@dataclasses.dataclass(frozen=True)
class AwsClients:
    """boto3 clients of one region."""

    s3: Any
    sagemaker: Any
    stepfunctions: Any
    logs: Any


def make_clients(aws: AwsSettings) -> AwsClients:
    """Clients for the configuration's region, with credentials and endpoints from the environment, as boto3 finds them.

    Raises:
      PlatformRefused: boto3 is not installed, or the profile that the environment names does not exist.
    """
    session, config = _session(aws.region)
    return AwsClients(
        **{field.name: session.client(field.name, config=config) for field in dataclasses.fields(AwsClients)}
    )


def make_client(service: str, region: str, profile: str | None = None) -> Any:
    """One client, by boto3's name of the service, with the credentials of a profile; errors as `make_clients`."""
    session, config = _session(region, profile)
    return session.client(service, config=config)


def _session(region: str, profile: str | None = None) -> tuple[Any, Any]:
    """One for all clients: who signs in with a second factor is asked once."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise PlatformRefused(
            f"Clients for AWS are not installed ({error}). Install them with: "
            "python -m pip install --no-deps -r requirements-aws.lock"
        ) from error
    try:
        session = boto3.session.Session(region_name=region, profile_name=profile)
    except BotoCoreError as error:
        raise PlatformRefused(f"AWS cannot be asked: {error}. Check AWS_PROFILE and ~/.aws/config.") from error
    return session, Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=10, read_timeout=60)
