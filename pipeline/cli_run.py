"""The verbs that run nodes: `penstock run` and `penstock try`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipeline.cli_options import (
    DEFAULT_CONFIG,
    ConfigOption,
    SetOption,
    command_line,
    echo_pairs,
    echo_table,
    find_run,
    load,
    near,
    pairs_of,
    store_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Config
    from pipeline.definition import Plan
    from pipeline.run_store import RunRecord, RunStore
    from pipeline.runners.local import RunOptions
    from pipeline.summary import RunSummary

RESUME = "--resume"
WHICH_RUN = "latest"

_GIB = 2**30

WorkersOption = Annotated[
    int | None, typer.Option("--max-workers", min=1, help="Nodes that run at once; else one a processor.")
]
MemoryOption = Annotated[
    float | None,
    typer.Option("--max-memory", min=0.1, help="GiB that nodes may use together; else 80% of what is free."),
]


def with_run_named(arguments: list[str]) -> list[str]:
    """The arguments with `latest` put after a `--resume` that names no run.

    >>> with_run_named(["run", "--resume", "--wait"])
    ['run', '--resume', 'latest', '--wait']
    >>> with_run_named(["run", "--resume", "20261122-190501-3fa9"])
    ['run', '--resume', '20261122-190501-3fa9']
    """
    filled: list[str] = []
    for position, argument in enumerate(arguments):
        filled.append(argument)
        following = arguments[position + 1 : position + 2]
        if argument == RESUME and (not following or following[0].startswith("-")):
            filled.append(WHICH_RUN)
    return filled


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    runner: Annotated[str, typer.Option(help="Where to run.")] = "local",
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a runtime parameter, repeatable.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(RESUME, metavar="[RUN]", help="Go on with this run (or the latest): what failed or never ran."),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="NODE", help="Start here; what lies before comes from an earlier run."),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="NODE", help="Stop after this node.")] = None,
    only: Annotated[str | None, typer.Option(metavar="NODE", help="The same as --from NODE --to NODE.")] = None,
    base: Annotated[
        str | None, typer.Option(metavar="RUN", help="The earlier run of --from; else the newest that has the outputs.")
    ] = None,
    no_cache: Annotated[
        list[str] | None, typer.Option(metavar="NODE", help="This node runs although nothing changed; repeatable.")
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="Name the new run.")] = None,
    max_workers: WorkersOption = None,
    max_memory: MemoryOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait if another run holds the store.")] = False,
) -> None:
    """Run the pipeline to a pushed model."""
    from pipeline.metadata import LineageStore
    from pipeline.planning import make_plan
    from pipeline.runners.local import RunOptions
    from pipeline.runners.registry import capabilities_of

    capabilities_of(runner)
    parameters = pairs_of(param or [])
    settings = load(config, overrides)
    store = store_of(settings)
    _refuse_contradictions(resume, run_id, first, last, only, base)
    options = RunOptions(
        run_id=_continued(store, settings, resume, run_id),
        wait=wait,
        max_workers=max_workers,
        max_memory_bytes=None if max_memory is None else int(max_memory * _GIB),
        first=only or first,
        last=only or last,
        base_run_id=None if base is None else find_run(store, base, settings).run_id,
        caching=settings.caching,
        uncached=tuple(no_cache or []),
    )
    _check_free(store, wait=wait)
    LineageStore(store.metadata_uri).check()
    plan = make_plan(settings)
    echo_notes(plan)
    summary = _run_to_its_end(settings, plan, parameters, options)
    _finish(store, summary, config, overrides or [])


def _finish(store: "RunStore", summary: "RunSummary", config: Path, overrides: list[str]) -> NoReturn:
    """Says what came of the run, and exits."""
    from pipeline.errors import EXIT_NOT_PUSHED

    _echo_summary(store, summary, config, overrides)
    is_whole = all((node := summary.run.node(node_id)) and node.succeeded for node_id in summary.run.node_ids)
    raise typer.Exit(EXIT_NOT_PUSHED if is_whole and not summary.is_pushed else 0)


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
    summary = _run_to_its_end(scratch, plan, {}, options)
    _echo_outputs(store_of(scratch), summary.run, node)


def _echo_outputs(store: "RunStore", record: "RunRecord", node_id: str) -> None:
    from pipeline.metadata import LineageStore

    made = [
        (artifact.key, near(artifact.uri))
        for artifact in LineageStore(store.metadata_uri).outputs_of_run(record.run_id)
        if artifact.node_id == node_id
    ]
    typer.echo()
    echo_table([("output", "where"), *(made or [("none", "")])])
    node = record.node(node_id)
    typer.echo(f"\nlog: {near(store.log_path(record.run_id, node_id, node.attempt if node else 1))}")


def _refuse_contradictions(
    resume: str | None, run_id: str | None, first: str | None, last: str | None, only: str | None, base: str | None
) -> None:
    """Raises ConfigError listing the options that contradict each other."""
    from pipeline.errors import ConfigError

    named = {"--from": first, "--to": last, "--only": only, "--run-id": run_id, "--base": base}
    problems = [
        f"{name} and {other} contradict each other; use one of them."
        for name, other in (("--only", "--from"), ("--only", "--to"))
        if named[name] and named[other]
    ]
    if resume is not None:
        problems += [
            f"{RESUME} goes on with a run as it was begun, which {name} contradicts; leave one of them out."
            for name in ("--from", "--only", "--run-id", "--base")
            if named[name]
        ]
    if base and not (first or only):
        problems.append("--base gives the outputs that --from or --only start with; name one of them.")
    if problems:
        raise ConfigError(problems)


def _continued(store: "RunStore", settings: "Config", resume: str | None, run_id: str | None) -> str | None:
    """The run to go on with or the name of a new one, None to make a name up."""
    if resume is None:
        return run_id
    record = find_run(store, resume, settings)
    if record.state == "COMPLETE":
        typer.echo(f"Run '{record.run_id}' is complete; there is nothing to resume.")
        raise typer.Exit(0)
    return record.run_id


def _check_free(store: "RunStore", *, wait: bool) -> None:
    """Says who holds the store before anything slow is begun; with `wait` the run then waits for its turn."""
    from pipeline.errors import StoreBusy

    try:
        store.check_free()
    except StoreBusy as busy:
        if not wait:
            raise
        typer.echo(f"{str(busy).split('. ')[0]}; waiting for it to end.")


def _run_to_its_end(
    settings: "Config", plan: "Plan", parameters: "Mapping[str, str]", options: "RunOptions"
) -> "RunSummary":
    """Compiles and runs in a warm process; returns what came of it."""
    from rich.console import Console

    from pipeline.errors import RunInterrupted
    from pipeline.metadata import LineageStore
    from pipeline.progress.screen import Progress
    from pipeline.runners.local import LocalRunner
    from pipeline.runners.registry import build_document
    from pipeline.runners.warm import WarmProcess
    from pipeline.staging import stage_inputs
    from pipeline.summary import summarise

    store, logs = store_of(settings), settings.root / "logs"
    progress = Progress(Console(highlight=False))
    begun: list[str] = []
    try:
        progress.begin("loading TensorFlow and TFX")
        warm = WarmProcess(logs / "warm.log")
        document = warm.call(build_document, "local", settings, plan, log_path=logs / "compile.log")
        progress.end()
        typer.echo(
            f"{document.pipeline_name}: {len(document.node_ids)} nodes, everything goes to {near(settings.root)}"
        )
        stage_inputs(settings, plan)

        def describe(folder: Path) -> None:
            begun.append(folder.name)
            write_origin(folder, settings)

        runner = LocalRunner(store, warm, options, on_event=progress.show, on_begin=describe)
        handle = runner.submit(document, parameters)
    except RunInterrupted as stop:
        again = command_line("run", RESUME, stop.run_id, *_config_arguments())
        raise RunInterrupted(f"{stop} Continue it with: {again}", run_id=stop.run_id) from None
    finally:
        progress.end()
        if begun:
            _write_report(store, begun[0])
    return summarise(store.read(handle.run_id), LineageStore(store.metadata_uri))


def _write_report(store: "RunStore", run_id: str) -> None:
    """Writes the run's report in a process of its own: a defect of it is told, and changes nothing about the run."""
    import subprocess

    command = [sys.executable, "-m", "pipeline.report.write", str(store.root), run_id]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        typer.echo(f"note: the run's report could not be written: {why}", err=True)


