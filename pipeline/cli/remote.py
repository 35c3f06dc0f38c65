"""The verbs for runs on platforms: `penstock submit`, `status`, `stop` and `resume`; `penstock logs --runner` reads."""

import dataclasses
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_CONFIG,
    WHICH_RUN,
    ConfigOption,
    SetOption,
    command_line,
    load,
    pairs_of,
    store_of,
)
from pipeline.cli.platform import (
    PLATFORMS,
    PlatformOption,
    WhichRun,
    echo_next,
    echo_progress,
    next_lines,
    platform_run,
    same_arguments,
)
from pipeline.cli.submission import checked_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.config import Config
    from pipeline.run_handle import RunHandle
    from pipeline.runners.remote import RemoteRunner, RunProgress

_POLL_S = 15.0

_PATIENCE_S = 300.0
"""For so long a platform may not answer, as while its server is started again, before whoever waits is told."""


def submit(
    runner: Annotated[str, typer.Option(help=f"The platform: {PLATFORMS}.")],
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a runtime parameter, repeatable.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Compile the pipeline, create or update it on a platform, and start a run there."""
    from pipeline.runners.registry import remote_runner

    settings, parameters = load(config, overrides), pairs_of(param or [])
    found = remote_runner(runner, settings)
    document = checked_document(settings, runner, parameters)
    same = same_arguments(config, overrides)
    look = command_line("status", "--runner", runner, *same)
    with _interruption_says(f"The run may have been started, or not: {look}"):
        handle = found.submit(document, parameters)
    typer.echo(f"Run {handle.run_id} of pipeline '{handle.pipeline_name}' was started on {runner}.")
    if handle.execution_arn != handle.run_id:  # the platform's own name, where that is another
        typer.echo(handle.execution_arn)
    with _interruption_says(f"Run {handle.run_id} goes on; it is not in the list of this folder's runs: {look}"):
        _remember(settings, handle)
    echo_next(next_lines(handle, None, same))


@contextmanager
def _interruption_says(what: str) -> "Iterator[None]":
    """Raises RunInterrupted with those words when the user presses Ctrl-C inside."""
    from pipeline.errors import RunInterrupted

    try:
        yield
    except KeyboardInterrupt as error:
        raise RunInterrupted(f"Interrupted. {what}", run_id="") from error


def _remember(settings: "Config", handle: "RunHandle") -> None:
    """Keeps the handle, and says what is lost where that is not possible."""
    from pipeline.runners.registry import metadata_for
    from pipeline.submissions import remember

    if lost := remember(handle, store_of(settings), metadata_for(handle.runner, settings)):
        typer.echo(f"warning: {lost}", err=True)


def status(
    run_id: WhichRun = WHICH_RUN,
    runner: PlatformOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until the run ends, or waits for a person.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="With --wait: seconds at most.")] = 6 * 3600.0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show where a run on a platform stands, and why what failed did; with --wait its end is the exit code."""
    settings = load(config, overrides)
    found, handle = platform_run(settings, runner, run_id)
    with _interruption_says(f"Run {handle.run_id} goes on without us."):
        progress = wait_for(found, handle, timeout, _tell_changes()) if wait else found.watch(handle)
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(handle), **dataclasses.asdict(progress)}, indent=1))
    else:
        echo_progress(handle, progress)
        echo_next(next_lines(handle, progress, same_arguments(config, overrides)))
    if wait:
        raise typer.Exit(exit_code_of(progress))


def wait_for(
    runner: "RemoteRunner",
    handle: "RunHandle",
    timeout_s: float,
    tell: "Callable[[RunProgress], None]",
    *,
    poll_s: float = _POLL_S,
    clock: "Callable[[], float]" = time.monotonic,
    sleep: "Callable[[float], None]" = time.sleep,
) -> "RunProgress":
    """The run's progress once it is over, or needs a person.

    Raises:
      PlatformBusy: it is still under way after `timeout_s` seconds, or the platform has not answered for minutes.
    """
    from pipeline.errors import PlatformBusy

    deadline = clock() + timeout_s
    while True:
        give_up = min(deadline, clock() + _PATIENCE_S)
        while (progress := _answer(runner, handle, is_last=clock() >= give_up)) is None:
            sleep(poll_s)
        tell(progress)
        if progress.is_over:
            return progress
        if clock() >= deadline:
            raise PlatformBusy(
                f"Run '{handle.run_id}' is still under way after {timeout_s:,.0f} s; it goes on without us."
            )
        sleep(min(poll_s, max(deadline - clock(), 0)))


def _answer(runner: "RemoteRunner", handle: "RunHandle", *, is_last: bool) -> "RunProgress | None":
    """Where the run stands; None if the platform does not answer for now, which is raised if this is the last time."""
    from pipeline.errors import PlatformBusy

    try:
        return runner.watch(handle)
    except PlatformBusy:
        if is_last:
            raise
    return None


def _tell_changes() -> "Callable[[RunProgress], None]":
    """Tells each node's state when it changes, on standard error."""
    from pipeline.summary import state_text

    told: dict[str, str] = {}

    def tell(progress: "RunProgress") -> None:
        for node_id, state in progress.status.nodes.items():
            if told.get(node_id) != state:
                told[node_id] = state
                typer.echo(f"{node_id}: {state_text(state)}", err=True)

    return tell


def exit_code_of(progress: "RunProgress") -> int:
    """As `penstock run` ends: 0, 3 (a node failed), 8 (a person must decide), 130 (it was stopped)."""
    from pipeline.errors import EXIT_WAITING, NodeFailed, RunInterrupted

    codes = {"FAILED": NodeFailed.exit_code, "AWAITING_APPROVAL": EXIT_WAITING, "INTERRUPTED": RunInterrupted.exit_code}
    return codes.get(progress.state, 0)


def stop(
    run_id: WhichRun = WHICH_RUN,
    runner: PlatformOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Stop a run on a platform, and its jobs; `penstock resume` goes on with it."""
    found, handle = platform_run(load(config, overrides), runner, run_id)
    found.stop(handle)
    typer.echo(f"Run {handle.run_id} is being stopped; its jobs take a minute or two to end.")


def resume(
    run_id: WhichRun = WHICH_RUN,
    runner: PlatformOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Go on with a run on a platform that failed or was stopped; what is done is not done again.

    On kubeflow also with one whose model was decided about (penstock approve --no-run).
    """
    settings = load(config, overrides)
    found, handle = platform_run(settings, runner, run_id)
    going_on = found.resume(handle)
    typer.echo(f"Run {going_on.run_id} goes on.")
    if going_on != handle:
        typer.echo(going_on.execution_arn)
        _remember(settings, going_on)
    echo_next(next_lines(going_on, None, same_arguments(config, overrides)))
