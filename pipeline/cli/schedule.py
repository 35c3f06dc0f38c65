"""`penstock schedule`: has a platform start runs at times, says which schedules there are, and ends them."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    SetOption,
    command_line,
    echo_table,
    load,
    pairs_of,
)
from pipeline.cli.platform import PLATFORMS, same_arguments
from pipeline.cli.submission import checked_document

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.runners.remote import Scheduled, SchedulingRunner, Timing

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PERIOD = re.compile(r"(?P<count>[1-9]\d{0,5})(?P<unit>[smhd])")


def schedule(
    runner: Annotated[str, typer.Option(help=f"The platform: {PLATFORMS}.")],
    cron: Annotated[
        str | None,
        typer.Option(metavar="'M H D M W'", help="When: minute, hour, day of the month, month, day of the week."),
    ] = None,
    every: Annotated[str | None, typer.Option(metavar="PERIOD", help="Or how often: 30m, 6h, 1d.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a runtime parameter, repeatable.")] = None,
    max_concurrency: Annotated[int, typer.Option(min=1, max=10, help="Runs of it at the same time.")] = 1,
    catchup: Annotated[
        bool, typer.Option("--catchup", help="Start afterwards each run that was due while nothing could start.")
    ] = False,
    list_them: Annotated[bool, typer.Option("--list", help="Instead: say which schedules there are.")] = False,
    remove: Annotated[str | None, typer.Option(metavar="ID", help="Instead: end a schedule; its runs go on.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Have a platform start runs at times, of the pipeline as it is compiled now."""
    from pipeline.errors import ConfigError
    from pipeline.runners.remote import Timing

    chosen = [name for name, given in (("--list", list_them), ("--remove", remove)) if given]
    chosen += [name for name, given in (("--cron", cron), ("--every", every)) if given is not None]
    if len(chosen) != 1:
        told = " and ".join(chosen) or "nothing"
        raise ConfigError([f"Say one of --cron, --every, --list and --remove; {told} was said."])
    settings = load(config, overrides)
    found = _scheduling(runner, settings)
    if list_them:
        _echo(found.schedules(settings.pipeline.name))
    elif remove is not None:
        found.unschedule(settings.pipeline.name, remove)
        typer.echo(f"Schedule {remove} starts no more runs; those that it started go on.")
    else:
        timing = Timing(cron, None if every is None else seconds_of(every), max_concurrency, catchup)
        _make(settings, found, pairs_of(param or []), timing, same_arguments(config, overrides))


def _scheduling(runner: str, settings: "Config") -> "SchedulingRunner":
    """The platform's runner.

    Raises:
      ConfigError: it has no schedules, with what to do instead.
    """
    from pipeline.errors import ConfigError
    from pipeline.runners.registry import capabilities_of, remote_runner, runners_with

    capabilities = capabilities_of(runner)
    if capabilities.schedules:
        found: SchedulingRunner = remote_runner(runner, settings)  # type: ignore[assignment]  # by its capabilities
        return found
    can = ", ".join(runners_with("schedules"))
    if capabilities.runs_here:
        raise ConfigError(
            [f"--runner {runner}: nothing here starts runs at times; have cron start: penstock run. With: {can}."]
        )
    raise ConfigError(
        [
            f"--runner {runner}: its schedule is part of the infrastructure: parameters Triggers and "
            f"ScheduleExpression of deploy/aws/main.yaml (docs/sagemaker.md). Schedules of this command: {can}."
        ]
    )


def seconds_of(period: str) -> int:
    """The seconds of a period.

    >>> seconds_of("6h")
    21600

    Raises:
      ConfigError: it is none.
    """
    from pipeline.errors import ConfigError

    found = _PERIOD.fullmatch(period)
    if found is None:
        raise ConfigError([f"--every {period}: expected a number and s, m, h or d, such as 30m, 6h or 1d."])
    return int(found["count"]) * _UNITS[found["unit"]]


def _make(
    settings: "Config", runner: "SchedulingRunner", parameters: dict[str, str], timing: "Timing", same: list[str]
) -> None:
    """Makes the schedule; says what else there is, because that goes on with what was compiled before."""
    from pipeline.runners.registry import placed_for

    runner.check_timing(timing)
    before = runner.schedules(settings.pipeline.name)
    document = checked_document(settings, runner.name, parameters)
    made = runner.schedule(document, parameters, timing)
    typer.echo(f"Schedule {made} starts runs of pipeline '{document.pipeline_name}' on {runner.name}.")
    typer.echo("Each run is of the pipeline as it was compiled now.")
    if placed_for(runner.name, settings).is_remote and "://" not in settings.data.path:
        typer.echo("note: data.path is on this machine: each run reads the copy that was made of it now.", err=True)
    if before:
        ids = ", ".join(other.schedule_id for other in before)
        typer.echo(f"note: it has other schedules too, which go on as they were: {ids}.", err=True)
    typer.echo(
        f"\nnext:\n  {command_line('schedule', '--runner', runner.name, '--remove', made, *same)}\n      ends it"
    )


def _echo(found: "tuple[Scheduled, ...]") -> None:
    if not found:
        typer.echo("There are no schedules. To make one: penstock schedule --runner RUNNER --cron '0 6 * * 1'")
        return
    rows = [("schedule", "when", "is", "made", "version", "parameters")]
    for item in found:
        given = " ".join(f"{name}={value}" for name, value in sorted(item.parameters.items()))
        rows.append((item.schedule_id, item.when, "on" if item.is_on else "off", item.created_at, item.version, given))
    echo_table(rows)
