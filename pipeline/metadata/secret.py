"""Reads the secret that says where the lineage store is, and turns what can go wrong into what to do about it."""

from collections.abc import Callable, Mapping

from components.aws_advice import client_advice
from pipeline.errors import ConfigError, StoreUnreachable

ReadSecret = Callable[[str, Mapping[str, str]], str]

_CAUSES = {
    "ResourceNotFoundException": "there is no such secret in this account and region. Check the name, and AWS_REGION.",
    "AccessDeniedException": (
        "this role may not read it. Allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key."
    ),
    "DecryptionFailure": "its key cannot decrypt it. Allow kms:Decrypt on the key, and check that it is enabled.",
    "InvalidRequestException": "it is being deleted, or has no value. Restore it, or write a new value.",
    "UnrecognizedClientException": "the credentials are not valid. Check the job's role.",
    "ExpiredTokenException": "the credentials have expired. Sign in again.",
}


def read_secret(name: str, environ: Mapping[str, str]) -> str:
    """The text of a secret in AWS Secrets Manager.

    Args:
      name: name or ARN; an ARN names its region itself.
      environ: AWS_REGION, for a name.

    Raises:
      ConfigError: it is not there, or may not be read.
      StoreUnreachable: Secrets Manager does not answer.
    """
    try:
        import boto3
        from botocore import exceptions
    except ImportError as error:
        raise ConfigError([f"secretsmanager:{name}: needs boto3. Install it with: make aws."]) from error
    try:
        client = boto3.client("secretsmanager", region_name=_region(name, environ))
        answer = client.get_secret_value(SecretId=name)
    except exceptions.ClientError as error:
        raise ConfigError([f"secretsmanager:{name}: {_cause(error.response.get('Error', {}))}"]) from error
    except exceptions.NoRegionError as error:
        raise ConfigError([f"secretsmanager:{name}: set AWS_REGION, or give the secret's ARN."]) from error
    except exceptions.NoCredentialsError as error:
        advice = "there are no credentials. In a job they come from its role; elsewhere sign in first."
        raise ConfigError([f"secretsmanager:{name}: {advice}"]) from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        advice = "In a private subnet it needs an interface endpoint for secretsmanager that this job may reach."
        raise StoreUnreachable(f"secretsmanager:{name}: Secrets Manager does not answer ({error}). {advice}") from error
    except exceptions.BotoCoreError as error:  # of the environment: a profile, a way of signing in
        raise ConfigError([f"secretsmanager:{name}: {error}. {client_advice(error)}".rstrip()]) from error
    if "SecretString" not in answer:
        raise ConfigError([f"secretsmanager:{name}: holds bytes, expected text (JSON)."])
    return str(answer["SecretString"])


def _region(name: str, environ: Mapping[str, str]) -> str | None:
    """The region of an ARN (`arn:aws:secretsmanager:REGION:…`), else the environment's; None for boto3's own."""
    if name.startswith("arn:"):
        return name.split(":")[3] or None
    return environ.get("AWS_REGION") or None


def _cause(error: Mapping[str, str]) -> str:
    code = error.get("Code", "")
    return _CAUSES.get(code, f"cannot be read: {code}: {error.get('Message', '')}")
