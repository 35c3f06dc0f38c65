"""The `penstock` command. Each verb imports what it needs when it runs: `penstock --help` must stay instant.

Exit codes: 0 done · 1 a defect of ours · 2 wrong configuration or arguments · 3 a node failed · 4 the data was
refused · 5 the run completed, the model was not pushed · 6 the store is in use · 130 interrupted.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.config import Config
    from pipeline.run_store import RunRecord, RunStore
    from pipeline.summary import RunSummary

app = typer.Typer(
    name="penstock",
    help="One TFX pipeline from a table to a gated, pushed model.",
    epilog="Exit codes: 0 done, 2 wrong configuration, 3 a node failed, 4 data refused, 5 not pushed, 6 store in use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
schema_app = typer.Typer(help="Propose, compare and accept the data's schema.", no_args_is_help=True)
app.add_typer(schema_app, name="schema")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The pipeline's configuration.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE over the configuration, repeatable.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or 'latest'.")]
DEFAULT_CONFIG = Path("penstock.yaml")


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    runner: Annotated[str, typer.Option(help="Where to run.")] = "local",
    param: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a runtime parameter, repeatable.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Continue this run (or name a new one).")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait if another run holds the store.")] = False,
) -> None:
    """Run the pipeline to a pushed model."""
    from pipeline.planning import make_plan
    from pipeline.runners.registry import capabilities_of

    capabilities_of(runner)
    settings = _load(config, overrides)
    console = _console()
    plan = make_plan(settings)
    for note in plan.notes:
        console.print(f"note: {note}", highlight=False)
    summary = _run_locally(settings, plan, _pairs(param or []), run_id, wait, console)
    _print_summary(console, summary, str(config))
    if not summary.is_pushed:
        from pipeline.errors import EXIT_NOT_PUSHED

        raise typer.Exit(EXIT_NOT_PUSHED)


def _run_locally(
    settings: "Config", plan: Any, parameters: dict[str, str], run_id: str | None, wait: bool, console: "Console"
) -> "RunSummary":
    from pipeline.metadata import LineageStore
    from pipeline.progress import Progress
    from pipeline.runners.local import LocalRunner
    from pipeline.runners.registry import build_document
    from pipeline.runners.warm import WarmProcess
    from pipeline.staging import stage_inputs
    from pipeline.summary import summarise

    store = _store(settings)
    if not wait:
        store.check_free()
    progress = Progress(console)
    progress.begin("Loading TensorFlow and TFX")
    log_path = settings.root / "logs" / "compile.log"
    try:
        warm = WarmProcess(settings.root / "logs" / "warm.log")
        document = warm.call(build_document, "local", settings, plan, log_path=log_path)
        progress.end()
        console.print(
            f"{document.pipeline_name}: {len(document.node_ids)} nodes, into {settings.root}", highlight=False
        )
        stage_inputs(settings, plan)
        runner = LocalRunner(store, warm, on_event=progress.show, run_id=run_id, wait=wait)
        handle = runner.submit(document, parameters)
    finally:
        progress.end()
    return summarise(store.read(handle.run_id), LineageStore(store.metadata_uri))


@app.command()
def runs(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """List the runs, newest first."""
    from rich.table import Table

    records = _store(_load(config, overrides)).runs()
    console = _console()
    if not records:
        console.print("There are no runs yet. Start one with: penstock run")
        return
    table = Table("run", "pipeline", "state", "started", "nodes", box=None, pad_edge=False)
    for record in records:
        done = sum(node.state != "FAILED" for node in record.nodes)
        table.add_row(
            record.run_id,
            record.pipeline_name,
            record.state.lower(),
            record.started_at,
            f"{done}/{len(record.node_ids)}",
        )
    console.print(table)


@app.command()
def show(run_id: RunArgument = "latest", config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Show one run: its nodes, what each made and where, and what came of it."""
    from rich.table import Table

    from pipeline.metadata import LineageStore
    from pipeline.summary import summarise, summary_lines

    settings = _load(config, overrides)
    store = _store(settings)
    record = _find_run(store, run_id)
    lineage = LineageStore(store.metadata_uri)
    console = _console()
    outputs = lineage.outputs_of_run(record.run_id)
    table = Table("node", "state", "wall s", "cpu s", "output", "where", box=None, pad_edge=False)
    for node_id in record.node_ids:
        node = record.node(node_id)
        made = [artifact for artifact in outputs if artifact.node_id == node_id]
        cells = (node.state.lower(), f"{node.wall_s:.1f}", f"{node.cpu_s:.1f}") if node else ("not run", "", "")
        table.add_row(node_id, *cells, made[0].key if made else "", made[0].uri if made else "")
        for artifact in made[1:]:
            table.add_row("", "", "", "", artifact.key, artifact.uri)
    console.print(table)
    _print_pairs(console, summary_lines(summarise(record, lineage)))
    for node in record.nodes:
        if node.failure:
            _error_console().print(f"\n{node.node_id}: {node.failure}", highlight=False, markup=False)
            _error_console().print(f"log: {store.log_path(record.run_id, node.node_id)}", highlight=False)


