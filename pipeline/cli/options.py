"""What several verbs of the command line share: options, and getting from them to configuration, store and run."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.terminal_text import inert_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Config
    from pipeline.run_store import RunRecord, RunStore

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The pipeline's configuration.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE over the configuration, repeatable.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or 'latest'.")]
DEFAULT_CONFIG = Path("penstock.yaml")
WHICH_RUN = "latest"
RESUME = "--resume"


def load(path: Path, overrides: list[str] | None) -> "Config":
    """The configuration with its overrides."""
    from pipeline.config import load_config

    return load_config(path, overrides or [])


def store_of(settings: "Config") -> "RunStore":
    """Where the configuration keeps its runs."""
    from pipeline.run_store import RunStore

    return RunStore(settings.root)


def find_run(store: "RunStore", run_id: str, settings: "Config") -> "RunRecord":
    """The run of that id, or the newest of this pipeline for 'latest'.

    Raises:
      NotFound: if there is none, or it is another pipeline's.
    """
    from pipeline.errors import NotFound

    name = settings.pipeline.name
    if run_id == "latest":
        records = [record for record in store.runs() if record.pipeline_name == name]
        if not records:
            raise NotFound(
                f"There are no runs of pipeline '{name}' under {store.root} yet; start one with: penstock run"
            )
        return records[0]
    record = store.read(run_id)
    if record.pipeline_name != name:
        advice = "Name that pipeline's configuration with --config."
        raise NotFound(
            f"Run '{run_id}' is of pipeline '{record.pipeline_name}', the configuration is of '{name}'. {advice}"
        )
    return record


def pairs_of(items: "Sequence[str]") -> dict[str, str]:
    """Names and values of `--param NAME=VALUE`; raises ConfigError listing what is none."""
    from pipeline.errors import ConfigError

    wrong = [item for item in items if "=" not in item]
    if wrong:
        raise ConfigError([f"--param {item}: expected NAME=VALUE." for item in wrong])
    return dict(item.split("=", 1) for item in items)


def command_line(*arguments: str) -> str:
    """A command that the user can paste: this very program with these arguments."""
    program = Path(sys.argv[0])
    if program.name != "penstock":
        return shlex.join(["python", "-m", "pipeline.cli", *arguments])
    on_path = shutil.which("penstock")
    found = on_path is not None and Path(on_path).resolve() == program.resolve()
    return shlex.join(["penstock" if found else near(program), *arguments])


def near(path: str | Path) -> str:
    """The path as seen from here, if it lies below the current folder; a URI as it is."""
    if "://" in str(path):
        return str(path)
    return os.path.relpath(path) if Path(path).resolve().is_relative_to(Path.cwd()) else str(path)


def echo_table(rows: "Sequence[Sequence[str]]") -> None:
    """Prints rows in aligned columns, never cut or wrapped: paths stay whole, what people and data say is harmless."""
    rows = [[inert_cell(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def echo_pairs(pairs: "Sequence[tuple[str, str]]") -> None:
    """Prints names and texts, each on one line, a path as seen from here."""
    for name, text in pairs:
        typer.echo(f"{name:<10} {inert_cell(near(text) if os.path.isabs(text) else text)}")
