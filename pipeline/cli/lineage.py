"""`penstock lineage`: where a model, artifact or run comes from, and what became of it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, load, near, store_of

if TYPE_CHECKING:
    from pipeline.lineage.tree import Branch

WhatArgument = Annotated[
    str,
    typer.Argument(
        metavar="[MODEL|ARTIFACT|RUN]",
        help="A pushed model's folder or version, an artifact's id or place, a run, or 'latest' (run).",
    ),
]


def lineage(
    what: WhatArgument = "latest",
    downstream: Annotated[bool, typer.Option("--downstream", help="What was made from it instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As OpenLineage events, one a line.")] = False,
    html: Annotated[Path | None, typer.Option(help="Draw it into this file.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show where a model, artifact or run comes from: data, code, parameters, verdicts."""
    from pipeline.lineage.graph import LineageGraph
    from pipeline.lineage.story import tell
    from pipeline.lineage.target import find_target
    from pipeline.lineage.text import tree_of
    from pipeline.metadata import LineageStore

    settings = load(config, overrides)
    store = store_of(settings)
    graph = LineageGraph.read(LineageStore(store.metadata_uri))
    target = find_target(what, graph, store, settings.pipeline.name)
    story = tell(target, graph, store)
    if as_json:
        from pipeline.lineage.openlineage import events_of, lines_of
        from pipeline.lineage.scope import scope

        for line in lines_of(events_of(scope(story, graph, downstream=downstream), graph, store)):
            typer.echo(line)
    elif html is None:
        _echo_tree(tree_of(story, graph, downstream=downstream))
    if html is not None:
        from pipeline.lineage_page import write_page

        write_page(html, story, graph, downstream=downstream)
        typer.echo(f"Drawn into {near(html)}.", err=as_json)


def _echo_tree(root: "Branch") -> None:
    from pipeline.lineage.tree import lines_of

    here = f"{Path.cwd()}{os.sep}"
    for line in lines_of(root):
        typer.echo(line.replace(here, ""))  # paths as seen from here
