"""A configuration as runs on AWS have it: everything at `aws.root`."""

import dataclasses
from typing import TYPE_CHECKING

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
