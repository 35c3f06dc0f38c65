"""Amazon's registry: which images are in it, and the password that engines sign in with, good for twelve hours."""

import base64
import dataclasses
import re

from pipeline.runners.aws.asking import ask
from pipeline.runners.aws.clients import make_client

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


@dataclasses.dataclass(frozen=True)
class EcrImage:
    """An image of Amazon's registry.

    Attributes:
      account: whose registry it is.
      region: where that is.
      repository: the name in it.
      digest: `sha256:…`, empty if the image is named otherwise.
    """

    account: str
    region: str
    repository: str
    digest: str


def is_ecr(registry: str) -> bool:
    """Whether that host is Amazon's registry of some account."""
    return _ECR.fullmatch(registry) is not None


def parse_image(image: str) -> EcrImage | None:
    """The parts of `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME[@DIGEST]`, None if it is in another registry."""
    place, _, digest = image.partition("@")
    host, _, repository = place.partition("/")
    found = _ECR.fullmatch(host)
    return None if found is None else EcrImage(found["account"], found["region"], repository, digest)


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
