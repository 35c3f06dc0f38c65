"""Is whoever is signed in to AWS where the configuration is? Else half of what is asked for would go elsewhere."""

from typing import Any

from pipeline.aws_settings import AwsSettings
from pipeline.errors import ConfigError
from pipeline.runners.aws.asking import ask


def check_account(sts: Any, aws: AwsSettings) -> None:
    """Raises ConfigError if whoever is signed in is of another account than `aws.job_role`.

    Args:
      sts: a client of the Security Token Service; everybody may ask it who they are.
      aws: the configuration's.

    Raises:
      PlatformRefused: nobody is signed in, or AWS cannot be asked.
    """
    found = ask(sts, "get_caller_identity", "ask who is signed in to AWS")
    account = aws.job_role.split(":")[4]
    if found["Account"] != account:
        raise ConfigError(
            [
                f"{found['Arn']} is signed in, of account {found['Account']}; aws.job_role is of account {account}. "
                "Sign in to that one (AWS_PROFILE chooses), or name that account's configuration with --config."
            ]
        )
