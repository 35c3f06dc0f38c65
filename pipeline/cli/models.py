"""The verbs of the model registry: `penstock models`, `penstock promote`, `penstock rollback`."""

import json
import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.deploy import rollback_endpoint
from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, load, near
from pipeline.cli.platform import WhoseRunsOption, same_arguments
from pipeline.terminal_text import inert_cell

if TYPE_CHECKING:
    from components.model_registry.registry import Ask, Registry
    from components.model_registry.versions import History, ModelVersion, Stage
    from pipeline.config import Config
    from pipeline.platform_root import PlatformRoot
    from pipeline.promotion import Accounts

ReasonOption = Annotated[str, typer.Option(help="Why; stands on record for good.")]
ByOption = Annotated[str | None, typer.Option(metavar="NAME", help="Who asks; else the user who runs this.")]
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="A version's number, or 'latest'.")]


class ToStage(StrEnum):
    """Where a version can be promoted to."""

    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


def models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A model; else this configuration's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with every change.")] = False,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """List a model's versions: stage, metrics, digest, signature, who changed what; checks that the record is whole."""
    from pipeline.model_versions import history_json, open_registry
    from pipeline.platform_root import reached_root

    settings = load(config, overrides)
    with open_registry(settings, reached_root(runner, settings), name) as registry:
        history = registry.history()
        if as_json:
            typer.echo(json.dumps(history_json(registry, history), indent=1))
        else:
            _echo_versions(registry, history)


def _echo_versions(registry: "Registry", history: "History") -> None:
    from pipeline.model_versions import nothing_registered, version_rows

    if not history.versions:
        _echo_misplaced(registry, history)
        typer.echo(nothing_registered(registry))
        return
    echo_table(version_rows(history))
    if history.production:
        typer.echo(f"\nIn production: {near(registry.place(history.versions[history.production]))}")
    else:
        typer.echo("\nNothing is in production.")
    typer.echo(f"The record is whole; its head is {registry.record.head}.")
    _echo_misplaced(registry, history)


def promote(
    version: VersionArgument,
    reason: ReasonOption,
    to: Annotated[ToStage | None, typer.Option("--to", help="The stage.")] = None,
    environment: Annotated[
        Path | None,
        typer.Option("--to-environment", metavar="FILE", help="Instead: the other account's configuration."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--to-profile", metavar="NAME", help="AWS profile for the other account; else as for this one."),
    ] = None,
    by: ByOption = None,
    skip_staging: Annotated[bool, typer.Option("--skip-staging", help="From candidate right to production.")] = False,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Move a registered version to another stage, or copy it to another account: the same bytes, never a rebuild."""
    from components.model_registry.registry import Ask
    from pipeline.approvals.deciding import who
    from pipeline.errors import ConfigError
    from pipeline.model_versions import open_registry
    from pipeline.platform_root import reached_root

    if (to is None) == (environment is None):
        raise ConfigError(["Say where to with --to STAGE, or with --to-environment FILE, and not with both."])
    settings, ask = load(config, overrides), Ask(by or who(), reason)
    root = reached_root(runner, settings)
    with open_registry(settings, root) as registry:
        if environment is not None:
            _check_copied(settings, root)
            _copy_to(settings, load(environment, []), registry, version, ask, profile)
            return
        assert to is not None
        stage: Stage = to.value
        promoted = registry.promote(version, stage, ask, skip_staging=skip_staging)
        _tell(registry, promoted, _same(runner, config, overrides))


def _check_copied(settings: "Config", root: "PlatformRoot | None") -> None:
    """Raises ConfigError for a version of runs that are not on AWS: accounts, keys and images are AWS's."""
    from pipeline.errors import ConfigError

    if root is not None and (settings.aws is None or root.place != settings.aws.root):
        raise ConfigError(
            [
                f"--to-environment copies from one account of AWS to another what is below aws.root; runs on "
                f"{root.runner} keep their versions below {root.place}. Have the other environment train its own, or "
                "submit to a platform on AWS."
            ]
        )


