"""The verbs that run nodes: `penstock run` and `penstock try`."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_CONFIG,
    RESUME,
    WHICH_RUN,
    ConfigOption,
    SetOption,
    command_line,
    echo_pairs,
    find_run,
    load,
    near,
    pairs_of,
    store_of,
)
from pipeline.cli.start import echo_notes, run_to_its_end, screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.cli.start import MakeProgress
    from pipeline.config import Config
    from pipeline.run_store import RunStore
    from pipeline.runners.local import RunOptions
    from pipeline.summary import RunSummary

_GIB = 2**30

WorkersOption = Annotated[
    int | None, typer.Option("--max-workers", min=1, help="Nodes that run at once; else one a processor.")
]
MemoryOption = Annotated[
    float | None,
    typer.Option("--max-memory", min=0.1, max=1e6, help="GiB that nodes may use together; else 80% of what is free."),
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
    as_json: Annotated[
        bool, typer.Option("--json", help="Events as JSON, one a line (docs/events.md); words go to standard error.")
    ] = False,
) -> None:
    """Run the pipeline to a pushed model."""
    asked = _Asked(
        config=config,
        overrides=tuple(overrides or ()),
        runner=runner,
        parameters=tuple(param or ()),
        resume=resume,
        first=only or first,
        last=only or last,
        base=base,
        uncached=tuple(no_cache or ()),
        run_id=run_id,
        max_workers=max_workers,
        max_memory_bytes=None if max_memory is None else int(max_memory * _GIB),
        wait=wait,
    )
    if not as_json:
        _refuse_contradictions(asked, first if only else None, last if only else None)
        raise typer.Exit(exit_code_of(_carry_out(asked, screen())))
    from pipeline.progress.json_lines import JsonProgress, outcome_of

    events = JsonProgress.on_standard_output()
    with events.telling_errors():
        _refuse_contradictions(asked, first if only else None, last if only else None)
        summary = _carry_out(asked, lambda *_: events)
        events.finish(outcome_of(summary, exit_code_of(summary)))
        raise typer.Exit(exit_code_of(summary))


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What the command line asks for; see the options of `run`."""

    config: Path
    overrides: tuple[str, ...]
    runner: str
    parameters: tuple[str, ...]
    resume: str | None
    first: str | None
    last: str | None
    base: str | None
    uncached: tuple[str, ...]
    run_id: str | None
    max_workers: int | None
    max_memory_bytes: int | None
    wait: bool

    @property
    def is_plain(self) -> bool:
        """True if nothing but the pipeline as it stands is asked for: then there may be nothing to do."""
        return not (self.resume or self.first or self.last or self.uncached or self.run_id)


def _carry_out(asked: _Asked, make_progress: "MakeProgress") -> "RunSummary":
    """What came of the run, or of the earlier one that makes this one needless; says it too."""
    from pipeline.errors import ConfigError
    from pipeline.metadata import LineageStore
    from pipeline.planning import make_plan
    from pipeline.runners.registry import capabilities_of
    from pipeline.summary import summarise

    if not capabilities_of(asked.runner).runs_here:
        raise ConfigError(
            [
                f"--runner {asked.runner}: penstock run carries runs out on this machine. Start one there with: "
                f"penstock submit --runner {asked.runner}"
            ]
        )
    settings = load(asked.config, list(asked.overrides))
    store = store_of(settings)
    options = _options(asked, store, settings)
    parameters = _parameters(asked, store, options)
    lineage = LineageStore(store.metadata_uri)
    done = _already_complete(store, settings, asked)
    if done is None:
        _check_free(store, wait=asked.wait)
        lineage.check()
        done = _unchanged_run(settings, parameters, store) if asked.is_plain else None
    if done is not None:
        summary = summarise(store.read(done), lineage)
    else:
        plan = make_plan(settings)
        echo_notes(plan)
        summary = run_to_its_end(settings, plan, parameters, options, make_progress)
    echo_summary(store, summary, asked.config, asked.overrides)
    return summary


def _already_complete(store: "RunStore", settings: "Config", asked: _Asked) -> str | None:
    """The run that is to go on and has nothing left to do, None if there is something to do; says so."""
    record = find_run(store, asked.resume, settings) if asked.resume else None
    if record is None or record.state != "COMPLETE":
        return None
    typer.echo(f"Run '{record.run_id}' is complete; there is nothing to resume.")
    return record.run_id


def _unchanged_run(settings: "Config", parameters: "Mapping[str, str]", store: "RunStore") -> str | None:
    """The newest run if another one would do nothing at all, None if not; says what has changed."""
    from pipeline.caching.unchanged import unchanged_since
    from pipeline.caching.words import shortened

    found = unchanged_since(settings, parameters, store)
    if found.is_unchanged:
        typer.echo(
            f"Nothing has changed since run {found.run_id}: the same data, configuration, code and packages, and "
            "everything it made is as it was. To run a node all the same: --no-cache NODE."
        )
        return found.run_id
    for line in shortened(list(found.differences)):
        typer.echo(f"changed since run {found.run_id}: {line}")
    for line in shortened(list(found.obstacles)):
        typer.echo(f"run {found.run_id} does not stand for this one: {line}")
    return None


