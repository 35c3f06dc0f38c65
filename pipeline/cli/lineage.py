"""`penstock lineage`: where a model, artifact or run comes from, and what became of it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, load, near, store_of
from pipeline.cli.platform import WhoseRunOption, platform_run, view_of

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.lineage.graph import LineageGraph
    from pipeline.lineage.story import Story
    from pipeline.lineage.tree import Branch
    from pipeline.run_store import RunStore

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
    runner: WhoseRunOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show where a model, artifact or run comes from: data, code, parameters, verdicts."""
    from pipeline.lineage.text import tree_of

    story, graph, store = _story_of(load(config, overrides), runner, what)
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


def _story_of(settings: "Config", runner: str | None, what: str) -> "tuple[Story, LineageGraph, RunStore]":
    """The story of what is asked about, and what it was read from: here, or with a platform's runner there."""
    from pipeline.lineage.graph import LineageGraph
    from pipeline.lineage.story import tell
    from pipeline.lineage.target import find_target
    from pipeline.metadata import LineageStore
    from pipeline.platform_root import reached_root

    name, root = settings.pipeline.name, reached_root(runner, settings)
    if root is None:
        store = store_of(settings)
        graph = LineageGraph.read(LineageStore(store.metadata_uri))
        return tell(find_target(what, graph, store, name), graph, store), graph, store
    from pipeline.fetched_runs import elsewhere_of, fetched_store, reports_of

    store, reports = fetched_store(root), reports_of(root, None)
    elsewhere = elsewhere_of(root, reports)
    graph = LineageGraph(elsewhere.lineage.snapshot())
    if what == "latest":
        what = platform_run(settings, root.runner, what)[1].run_id
    target = find_target(what, graph, store, name)
    if target.run_id is not None:
        _fetch_record(settings, root.runner, target.run_id)
    return tell(target, graph, store, elsewhere), graph, store


def _fetch_record(settings: "Config", runner: str, run_id: str) -> None:
    """Brings the run's own documents here, if that platform knows the run."""
    from pipeline.errors import NotFound

    try:
        view_of(settings, runner, run_id)
    except NotFound as error:
        typer.echo(f"note: {error}", err=True)


def _echo_tree(root: "Branch") -> None:
    from pipeline.lineage.tree import lines_of

    here = f"{Path.cwd()}{os.sep}"
    for line in lines_of(root):
        typer.echo(line.replace(here, ""))  # paths as seen from here
