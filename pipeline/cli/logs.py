"""`penstock logs`: what a node printed, also while it runs."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, echo_table, find_run, load, near, store_of
from pipeline.cli.platform import echo_progress, platform_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.config import Config
    from pipeline.run_store import RunRecord, RunStore


def logs(
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", help="The node; without one the log files are listed.")
    ] = None,
    run_id: Annotated[str, typer.Option("--run", metavar="RUN", help="A run's id, or 'latest'.")] = "latest",
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt at the node; else the last.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the node has ended.")] = False,
    tail: Annotated[int | None, typer.Option(min=0, help="Only so many lines from the end.")] = None,
    runner: Annotated[
        str, typer.Option(help="Where the run is: local, or the platform that it was submitted to.")
    ] = "local",
    at_most: Annotated[
        float, typer.Option("--for", min=1, help="On a platform, with --follow: seconds at most.")
    ] = 3600.0,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Print what a node printed, or list a run's log files; on a platform, its jobs."""
    _refuse_contradictions(node, attempt, follow, tail)
    _refuse_elsewhere(runner, attempt, follow, tail)
    settings = load(config, overrides)
    if runner != "local":
        _platform_logs(settings, runner, run_id, node, at_most if follow else 0.0, tail)
        return
    store = store_of(settings)
    run = find_run(store, run_id, settings)
    if node is None:
        _list(store, run)
    elif follow:
        _follow(store, run, node, tail)
    else:
        _print(store, run, node, attempt, tail)


def _refuse_contradictions(node: str | None, attempt: int | None, follow: bool, tail: int | None) -> None:
    """Raises ConfigError listing the options that make no sense together."""
    from pipeline.errors import ConfigError

    problems = []
    if node is None:
        given = {"--attempt": attempt is not None, "--follow": follow, "--tail": tail is not None}
        problems += [
            f"{name} is for one node; use: penstock logs NODE {name}" for name, is_given in given.items() if is_given
        ]
    if follow and attempt is not None:
        problems.append("--follow goes on from one attempt to the next, which --attempt contradicts; use one of them.")
    if problems:
        raise ConfigError(problems)


def _refuse_elsewhere(runner: str, attempt: int | None, follow: bool, tail: int | None) -> None:
    """Raises ConfigError listing the options that a platform's logs do not have."""
    from pipeline.errors import ConfigError

    problems = []
    if runner != "local" and attempt is not None:
        problems.append(f"--attempt is for runs on this machine; of a node's jobs on {runner} the last one is printed.")
    if runner != "local" and follow and tail is not None:
        problems.append(f"--tail and --follow contradict each other on {runner}; use one of them.")
    if problems:
        raise ConfigError(problems)


def _platform_logs(
    settings: "Config", runner: str, run_id: str, node: str | None, follow_s: float, tail: int | None
) -> None:
    """What a node's job printed, or which jobs there are."""
    from collections import deque

    from pipeline.runners.remote import LogRange

    found, handle = platform_run(settings, runner, run_id)
    if node is None:
        echo_progress(handle, found.watch(handle))
        return
    lines: Iterable[str] = (f"{line}\n" for line in found.logs(handle, node, LogRange(follow_s=follow_s)))
    try:
        _write(lines if tail is None else deque(lines, maxlen=tail))
    except KeyboardInterrupt:  # the usual way to end --follow
        return


def _list(store: "RunStore", run: "RunRecord") -> None:
    from pipeline.logs import log_files
    from pipeline.progress.words import state_word

    found = log_files(store, run)
    if not found:
        typer.echo(f"Run '{run.run_id}' has no log files: no node of it has started.")
        return
    rows = [("node", "attempt", "state", "size", "where")]
    for log in found:
        node = run.node(log.node_id)
        state = state_word(node.state) if node and node.attempt == log.attempt else "earlier" if node else ""
        rows.append((log.node_id, str(log.attempt), state, f"{log.size_bytes / 1024:,.1f} KiB", near(log.path)))
    echo_table(rows)


def _print(store: "RunStore", run: "RunRecord", node: str, attempt: int | None, tail: int | None) -> None:
    from pipeline.logs import find_log, last_lines, text_from

    log = find_log(store, run, node, attempt)
    _write([last_lines(log.path, tail)[0]] if tail is not None else (text for text, _ in text_from(log.path)))


def _follow(store: "RunStore", run: "RunRecord", node: str, tail: int | None) -> None:
    from pipeline.logs import Follower, check_node

    check_node(run, node)
    if run.node(node) is None and run.state == "RUNNING":
        typer.echo(f"{node} has not started yet; waiting for it.", err=True)
    follower = Follower(store, run.run_id, node, tail=tail)
    try:
        _write(follower.read())
    except KeyboardInterrupt:  # the usual way to end this
        return
    if not follower.has_read:
        _print(store, run, node, None, tail)  # says why there is nothing


def _write(pieces: "Iterable[str]") -> None:
    """Prints text at once; on a terminal its control characters are shown, in a file or pipe it stays as it is."""
    from pipeline.terminal_text import inert

    is_terminal = sys.stdout.isatty()
    for piece in pieces:
        sys.stdout.write(inert(piece) if is_terminal else piece)
        sys.stdout.flush()
