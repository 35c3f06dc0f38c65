"""`penstock try`: one node against an old run's artifacts."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_CONFIG,
    WHICH_RUN,
    ConfigOption,
    SetOption,
    echo_table,
    find_run,
    load,
    near,
    store_of,
)
from pipeline.cli.start import echo_notes, run_to_its_end, screen

if TYPE_CHECKING:
    from pipeline.run_store import RunRecord, RunStore


def try_node(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node to run.")],
    run_id: Annotated[str, typer.Option("--run", metavar="RUN", help="The run whose artifacts it reads.")] = WHICH_RUN,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Run one node against an old run's artifacts; the run, its store and pushed models stay as they are."""
    from pipeline.planning import make_plan
    from pipeline.runners.local import RunOptions
    from pipeline.scratch import scratch_copy

    settings = load(config, overrides)
    record = find_run(store_of(settings), run_id, settings)
    scratch = scratch_copy(settings, record.run_id)
    plan = make_plan(scratch)
    echo_notes(plan)
    options = RunOptions(run_id=scratch.root.name, first=node, last=node, base_run_id=record.run_id)  # never cached
    typer.echo(f"trying {node} against run {record.run_id}; outputs go to {near(scratch.root)}")
    summary = run_to_its_end(scratch, plan, {}, options, screen())
    _echo_outputs(store_of(scratch), summary.run, node)


def _echo_outputs(store: "RunStore", record: "RunRecord", node_id: str) -> None:
    from pipeline.metadata import LineageStore

    made = [
        (artifact.key, near(artifact.uri))
        for artifact in LineageStore(store.metadata_uri).outputs_of_run(record.run_id, record.pipeline_name)
        if artifact.node_id == node_id
    ]
    typer.echo()
    echo_table([("output", "where"), *(made or [("none", "")])])
    node = record.node(node_id)
    typer.echo(f"\nlog: {near(store.log_path(record.run_id, node_id, node.attempt if node else 1))}")
