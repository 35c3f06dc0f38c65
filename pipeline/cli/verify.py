"""The verbs of signatures: `penstock verify`, `penstock keys new`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, load, near
from pipeline.cli.platform import WhoseRunsOption

keys_app = typer.Typer(help="Keys that models are signed with.", no_args_is_help=True)


def verify(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[VERSION|FOLDER]", help="Else what is in production, or the newest version."),
    ] = None,
    public_key: Annotated[Path | None, typer.Option(help="PEM file; else signing.public_key.")] = None,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Check a model's signature by the public key: exactly these files, signed by that key's owner."""
    from components.signing.signature import verify_with_key
    from pipeline.errors import ConfigError
    from pipeline.model_versions import model_folder, open_registry
    from pipeline.platform_root import reached_root

    if public_key is not None and what is not None and Path(what).is_dir():  # needs no configuration
        typer.echo(f"{near(what)}: {verify_with_key(Path(what), public_key).sentence}.")
        return
    settings = load(config, overrides)
    found = public_key or (Path(settings.signing.public_key) if settings.signing.public_key else None)
    if found is None:
        raise ConfigError(["No key to check with: set signing.public_key, or name one with --public-key FILE."])
    with open_registry(settings, reached_root(runner, settings)) as registry:
        place, folder = model_folder(registry, what)
        typer.echo(f"{near(place)}: {verify_with_key(folder, found).sentence}.")


@keys_app.command("new")
def new(
    private_key: Annotated[Path, typer.Argument(metavar="FILE", help="The private half, such as keys/models.pem.")],
    passphrase_env: Annotated[
        str | None, typer.Option(metavar="NAME", help="Environment variable that holds a passphrase for it.")
    ] = None,
) -> None:
    """Make a key pair (P-256): FILE is the private half, FILE.pub the public one."""
    from components.signing.keys import new_key_pair
    from pipeline.errors import ConfigError

    if passphrase_env is not None and not os.environ.get(passphrase_env):
        raise ConfigError([f"--passphrase-env {passphrase_env}: this environment variable is not set."])
    public_key = private_key.with_name(f"{private_key.name}.pub")
    if taken := [str(path) for path in (private_key, public_key) if path.exists()]:
        raise ConfigError([f"{path}: exists already; what it signed needs it. Name another file." for path in taken])
    passphrase = None if passphrase_env is None else os.environ[passphrase_env]
    identity = new_key_pair(private_key, public_key, passphrase)
    protected = "encrypted" if passphrase else "NOT encrypted; --passphrase-env NAME encrypts it"
    typer.echo(f"Private key {near(private_key)} ({protected}): keep it secret, and out of git.")
    typer.echo(f"Public key {near(public_key)} (id {identity[:12]}): for everyone who verifies.")
    typer.echo("\nIn the configuration:\nsigning:\n  mode: key")
    typer.echo(f"  private_key: {near(private_key)}")
    if passphrase_env is not None:
        typer.echo(f"  passphrase_env: {passphrase_env}")
    typer.echo(f"  public_key: {near(public_key)}")
