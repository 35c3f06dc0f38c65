"""`penstock explain-cache`: what the cache does with each node, and why."""

import datetime
import json
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, find_run, load, store_of

if TYPE_CHECKING:
    from pipeline.caching.explanation import NodeExplanation
    from pipeline.config import Config

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for other programs.")]


def explain_cache(
    node: Annotated[str | None, typer.Argument(metavar="[NODE]", help="Only this node; else all.")] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="What happened in that run, instead of the next one.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Say for each node whether the next run takes it from the cache, and which part changed if not."""
    settings = load(config, overrides)
    explanations = _of_next_run(settings) if run_id is None else _of_run(settings, run_id)
    if node is not None:
        explanations = [_only(node, explanations)]
    for explanation in explanations:
        text = json.dumps(explanation.to_json()) if as_json else _text(explanation, in_full=node is not None)
        typer.echo(text)


def _of_next_run(settings: "Config") -> list["NodeExplanation"]:
    """Compiled and explained in a warm process, because both need TFX."""
    from pipeline.caching.explain_next import NextRun, explain_next_run
    from pipeline.caching.fingerprints import INDEX_NAME
    from pipeline.planning import make_plan
    from pipeline.runners.registry import build_document
    from pipeline.runners.warm import WarmProcess
    from pipeline.staging import stage_inputs

    plan, logs = make_plan(settings), settings.root / "logs"
    warm = WarmProcess(logs / "warm.log")
    document = warm.call(build_document, "local", settings, plan, log_path=logs / "compile.log")
    stage_inputs(settings, plan)
    now = datetime.datetime.now(datetime.UTC)
    request = NextRun(document.text, store_of(settings).metadata_uri, settings.caching, now)
    found: list[NodeExplanation] = warm.call(
        explain_next_run, request, settings.root / INDEX_NAME, log_path=logs / "explain.log"
    )
    return found


def _of_run(settings: "Config", run_id: str) -> list["NodeExplanation"]:
    from pipeline.caching.explanation import explain_run
    from pipeline.metadata import LineageStore

    store = store_of(settings)
    record = find_run(store, run_id, settings)
    opened = LineageStore(store.metadata_uri).ml_metadata
    return explain_run(opened, record.pipeline_name, record.run_id, record.node_ids) if opened is not None else []


def _only(node_id: str, explanations: list["NodeExplanation"]) -> "NodeExplanation":
    from difflib import get_close_matches

    from pipeline.errors import NotFound

    found = {explanation.node_id: explanation for explanation in explanations}
    if node_id not in found:
        near = get_close_matches(node_id, found, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise NotFound(f"The pipeline has no node '{node_id}'.{hint} It has: {', '.join(found) or 'none'}.")
    return found[node_id]


def _text(explanation: "NodeExplanation", *, in_full: bool) -> str:
    """The node and its verdict, and below it the reasons: all of them, or the most telling."""
    from pipeline.caching.words import shortened

    reasons = list(explanation.reasons) if in_full else shortened(list(explanation.reasons))
    if explanation.verdict != "miss" and len(reasons) <= 1:
        return f"{explanation.node_id:<21} {explanation.verdict:<12} {''.join(reasons)}".rstrip()
    return "\n".join([f"{explanation.node_id:<21} {explanation.verdict}", *(f"    {reason}" for reason in reasons)])
