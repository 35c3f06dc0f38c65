"""AWS as a deployment asks it: clients from the environment, errors in words. Only here boto3 is imported."""

import dataclasses
from typing import Any

from components.aws_advice import DENIED, action_of, advice, client_advice
from components.errors import ComponentError


class DeployFailed(ComponentError):
    """AWS did not do what was asked; the message says what is there now and what to do."""


class NotThere(DeployFailed):
    """AWS knows no such thing."""


class ThereAlready(DeployFailed):
    """A thing of that name exists."""


_MISSING_WORDS = ("could not find", "does not exist", "not found")
_MISSING = frozenset({"404", "NoSuchKey", "NotFound", "ResourceNotFound"})
_EXISTING_WORDS = ("already exist", "already existing")


@dataclasses.dataclass(frozen=True)
class Clients:
    """boto3 clients of one region."""

    s3: Any
    sagemaker: Any
    scaling: Any


def make_clients(region: str) -> Clients:
    """Clients with credentials and endpoints from the environment.

    Raises:
      DeployFailed: boto3 is not installed.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise DeployFailed(
            "To deploy, the package boto3 is needed, which is not part of the local environment: python -m pip install "
            "--no-deps -r requirements-aws.lock"
        ) from error
    config = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=10, read_timeout=60)
    try:
        session = boto3.session.Session(region_name=region)
        return Clients(
            s3=session.client("s3", config=config),
            sagemaker=session.client("sagemaker", config=config),
            scaling=session.client("application-autoscaling", config=config),
        )
    except BotoCoreError as error:  # of the environment: a profile that is not there
        raise DeployFailed(f"AWS cannot be asked: {error}. {client_advice(error)}".rstrip()) from error


def ask(client: Any, method: str, what: str, /, **request: Any) -> Any:
    """The answer of a client's method.

    Args:
      client: a boto3 client.
      method: its name, as in boto3.
      what: is done, for messages, such as "create model 'x'".
      **request: the method's own arguments.

    Raises:
      NotThere, ThereAlready: as the names say.
      DeployFailed: anything else.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return getattr(client, method)(**request)
    except ClientError as error:
        raise _translated(client, error, what) from error
    except BotoCoreError as error:
        raise DeployFailed(
            f"Could not {what}: {_service(client)} was not asked: {error}. "
            f"{client_advice(error) or 'Check credentials, region and network.'}"
        ) from error


def _translated(client: Any, error: Any, what: str) -> DeployFailed:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".") or "no reason given"
    answer = f"Could not {what}: {_service(client)} answered {code}: {said}."
    if code in _MISSING or any(words in said.lower() for words in _MISSING_WORDS):
        return NotThere(answer)
    if any(words in said.lower() for words in _EXISTING_WORDS):
        return ThereAlready(answer)
    if code in DENIED:
        action = action_of(_service(client), str(error.operation_name))
        return DeployFailed(f"{answer} Allow {action} to the role that deploys.")
    if code == "ResourceLimitExceeded":
        return DeployFailed(f"{answer} Ask for a higher quota (Service Quotas), or take another deploy.instance_type.")
    return DeployFailed(f"{answer} {advice(code, said, _service(client), error.operation_name)}".rstrip())


def _service(client: Any) -> str:
    return str(client.meta.service_model.service_name)
