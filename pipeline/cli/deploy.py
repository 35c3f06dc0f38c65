"""The verbs of endpoints: `penstock deploy`, `penstock traffic`; `penstock rollback --endpoint` goes back."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_pairs, load, pairs_of
from pipeline.cli.platform import WhoseRunsOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.ledger.ledger import Entry
    from pipeline.config import Config

ReasonOption = Annotated[str, typer.Option(help="Why; stands on record for good.")]
ByOption = Annotated[str | None, typer.Option(metavar="NAME", help="Who asks; else the user who runs this.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="NAME", help="The endpoint; else the configuration's.")
]


def deploy(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A registered version's number, or 'latest'.")],
    reason: ReasonOption,
    by: ByOption = None,
    endpoint: EndpointOption = None,
    from_aws: Annotated[
        bool, typer.Option("--from-aws", help="The same as --runner sagemaker: a version that a run on AWS registered.")
    ] = False,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Put a registered, signed version on a SageMaker endpoint, and wait for it."""
    from components.model_registry.registry import Ask
    from pipeline.approvals.deciding import who
    from pipeline.deploying import deploy_version, deployer_of, deployment_lines
    from pipeline.model_versions import open_registry
    from pipeline.platform_root import reached_root

    settings, ask = load(config, overrides), Ask(by or who(), reason)
    deployer, root = deployer_of(settings, endpoint), reached_root(_whose(runner, from_aws=from_aws), settings)
    with open_registry(settings, root) as registry:
        found = registry.history().find(version)
        made = deploy_version(deployer, settings, found, registry.folder(found), approvals_of(settings), ask)
    echo_pairs(deployment_lines(made))
    for note in made.notes:
        typer.echo(f"note: {note}")


def _whose(runner: str | None, *, from_aws: bool) -> str | None:
    """The platform whose run registered the version, None for this machine."""
    from pipeline.errors import ConfigError

    if from_aws and runner is not None:
        raise ConfigError(["--from-aws is --runner sagemaker, and another runner is named too: leave one out."])
    return "sagemaker" if from_aws else runner


def traffic(
    weights: Annotated[list[str], typer.Argument(metavar="VARIANT=SHARE...", help="Such as live=0.8 challenger=0.2.")],
    reason: ReasonOption,
    by: ByOption = None,
    endpoint: EndpointOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Give an endpoint's variants other shares of the traffic."""
    from components.model_registry.registry import Ask
    from pipeline.approvals.deciding import who
    from pipeline.deploying import deployer_of, deployment_lines, shift_traffic

    settings, ask = load(config, overrides), Ask(by or who(), reason)
    echo_pairs(deployment_lines(shift_traffic(deployer_of(settings, endpoint), settings, pairs_of(weights), ask)))


def rollback_endpoint(settings: "Config", endpoint: str, reason: str, by: str | None) -> None:
    """Gives an endpoint the configuration that it had before, and says so."""
    from components.model_registry.registry import Ask
    from pipeline.approvals.deciding import who
    from pipeline.deploying import deployer_of, deployment_lines, roll_back

    ask = Ask(by or who(), reason)
    entry = roll_back(deployer_of(settings, endpoint), settings, approvals_of(settings), ask)
    echo_pairs(deployment_lines(entry))


def approvals_of(settings: "Config") -> "Sequence[Entry]":
    """All records of approvals: of runs here, and of runs on the platforms of the configuration.

    Raises:
      ConfigError: one of them is on a volume that is not mounted here; a rejection in it would not be seen.
    """
    from components.ledger.ledger import Ledger
    from pipeline.platform_root import reached_root

    records = {} if settings.is_remote else {settings.approvals_place: None}
    for section, runner in ((settings.aws, "sagemaker"), (settings.kubeflow, "kubeflow")):
        if section is not None and (root := reached_root(runner, settings)) is not None:
            records[root.config.approvals_place] = None
    return [entry for record in records for entry in Ledger(record).entries()]
