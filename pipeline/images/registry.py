"""Amazon's registry: which registries are its, and the password that engines sign in with, good for twelve hours."""

import base64
import re

from pipeline.runners.aws.asking import ask
from pipeline.runners.aws.clients import make_client

_ECR = re.compile(r"\d{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def is_ecr(registry: str) -> bool:
    """Whether that host is Amazon's registry of some account."""
    return _ECR.fullmatch(registry) is not None


def password_of(registry: str) -> str:
    """The password for a registry of `is_ecr`.

    Raises:
      PlatformBusy, PlatformRefused: AWS does not give one.
    """
    found = _ECR.fullmatch(registry)
    if found is None:
        raise ValueError(registry)
    client = make_client("ecr", found["region"])
    answer = ask(client, "get_authorization_token", f"sign in to {registry}")
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    return token.partition(":")[2]
