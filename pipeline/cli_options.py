"""What several verbs of the command line share: options, and getting from them to configuration, store and run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Config
    from pipeline.run_store import RunRecord, RunStore

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The pipeline's configuration.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE over the configuration, repeatable.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or 'latest'.")]
DEFAULT_CONFIG = Path("penstock.yaml")


def load(path: Path, overrides: list[str] | None) -> "Config":
    """The configuration with its overrides."""
    from pipeline.config import load_config

    return load_config(path, overrides or [])


def store_of(settings: "Config") -> "RunStore":
    """Where the configuration keeps its runs."""
    from pipeline.run_store import RunStore

    return RunStore(settings.root)


def find_run(store: "RunStore", run_id: str) -> "RunRecord":
    """The run of that id, or the newest for 'latest'.

    Raises:
      NotFound: if there is none.
    """
    if run_id != "latest":
        return store.read(run_id)
    records = store.runs()
    if not records:
        from pipeline.errors import NotFound

        raise NotFound(f"There are no runs under {store.root} yet; start one with: penstock run")
    return records[0]


def echo_table(rows: "Sequence[Sequence[str]]") -> None:
    """Prints rows in aligned columns, never cut or wrapped: paths stay whole."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
