"""`penstock image`: builds, pushes and checks the container image that jobs run in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, command_line, load

if TYPE_CHECKING:
    from pipeline.images.content import Content

LOCAL = "penstock"

_KEYS = {"serving": "deploy.image", "lambda": "image of the function"}
"""Where a variant's name goes; of the others it is the image of the configuration's platforms."""

_PLATFORMS = ("aws", "kubeflow")
"""The sections that name the image of nodes."""

image_app = typer.Typer(help="Build, push and check the image that jobs run in; needs docker or podman.")
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="IMAGE@sha256:…", help="Start from this image, and not from deploy/base-image.txt's."
    ),
]
VariantOption = Annotated[
    str, typer.Option(help="cpu, gpu (with CUDA), serving (for endpoints: deploy.image) or lambda (AWS Lambda).")
]
RepositoryOption = Annotated[
    str | None,
    typer.Option(
        help="Where the image is kept; else that of aws.image or kubeflow.image, else penstock on this machine."
    ),
]
EngineOption = Annotated[
    str | None, typer.Option(help="docker, podman, nerdctl or finch; else the first that is here.")
]


@image_app.command()
def build(
    variant: VariantOption = "cpu",
    repository: RepositoryOption = None,
    engine: EngineOption = None,
    base: BaseOption = None,
    target: Annotated[
        str | None, typer.Option(help="A stage of the Dockerfile, such as worker; else the variant's own.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Build the image from this checkout; its tag is a digest of the locks, the code and the base."""
    from pipeline.images.engine import build_command, carry_out, need_engine
    from pipeline.provenance import PROJECT_ROOT, collect

    content, name = _named(base, variant, repository, config, overrides)
    commit = collect(PROJECT_ROOT).git_commit
    found = need_engine(engine, [build_command(engine or "docker", content, name, commit, target)])
    carry_out(build_command(found, content, name, commit, target))
    typer.echo(name)
    echoed = [*([] if base is None else ["--base", base]), *([] if variant == "cpu" else ["--variant", variant])]
    echoed += ["--repository", name.rpartition(":")[0]]
    typer.echo(f"Check it with: {command_line('image', 'verify', *echoed)}")


@image_app.command()
def push(
    variant: VariantOption = "cpu",
    repository: RepositoryOption = None,
    engine: EngineOption = None,
    base: BaseOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Push the image that `penstock image build` made, and print what to write into the configuration."""
    from pipeline.errors import ConfigError
    from pipeline.images.engine import answer_of, carry_out, login_command, need_engine, push_commands
    from pipeline.images.registry import is_ecr, password_of

    _, name = _named(base, variant, repository, config, overrides)
    registry = name.partition("/")[0]
    if registry == name:
        raise ConfigError([f"{name} is on this machine only: say where to push it with --repository."])
    shown = push_commands(engine or "docker", name)
    if is_ecr(registry):
        shown = [login_command(engine or "docker", registry), *shown]
    found = need_engine(engine, shown)
    if is_ecr(registry):
        carry_out(login_command(found, registry), password_of(registry))
    pushed, asked = push_commands(found, name)
    carry_out(pushed)
    reference = answer_of(asked)
    for key in _keys(variant, config, overrides):
        typer.echo(f"{key}: {reference}")


@image_app.command()
def verify(
    variant: VariantOption = "cpu",
    repository: RepositoryOption = None,
    engine: EngineOption = None,
    base: BaseOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Check that the image holds this checkout's locks and code, and run its self-test."""
    from pipeline.images.engine import answer_of, carry_out, check_labels, need_engine, verify_commands

    content, name = _named(base, variant, repository, config, overrides)
    found = need_engine(engine, verify_commands(engine or "docker", content, name))
    labels, test = verify_commands(found, content, name)
    check_labels(answer_of(labels), content, name)
    carry_out(test)
    typer.echo(f"{name} holds this checkout, and works.")


def _keys(variant: str, config: Path, overrides: list[str] | None) -> list[str]:
    """Where the image's name goes: into the section of each platform that the configuration has.

    Into any, where it has none, or cannot be read yet because the image is what is missing in it.
    """
    from pipeline.errors import ConfigError

    if variant in _KEYS:
        return [_KEYS[variant]]
    try:
        sections = [*_images(config, overrides)]
    except ConfigError:
        sections = []
    return [f"{section}.image" for section in sections or _PLATFORMS]


def _images(config: Path, overrides: list[str] | None) -> dict[str, str]:
    """The images of nodes that the configuration names, by section."""
    settings = load(config, overrides) if config.exists() else None
    sections = {name: getattr(settings, name, None) for name in _PLATFORMS}
    return {name: section.image for name, section in sections.items() if section is not None}


def _named(
    base: str | None, variant: str, repository: str | None, config: Path, overrides: list[str] | None
) -> "tuple[Content, str]":
    """What the image holds, and its name."""
    from pipeline.images.base import read_base
    from pipeline.images.content import read_content
    from pipeline.provenance import PROJECT_ROOT

    content = read_content(PROJECT_ROOT, variant, read_base(PROJECT_ROOT) if base is None else base)
    if repository is None:
        repository = next(iter(_images(config, overrides).values()), LOCAL).partition("@")[0]
    return content, f"{repository}:{content.tag}"
