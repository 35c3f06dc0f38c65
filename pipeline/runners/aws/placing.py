"""A configuration as runs on AWS have it: everything at `aws.root`."""

import dataclasses
from typing import TYPE_CHECKING

from pipeline.runners.aws.account import check_account
from pipeline.runners.aws.clients import make_client
from pipeline.staging import check_bucket

if TYPE_CHECKING:
    from pipeline.config import Config


def placed_with_registry(config: "Config") -> "Config":
    """For runs whose models wait for an approval in SageMaker's registry.

    Raises:
      ConfigError: there is no section `aws`.
    """
    return config.at(config.on_aws.root)


def placed_without_registry(config: "Config") -> "Config":
    """For other runs: a package's approval would have EventBridge continue a run that is not SageMaker's.

    Raises:
      ConfigError: there is no section `aws`.
    """
    placed = placed_with_registry(config)
    return placed.model_copy(update={"aws": dataclasses.replace(placed.on_aws, model_package_group=None)})


def metadata_of(config: "Config") -> str:
    """The lineage store that jobs write to."""
    return config.on_aws.metadata


def region_of(config: "Config") -> str:
    """The region that jobs are in."""
    return config.on_aws.region


def why_unreached(config: "Config") -> str:
    """Nothing: S3 is asked from anywhere."""
    del config
    return ""


def check_place(config: "Config") -> tuple[str, ...]:
    """Looks whether whoever is signed in is in the configuration's account, and whether jobs can use the bucket.

    Raises:
      ConfigError: they are of another account, or the bucket is in another region.
      PlatformRefused: nobody is signed in, or AWS cannot be asked.
      NotReached: there is no such bucket.
    """
    check_account(make_client("sts", config.on_aws.region), config.on_aws)
    check_bucket(config)
    return ()
