"""`penstock diff`: what differs between two runs."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, find_run, load, near, store_of

BeforeArgument = Annotated[str, typer.Argument(metavar="RUN1", help="The earlier run's id, or 'latest'.")]
AfterArgument = Annotated[str, typer.Argument(metavar="[RUN2]", help="The later run's id, or 'latest'.")]


def diff(
    before: BeforeArgument,
    after: AfterArgument = "latest",
    everything: Annotated[bool, typer.Option("--all", help="Also what is the same.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page that opens from disk.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show what differs between two runs: configuration, data, schema, statistics, training, metrics, environment."""
    import json

    from pipeline.diff.compare import compare
    from pipeline.diff.text import lines
    from pipeline.readers.run_view import RunView

    settings = load(config, overrides)
    store = store_of(settings)
    found = compare(*(RunView(store, find_run(store, run_id, settings)) for run_id in (before, after)))
    if html is not None:
        from pipeline.report.diff_page import diff_page

        html.write_text(diff_page(found), encoding="utf-8")
        typer.echo(near(html))
        return
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False))
        return
    for line in lines(found, everything=everything):
        typer.echo(line)