@app.command()
def plan(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Show how every column will be used, and why, without running anything."""
    from rich.table import Table

    from pipeline.feature_planning import describe_plan
    from pipeline.planning import make_plan

    settings = _load(config, overrides)
    made = make_plan(settings)
    console = _console()
    header, *rows = describe_plan(made.features)
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print(f"\ndata: {made.input_base}/{made.input_pattern}", highlight=False)
    console.print(f"schema: {settings.schema_.path or 'inferred on each run (penstock schema accept freezes it)'}")
    for note in made.notes:
        console.print(f"note: {note}", highlight=False)
    console.print("To use a column otherwise: features.kinds in the configuration.")


@app.command("sample-data")
def sample_data(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; .gz is understood.")] = Path(
        "data/reviews.tsv"
    ),
    rows: Annotated[int, typer.Option(help="Good rows.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 42,
) -> None:
    """Write the sample: product reviews, made by a seeded generator that knows the best reachable accuracy."""


@app.command()
def doctor(
    root: Annotated[Path, typer.Option(help="The folder that runs are kept in.")] = Path(".penstock"),
) -> None:
    """Check this machine and environment, and say what to do about each finding."""
    from pipeline.doctor.diagnosis import diagnose
    from pipeline.doctor.findings import has_problem, render

    findings = diagnose(root)
    typer.echo(render(findings))
    if has_problem(findings):
        raise typer.Exit(1)


def _load(path: Path, overrides: list[str] | None) -> "Config":
    from pipeline.config import load_config

    return load_config(path, overrides or [])


def _store(settings: "Config") -> "RunStore":
    from pipeline.run_store import RunStore

    return RunStore(settings.root)


def _find_run(store: "RunStore", run_id: str) -> "RunRecord":
    if run_id != "latest":
        return store.read(run_id)
    records = store.runs()
    if not records:
        from pipeline.errors import NotFound

        raise NotFound(f"There are no runs under {store.root} yet; start one with: penstock run")
    return records[0]


def _pairs(items: list[str]) -> dict[str, str]:
    from pipeline.errors import ConfigError

    wrong = [item for item in items if "=" not in item]
    if wrong:
        raise ConfigError([f"--param {item}: expected NAME=VALUE." for item in wrong])
    return dict(item.split("=", 1) for item in items)


def _print_summary(console: "Console", summary: "RunSummary", config_file: str) -> None:
    from pipeline.summary import next_steps, summary_lines

    console.print()
    _print_pairs(console, summary_lines(summary))
    console.print("\nnext:", highlight=False)
    for step in next_steps(summary, config_file):
        console.print(f"  {step}", highlight=False, markup=False, soft_wrap=True)


def _print_pairs(console: "Console", pairs: list[tuple[str, str]]) -> None:
    for name, text in pairs:
        console.print(f"{name:<10} {text}", highlight=False, markup=False, soft_wrap=True)


def _console() -> "Console":
    from rich.console import Console

    return Console()


def _error_console() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


def main() -> None:
    """Runs the command line; a user's mistake is a message and an exit code, never a traceback."""
    from components.errors import ComponentError
    from pipeline.errors import PenstockError

    try:
        app()
    except PenstockError as error:
        sys.stderr.write(f"{error}\n")
        log_file = getattr(error, "log_file", "")
        if log_file:
            sys.stderr.write(f"Whole log: {log_file}\n")
        sys.exit(error.exit_code)
    except ComponentError as error:  # met while planning, before any node ran
        sys.stderr.write(f"{error}\n")
        sys.exit(4)


if __name__ == "__main__":
    main()