def write_origin(folder: Path, settings: "Config") -> None:
    """Writes the configuration and where the code comes from into a run's folder."""
    from pipeline import provenance

    (folder / "config.json").write_text(settings.model_dump_json(indent=1, by_alias=True), encoding="utf-8")
    provenance.collect().write(folder / "provenance.json")


def _config_arguments() -> list[str]:
    """The options of this command line that say which configuration is meant."""
    found, arguments = [], sys.argv[1:]
    for position, argument in enumerate(arguments):
        name = argument.partition("=")[0]
        if name in ("--config", "-c", "--set"):
            found += [argument] if "=" in argument and name != "-c" else arguments[position : position + 2]
    return found


def echo_notes(plan: "Plan") -> None:
    """Prints what the user should know before the run."""
    for note in plan.notes:
        typer.echo(f"note: {note}")


def _echo_summary(store: "RunStore", summary: "RunSummary", config: Path, overrides: list[str]) -> None:
    from pipeline.summary import summary_lines

    typer.echo()
    echo_pairs(summary_lines(summary))
    same = [] if config == DEFAULT_CONFIG else ["--config", str(config)]
    same += [f"--set={item}" for item in overrides]
    typer.echo("\nnext:")
    report = near(store.report_path(summary.run.run_id))
    typer.echo(f"  {report}\n      the report: open it in a browser, or send it")
    typer.echo(f"  {command_line('show', summary.run.run_id, *same)}\n      what each node made, and where")
    if summary.pushed_to is not None:
        reader = near(Path(sys.executable).with_name("saved_model_cli"))
        typer.echo(f"  {reader} show --dir {near(summary.pushed_to)} --all\n      the model's signatures")
        typer.echo(f"  {command_line('run', *same)}\n      again: what is unchanged comes from the cache")
    elif summary.run.state == "PARTIAL":
        typer.echo(f"  {command_line('run', RESUME, summary.run.run_id, *same)}\n      the nodes that were left out")
    else:
        typer.echo(f"  {command_line('run', *same)}\n      after changing data, model or the demands named above")
