"""What the verbs for runs on platforms share: the runner, the run's handle, and how a run's progress is shown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, command_line, echo_table, find_run, store_of

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.readers.run_view import RunView
    from pipeline.run_handle import RunHandle
    from pipeline.runners.remote import RemoteRunner, RunProgress

PLATFORMS = "kubeflow, sagemaker or step_functions"

PlatformOption = Annotated[
    str | None,
    typer.Option("--runner", help=f"{PLATFORMS}; else the one that the run was submitted to."),
]
WhoseRunsOption = Annotated[
    str | None, typer.Option("--runner", help=f"{PLATFORMS}: of the runs there, instead of those here.")
]
WhoseRunOption = Annotated[str | None, typer.Option("--runner", help=f"{PLATFORMS}: a run there, instead of one here.")]
WhichRun = Annotated[str, typer.Argument(metavar="[RUN]", help="A run's id, or 'latest'.")]


def platform_run(settings: "Config", runner: str | None, run_id: str) -> "tuple[RemoteRunner, RunHandle]":
    """The platform's runner, and the run as the platform itself knows it."""
    from pipeline.runners.registry import remote_runner
    from pipeline.submissions import as_remembered, runner_of

    name, store = settings.pipeline.name, store_of(settings)
    found = remote_runner(runner or runner_of(store, name, run_id), settings)
    return found, as_remembered(found.find(name, run_id), store)


def view_of(settings: "Config", runner: str | None, run_id: str) -> "RunView":
    """A run here, or with a runner that is a platform's the run there."""
    from pipeline.platform_root import reached_root
    from pipeline.readers.run_view import RunView

    root = reached_root(runner, settings)
    if root is not None:
        from pipeline.fetched_runs import fetched_run, reports_of

        found, handle = platform_run(settings, root.runner, run_id)
        return fetched_run(root, handle, found.watch(handle), reports_of(root, handle.run_id))
    store = store_of(settings)
    return RunView(store, find_run(store, run_id, settings))


def echo_progress(handle: "RunHandle", progress: "RunProgress") -> None:
    """Prints where the run stands, job by job, with reasons of failures below."""
    from pipeline.summary import state_text
    from pipeline.terminal_text import inert

    typer.echo(f"run {handle.run_id} of {handle.pipeline_name} on {handle.runner}: {state_text(progress.state)}")
    if progress.jobs:
        typer.echo()
        rows = [("nodes", "state", "started", "ended", "job")]
        for job in progress.jobs:
            nodes = ", ".join(job.node_ids) or job.name
            rows.append((nodes, state_text(job.state), job.started_at, job.ended_at, job.job_name))
        echo_table(rows)
    for job in progress.jobs:
        if job.failure:
            typer.echo(f"\n{job.name}: {inert(job.failure)}")
    if progress.failure:
        typer.echo(f"\n{inert(progress.failure)}")


def same_arguments(config: Path, overrides: list[str] | None) -> list[str]:
    """The options that name the same configuration in a command to paste."""
    same = [] if config == DEFAULT_CONFIG else ["--config", str(config)]
    return same + [f"--set={item}" for item in overrides or ()]


def next_lines(handle: "RunHandle", progress: "RunProgress | None", same: list[str]) -> list[tuple[str, str]]:
    """Commands that the user may want next, each with what it does."""

    def told(verb: str, *more: str) -> str:
        return command_line(verb, *more, "--runner", handle.runner, *same)

    run, state = handle.run_id, progress.state if progress else "RUNNING"
    if state == "RUNNING":
        return [
            (told("status", run, "--wait"), "follows it to its end"),
            (told("logs", "NODE", "--run", run, "--follow"), "what a node prints"),
            (told("stop", run), "ends it"),
        ]
    if state == "AWAITING_APPROVAL":
        return [
            (told("approve", run, "--reason", "WHY"), "lets it go on"),
            (told("reject", run, "--reason", "WHY"), "keeps its model from use"),
        ]
    if state in ("FAILED", "INTERRUPTED"):
        return [
            (told("logs", "NODE", "--run", run), "what a node printed"),
            (told("resume", run), "goes on where it ended"),
        ]
    return []


def echo_next(lines: list[tuple[str, str]]) -> None:
    """Prints commands to paste, and what each does."""
    if lines:
        typer.echo("\nnext:")
    for command, what in lines:
        typer.echo(f"  {command}\n      {what}")
