"""`penstock infra`: the templates of deploy/aws, and what they made, beside the configuration."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, command_line, load, near

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.infra.template import Template

TEMPLATES = Path("deploy/aws")
FALLBACK_REGION = "us-east-1"

infra_app = typer.Typer(help="Check the templates for AWS, and the configuration against what they made.")
TemplatesOption = Annotated[Path, typer.Option("--templates", metavar="DIR", help="The folder of templates.")]
StackOption = Annotated[str | None, typer.Option("--stack", metavar="NAME", help="The main stack that was deployed.")]


@infra_app.command()
def check(
    templates: TemplatesOption = TEMPLATES,
    stack: StackOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Check the templates; with --stack, also that the configuration names what was deployed (asks AWS)."""
    from pipeline.errors import ConfigError

    settings = load(config, overrides)
    region = _region_of(settings)
    main = _checked(templates, region)
    if stack is None:
        _echo_next(main, templates, settings, region)
        return
    problems = _compared(settings, stack, region)
    if problems:
        advice = f"See the whole section with: {command_line('infra', 'outputs', '--stack', stack, '--region', region)}"
        raise ConfigError([*problems, advice])
    typer.echo(f"The configuration names what stack '{stack}' made.")


@infra_app.command()
def outputs(
    stack: Annotated[str, typer.Option("--stack", metavar="NAME", help="The main stack that was deployed.")],
    region: Annotated[str | None, typer.Option(help="Its region; else the configuration's.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Print the section `aws` of the configuration, from what was deployed (asks AWS)."""
    from pipeline.infra.deployed import outputs_of, section_of, section_text
    from pipeline.runners.aws.clients import make_client

    settings = load(config, overrides)
    where = region or _region_of(settings)
    found = outputs_of(make_client("cloudformation", where), stack)
    typer.echo(section_text(section_of(found, where), found.get("RepositoryUri")), nl=False)


def _region_of(settings: "Config") -> str:
    """The configuration's region; before there is one, that of the environment, which `aws` goes by too."""
    if settings.aws:
        return settings.aws.region
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or FALLBACK_REGION


def _checked(folder: Path, region: str) -> "Template":
    """The main template; raises ConfigError with all that is wrong with the templates."""
    from pipeline.errors import ConfigError
    from pipeline.infra.lint import find_linter, lint_problems
    from pipeline.infra.wiring import MAIN, read_all, size_problems, wiring_problems

    found = read_all(folder)
    problems = [*wiring_problems(found, folder), *size_problems(found, folder)]
    linter = find_linter()
    if linter:
        problems += lint_problems(linter, [folder / name for name in found], region)
    if problems:
        raise ConfigError(problems)
    resources = sum(len(template.resources) for template in found.values())
    lint = "cfn-lint finds nothing" if linter else "cfn-lint is not installed, so properties were not checked"
    typer.echo(f"{near(folder)}: {len(found)} templates, {resources} resources; they fit together; {lint}.")
    return found[MAIN]


def _compared(settings: "Config", stack: str, region: str) -> list[str]:
    """How the section `aws` differs from what was deployed."""
    from pipeline.infra.deployed import differences, missing_outputs, outputs_of
    from pipeline.runners.aws.clients import make_client

    if settings.aws is None:
        return ["The configuration has no section 'aws'."]
    found = outputs_of(make_client("cloudformation", region), stack)
    older = [f"Stack '{stack}' has no output {name}: deploy these templates again." for name in missing_outputs(found)]
    return [*older, *(difference.sentence() for difference in differences(settings.aws, found))]


def _echo_next(main: "Template", folder: Path, settings: "Config", region: str) -> None:
    from pipeline.infra.commands import deploy_commands

    known = {"PipelineName": settings.pipeline.name}
    if settings.aws:
        known["Prefix"] = settings.aws.job_prefix
    stack = known.get("Prefix", "PREFIX")
    typer.echo("\nTo deploy, with what is written in capitals filled in:")
    for line in deploy_commands(main, near(folder), region, known):
        typer.echo(f"  {line}")
    typer.echo("Then, for the configuration:")
    typer.echo(f"  {command_line('infra', 'outputs', '--stack', stack, '--region', region)}")
    typer.echo(f"  {command_line('infra', 'check', '--stack', stack)}")
