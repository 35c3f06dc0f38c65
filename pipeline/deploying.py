"""A registered version on an endpoint, shares of its traffic, and the way back: what people do by hand. No TensorFlow.

The same checks and the same record as EndpointPusher's (components/endpoint_pusher).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from components.endpoint_pusher.checks import DeployRefused, Registered, check_signature
from components.endpoint_pusher.client import DeployFailed, make_clients
from components.endpoint_pusher.deployer import Deployer, Deployment, deploy_folder
from components.ledger.ledger import Entry
from components.model_digest import model_digest
from components.model_registry.objections import is_approved, objection
from components.model_registry.registry import Ask
from components.model_registry.versions import ModelVersion
from pipeline.config import Config
from pipeline.errors import ConfigError, PlatformRefused

_Answer = TypeVar("_Answer")


def deployer_of(config: Config, endpoint: str | None = None) -> Deployer:
    """What changes this configuration's endpoint, or another one of the same account and root.

    Raises:
      ConfigError: there is no section `aws`.
    """
    target = config.deploy_target
    if endpoint is not None:
        target = dataclasses.replace(target, endpoint=endpoint)
    return Deployer(target, told(lambda: make_clients(target.region)))


def deploy_version(
    deployer: Deployer, config: Config, version: ModelVersion, folder: Path, approvals: Sequence[Entry], ask: Ask
) -> Deployment:
    """A registered version on the endpoint, as section `deploy` says.

    Args:
      deployer: of the endpoint.
      config: with `deploy` and `signing`.
      version: what the registry says of it.
      folder: its SavedModel.
      approvals: the record of approvals.
      ask: who deploys, and why.

    Raises:
      DeployRefused, SignatureRefused: it must not be deployed.
      PlatformRefused: AWS did not do it.
    """
    check_version(version, folder, approvals)
    check_signature(folder, config.signing)
    said = {"by": ask.by, "reason": ask.reason, "run": version.run}
    registered = Registered(version.version, version.model_digest)
    return told(lambda: deploy_folder(deployer, config.deploy, folder, registered, said, config.signing))


def check_version(version: ModelVersion, folder: Path, approvals: Sequence[Entry]) -> None:
    """Refuses what was archived, changed or rejected, or whose approval is not on record any more.

    Raises:
      DeployRefused: it is so.
    """
    name = f"Version {version.version}"
    if version.stage == "archived":
        raise DeployRefused(f"{name} is archived. Promote it first: penstock promote {version.version} --to staging")
    if not folder.is_dir() or model_digest(folder) != version.model_digest:
        raise DeployRefused(f"{folder}: the bytes of {name.lower()} are not those that were registered, or are gone.")
    if version.decided_by == "people" and not is_approved(approvals, version.model_digest):
        raise DeployRefused(f"{name} was approved by people, and their approval is not on record any more.")
    if said := objection(approvals, version.model_digest, version.evidence_digest):
        raise DeployRefused(f"{name} must not be deployed: {said}.")


def roll_back(deployer: Deployer, config: Config, approvals: Sequence[Entry], ask: Ask) -> Entry:
    """The endpoint's configuration before this one, unless people have rejected its model since.

    Raises:
      NothingBefore, DeployRefused: there is none, or it must not be served.
      PlatformRefused: AWS did not do it.
    """

    def allow(before: Entry) -> None:
        if said := objection(approvals, before.content["model_digest"], ""):
            raise DeployRefused(
                f"The model before this one, of version {before.content['version']}, must not be served: {said}. "
                "Nothing was changed."
            )

    said = {"by": ask.by, "reason": ask.reason}
    return told(lambda: deployer.roll_back(said, config.deploy.timeout_s, allow))


def shift_traffic(deployer: Deployer, config: Config, weights: Mapping[str, str], ask: Ask) -> Entry:
    """Gives variants other shares of the traffic.

    Raises:
      ConfigError: a share is no number, or a variant is not there.
      PlatformRefused: AWS did not do it.
    """
    try:
        shares = {name: float(share) for name, share in weights.items()}
        said = {"by": ask.by, "reason": ask.reason}
        return told(lambda: deployer.shift(shares, said, config.deploy.timeout_s))
    except ValueError as error:
        raise ConfigError(str(error).splitlines()) from error


def told(act: Callable[[], _Answer]) -> _Answer:
    """The act's answer; what AWS did not do is raised as the command line's own error."""
    try:
        return act()
    except DeployFailed as error:
        raise PlatformRefused(str(error)) from error


def deployment_lines(made: Deployment | Entry) -> list[tuple[str, str]]:
    """What is there now, as names and texts."""
    content: Mapping[str, Any] = made.content if isinstance(made, Entry) else dataclasses.asdict(made)
    names = {
        "endpoint": "endpoint",
        "config": "config",
        "config_name": "config",
        "previous_config": "before",
        "model_name": "model",
        "variant": "variant",
        "weights": "weights",
    }
    return [(names[key], str(value)) for key, value in content.items() if key in names and value]