def _options(asked: _Asked, store: "RunStore", settings: "Config") -> "RunOptions":
    from pipeline.runners.local import RunOptions

    return RunOptions(
        run_id=find_run(store, asked.resume, settings).run_id if asked.resume else asked.run_id,
        wait=asked.wait,
        max_workers=asked.max_workers,
        max_memory_bytes=asked.max_memory_bytes,
        first=asked.first,
        last=asked.last,
        base_run_id=None if asked.base is None else find_run(store, asked.base, settings).run_id,
        caching=settings.caching,
        uncached=asked.uncached,
    )


def _parameters(asked: _Asked, store: "RunStore", options: "RunOptions") -> "Mapping[str, str]":
    """The runtime parameters; a run that goes on keeps those it was begun with."""
    from pipeline.caching.request import read_request
    from pipeline.errors import ConfigError

    given = pairs_of(asked.parameters)
    begun = read_request(store.run_folder(options.run_id)) if asked.resume and options.run_id else None
    if begun is None:
        return given
    kept = {name: str(value) for name, value in begun.parts.get("parameters", {}).items()}
    problems = [
        f"--param {name}={value}: run '{options.run_id}' was begun with {kept.get(name, 'its default')}; leave it out."
        for name, value in given.items()
        if kept.get(name) != value
    ]
    if problems:
        raise ConfigError(problems)
    return kept


def exit_code_of(summary: "RunSummary") -> int:
    """0, 5 (everything ran and nothing was pushed) or 8 (a person must decide)."""
    from pipeline.errors import EXIT_NOT_PUSHED, EXIT_WAITING
    from pipeline.run_store import AWAITING_APPROVAL

    if summary.run.state == AWAITING_APPROVAL:
        return EXIT_WAITING
    is_whole = all((node := summary.run.node(node_id)) and node.succeeded for node_id in summary.run.node_ids)
    return EXIT_NOT_PUSHED if is_whole and not summary.is_pushed else 0


def _refuse_contradictions(asked: _Asked, first_beside_only: str | None, last_beside_only: str | None) -> None:
    """Raises ConfigError listing the options that contradict each other."""
    from pipeline.errors import ConfigError

    beside = {"--from": first_beside_only, "--to": last_beside_only}
    problems = [f"--only and {name} contradict each other; use one of them." for name, node in beside.items() if node]
    named = {"--from or --only": asked.first, "--run-id": asked.run_id, "--base": asked.base}
    if asked.resume is not None:
        problems += [
            f"{RESUME} goes on with a run as it was begun, which {name} contradicts; leave one of them out."
            for name, value in named.items()
            if value
        ]
    if asked.base and not asked.first:
        problems.append("--base gives the outputs that --from or --only start with; name one of them.")
    if problems:
        raise ConfigError(problems)


def _check_free(store: "RunStore", *, wait: bool) -> None:
    """Says who holds the store before anything slow is begun; with `wait` the run then waits for its turn."""
    from pipeline.errors import StoreBusy

    try:
        store.check_free()
    except StoreBusy as busy:
        if not wait:
            raise
        typer.echo(f"{str(busy).split('. ')[0]}; waiting for it to end.")


def echo_summary(store: "RunStore", summary: "RunSummary", config: Path, overrides: "Sequence[str]") -> None:
    """Prints what came of a run, and what the user may want next."""
    from pipeline.summary import summary_lines

    typer.echo()
    echo_pairs(summary_lines(summary))
    same = [] if config == DEFAULT_CONFIG else ["--config", str(config)]
    same += [f"--set={item}" for item in overrides]
    typer.echo("\nnext:")
    report = near(store.report_path(summary.run.run_id))
    if not store.report_path(summary.run.run_id).is_file():
        report = command_line("report", summary.run.run_id, *same)
    typer.echo(f"  {report}\n      the report: open it in a browser, or send it")
    typer.echo(f"  {command_line('show', summary.run.run_id, *same)}\n      what each node made, and where")
    if summary.pushed_to is not None:
        reader = near(Path(sys.executable).with_name("saved_model_cli"))
        typer.echo(f"  {reader} show --dir {near(summary.pushed_to)} --all\n      the model's signatures")
        if summary.registered is not None and summary.registered.stage == "candidate":
            version = summary.registered.document.version
            promoted = command_line("promote", version, "--to", "staging", "--reason", "WHY", *same)
            typer.echo(f"  {promoted}\n      moves this version on in the registry")
        typer.echo(f"  {command_line('run', *same)}\n      again: what is unchanged comes from the cache")
    elif summary.run.state == "AWAITING_APPROVAL":
        for verb, what in (("approve", "push the model"), ("reject", "do not push it")):
            typer.echo(f"  {command_line(verb, summary.run.run_id, '--reason', 'WHY', *same)}\n      {what}")
    elif summary.run.state == "PARTIAL":
        typer.echo(f"  {command_line('run', RESUME, summary.run.run_id, *same)}\n      the nodes that were left out")
    else:
        typer.echo(f"  {command_line('run', *same)}\n      after changing data, model or the demands named above")
