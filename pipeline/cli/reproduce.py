"""`penstock reproduce`: runs a run again from its lineage, and says whether the result is equal."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, load, pairs_of, store_of

if TYPE_CHECKING:
    from pipeline.reproduction.comparison import Verdict
    from pipeline.reproduction.reproduce import Recipe

WhatArgument = Annotated[
    str, typer.Argument(metavar="MODEL|RUN", help="A pushed model's folder or version, a run, or 'latest' (run).")
]


def reproduce(
    what: WhatArgument,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Run even if something it was made of is not there.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say how each ingredient stands.")] = False,
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a runtime parameter, repeatable.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Run a run again from its lineage, without cache and apart, and say whether the result is equal."""
    from pipeline.errors import NotReproduced
    from pipeline.lineage.graph import LineageGraph
    from pipeline.lineage.target import find_target
    from pipeline.metadata import LineageStore
    from pipeline.reproduction.reproduce import recipe_of, run_again

    settings = load(config, overrides)
    store = store_of(settings)
    graph = LineageGraph.read(LineageStore(store.metadata_uri))
    target = find_target(what, graph, store, settings.pipeline.name)
    recipe = recipe_of(target, graph, store, pairs_of(param or []))
    _echo_ingredients(recipe)
    _stop_at_obstacles(recipe, anyway=anyway)
    if check:
        return
    verdict = run_again(recipe, store, typer.echo)
    _echo_verdict(verdict)
    if verdict.word == "different":
        raise NotReproduced(f"Run '{recipe.run_id}' came out {verdict.sentence}.")
    typer.echo(f"\nrun {recipe.run_id} is {verdict.sentence}.")


def _echo_ingredients(recipe: "Recipe") -> None:
    rows = [(item.name, item.standing, item.seen) for item in recipe.ingredients]
    echo_table([(f"run {recipe.run_id}", "", ""), *rows])
    typer.echo()


def _stop_at_obstacles(recipe: "Recipe", *, anyway: bool) -> None:
    from pipeline.errors import NotReproduced

    obstacles = [f"  {item.name}: {item.seen}" for item in recipe.obstacles]
    if not obstacles or anyway:
        return
    advice = "Bring back what is named, or run with --anyway to see what comes out."
    raise NotReproduced("\n".join([f"Run '{recipe.run_id}' cannot be re-created exactly:", *obstacles, advice]))


def _echo_verdict(verdict: "Verdict") -> None:
    rows = [(finding.name, finding.outcome, finding.seen) for finding in verdict.findings]
    typer.echo()
    echo_table([("compared", "", "seen"), *rows])
