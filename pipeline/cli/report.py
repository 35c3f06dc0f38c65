"""`penstock report`: the page of a run, as a file or live while it goes."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import DEFAULT_CONFIG, ConfigOption, RunArgument, SetOption, find_run, load, near, store_of
from pipeline.cli.platform import WhoseRunOption, view_of

if TYPE_CHECKING:
    from pipeline.run_store import RunStore


def report(
    run_id: RunArgument = "latest",
    live: Annotated[bool, typer.Option("--live", help="Serve it on this machine while the run goes.")] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of --live; 0 takes a free one.")] = 0,
    runner: WhoseRunOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write a run's report: one HTML file with its verdict, data, model and record."""
    from pipeline.errors import ConfigError
    from pipeline.platform_root import reached_root
    from pipeline.report.write import write_page, write_report

    settings = load(config, overrides)
    if reached_root(runner, settings) is not None:
        if live:
            raise ConfigError(
                ["--live is for runs on this machine; a run there is followed by: penstock status --wait"]
            )
        path = write_page(view_of(settings, runner, run_id))
        typer.echo(near(path))
        if open_it:
            open_page(path.resolve().as_uri())
        return
    store = store_of(settings)
    record = find_run(store, run_id, settings)
    followed = live and record.state == "RUNNING"
    if followed:
        _follow(store, record.run_id, port, open_it=open_it)
    elif live:
        typer.echo(f"Run {record.run_id} has ended ({record.state.lower()}); this is its report:")
    path = write_report(store, record.run_id)
    typer.echo(near(path))
    if open_it and not followed:
        open_page(path.resolve().as_uri())


def _follow(store: "RunStore", run_id: str, port: int, *, open_it: bool) -> None:
    """Serves the page until the run ends or Ctrl-C."""
    from pipeline.errors import ConfigError
    from pipeline.report.live import LivePage, LiveServer, serve

    def say(address: str) -> None:
        typer.echo(f"Run {run_id} at {address} until it ends; Ctrl-C stops the page, not the run.")
        if open_it:
            open_page(address)

    try:
        server = LiveServer(LivePage(store, run_id), port)
    except OSError as error:
        raise ConfigError(
            [f"--port {port}: {error.strerror or error}. Choose another, or 0 for a free one."]
        ) from error
    try:
        serve(server, say)
    except KeyboardInterrupt:
        typer.echo()


def open_page(address: str) -> None:
    """Shows it in the user's browser; says so if there is none."""
    import webbrowser

    if not webbrowser.open(address):
        typer.echo(f"There is no browser to open it with; open it yourself: {address}", err=True)