def _copy_to(
    settings: "Config", there: "Config", registry: "Registry", version: str, ask: "Ask", profile: str | None
) -> None:
    """Takes a version to another environment's account, and says what is there."""
    from components.endpoint_pusher.checks import check_signature
    from pipeline.cli.deploy import approvals_of
    from pipeline.deploying import check_version
    from pipeline.promotion import carry_out, files_of, plan_promotion

    found = registry.history().find(version)
    folder = registry.folder(found)
    plan = plan_promotion(found, files_of(folder), settings, there)
    check_version(found, folder, approvals_of(settings))
    check_signature(folder, there.signing)
    entry, copied = carry_out(plan, folder, _accounts(settings, there, profile), ask)
    typer.echo(
        f"Version {found.version} is at {plan.destination}, {len(plan.files)} files, the bytes that were tested."
    )
    typer.echo(f"model      {plan.model_digest[:12]}")
    there_already = "was there already" if not copied.manifests else f"{copied.size_bytes / 1e6:,.1f} MB copied"
    typer.echo(f"image      {plan.image_digest[:19]}, {there_already}")
    typer.echo(inert_cell(f"record     entry {entry.number}, by {entry.content['by']}: {entry.content['reason']}"))


def _accounts(settings: "Config", there: "Config", profile: str | None) -> "Accounts":
    """Clients of both accounts, each of the region that the bucket or the image is in."""
    from pipeline.images.registry import parse_image
    from pipeline.promotion import Accounts
    from pipeline.runners.aws.clients import make_client

    here, away = (parse_image(config.on_aws.image) for config in (settings, there))
    return Accounts(
        s3=make_client("s3", there.on_aws.region, profile),
        ecr=make_client("ecr", away.region if away else there.on_aws.region, profile),
        source_ecr=make_client("ecr", here.region if here else settings.on_aws.region),
    )


def rollback(
    reason: ReasonOption,
    to: Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Else what was there before.")] = None,
    by: ByOption = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="NAME", help="A SageMaker endpoint, instead of the registry.")
    ] = None,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Put what was in production before back there, and archive what is there now; or an endpoint's configuration."""
    from components.model_registry.registry import Ask
    from pipeline.approvals.deciding import who
    from pipeline.errors import ConfigError
    from pipeline.model_versions import open_registry
    from pipeline.platform_root import reached_root

    if endpoint is not None:
        if to is not None:
            raise ConfigError(["--to: an endpoint goes back to what it had before; for a version: penstock deploy."])
        rollback_endpoint(load(config, overrides), endpoint, reason, by)
        return
    settings = load(config, overrides)
    with open_registry(settings, reached_root(runner, settings)) as registry:
        _tell(registry, registry.rollback(Ask(by or who(), reason), to), _same(runner, config, overrides))


def _same(runner: str | None, config: Path, overrides: list[str] | None) -> list[str]:
    """The options that name the same registry in a command to paste."""
    return [*(["--runner", runner] if runner else []), *same_arguments(config, overrides)]


def _echo_misplaced(registry: "Registry", history: "History") -> None:
    for sentence in registry.misplaced(history):
        typer.echo(f"note: {sentence}", err=True)


def _tell(registry: "Registry", version: "ModelVersion", same: list[str]) -> None:
    from components.model_registry.versions import PROMOTED

    entry = version.entries[-1]
    typer.echo(f"Version {version.version} is in {version.stage}: {near(registry.place(version))}")
    typer.echo(f"model      {version.model_digest[:12]}, the bytes that run '{version.run}' registered")
    typer.echo(f"signature  {entry.content['signature']}")
    if replaced := entry.content["replaces"]:
        words = ["rollback"] if entry.kind == PROMOTED else ["promote", replaced, "--to", "staging"]
        back = shlex.join(["penstock", *words, "--reason", "WHY", *same])
        typer.echo(f"replaces   version {replaced}, which is archived; to bring it back: {back}")
    typer.echo(inert_cell(f"record     entry {entry.number}, by {entry.content['by']}: {entry.content['reason']}"))
