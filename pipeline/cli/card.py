"""`penstock card`: the model card of a run, as a page or as a document."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, RunArgument, SetOption, load, near
from pipeline.cli.platform import WhoseRunOption, view_of


def card(
    run_id: RunArgument = "latest",
    as_json: Annotated[bool, typer.Option("--json", help="The document (card.json) instead of the page.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Copy it into this file.")] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    runner: WhoseRunOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show a run's model card: where its page is and what is missing, or the document itself."""
    from components.model_card.document import CARD_FILE
    from pipeline.cli.report import open_page
    from pipeline.report.card_parts import missing_text
    from pipeline.terminal_text import inert_line

    found = view_of(load(config, overrides), runner, run_id).model_card.get()
    source = found.folder / CARD_FILE if as_json else found.page
    if output is not None:
        _copy(source, output)
    elif as_json:
        typer.echo(source.read_text(encoding="utf-8"))
    shown = output or source
    if not as_json or output is not None:
        typer.echo(f"{near(shown)}  ({missing_text(found)})")
        for key in found.missing_sections:
            typer.echo(f"  nobody has written {key}")
        for part, reason in found.missing_evidence.items():
            typer.echo(f"  {inert_line(part)} is missing: {inert_line(reason)}")
    if open_it:
        open_page(found.page.resolve().as_uri())


def _copy(source: Path, target: Path) -> None:
    """Copies whole or not at all."""
    temporary = target.with_name(f"{target.name}.tmp")
    temporary.write_bytes(source.read_bytes())
    temporary.replace(target)
