"""The `penstock` command. Each verb imports what it needs when it runs: `penstock --help` must stay instant.

Exit codes: 0 done · 1 a defect of ours · 2 wrong configuration or environment · 3 a node failed · 4 the data was
refused · 5 the run completed, the model was not pushed · 6 the store is in use · 130 interrupted.
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipeline.cli_options import (
    DEFAULT_CONFIG,
    ConfigOption,
    RunArgument,
    SetOption,
    command_line,
    echo_table,
    find_run,
    load,
    near,
    store_of,
)
from pipeline.cli_schema import schema_app

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.config import Config
    from pipeline.definition import Plan
    from pipeline.run_store import RunStore
    from pipeline.summary import RunSummary

app = typer.Typer(
    name="penstock",
    help="One TFX pipeline from a table to a gated, pushed model.",
    epilog="Exit codes: 0 done, 1 a defect of ours, 2 wrong configuration or environment, 3 a node failed, "
    "4 data refused, 5 not pushed, 6 store in use, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a quarter of a second
)
app.add_typer(schema_app, name="schema")


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
    from rich.console import Console

    from pipeline.errors import EXIT_NOT_PUSHED, RunInterrupted
    from pipeline.metadata import LineageStore
    from pipeline.planning import make_plan
    from pipeline.runners.registry import capabilities_of

    capabilities_of(runner)
    parameters = _pairs(param or [])
    settings = load(config, overrides)
    store = store_of(settings)
    _check_free(store, wait=wait)
    LineageStore(store.metadata_uri).check()
    plan = make_plan(settings)
    _echo_notes(plan)
    try:
        summary = _run_locally(settings, plan, parameters, run_id, wait, Console(highlight=False))
    except RunInterrupted as stop:
        again = [] if run_id else ["--run-id", stop.run_id]
        raise RunInterrupted(
            f"{stop} Continue it with: {command_line(*sys.argv[1:], *again)}", run_id=stop.run_id
        ) from None
    _echo_summary(summary, config, overrides or [])
    if not summary.is_pushed:
        raise typer.Exit(EXIT_NOT_PUSHED)


def _check_free(store: "RunStore", *, wait: bool) -> None:
    """Says who holds the store before anything slow is begun; with `wait` the run then waits for its turn."""
    from pipeline.errors import StoreBusy

    try:
        store.check_free()
    except StoreBusy as busy:
        if not wait:
            raise
        typer.echo(f"{str(busy).split('. ')[0]}; waiting for it to end.")


def _run_locally(
    settings: "Config", plan: "Plan", parameters: dict[str, str], run_id: str | None, wait: bool, console: "Console"
) -> "RunSummary":
    from pipeline.metadata import LineageStore
    from pipeline.progress import Progress
    from pipeline.runners.local import LocalRunner
    from pipeline.runners.registry import build_document
    from pipeline.runners.warm import WarmProcess
    from pipeline.staging import stage_inputs
    from pipeline.summary import summarise

    store, progress, logs = store_of(settings), Progress(console), settings.root / "logs"
    try:
        progress.begin("loading TensorFlow and TFX")
        warm = WarmProcess(logs / "warm.log")
        document = warm.call(build_document, "local", settings, plan, log_path=logs / "compile.log")
        progress.end()
        typer.echo(
            f"{document.pipeline_name}: {len(document.node_ids)} nodes, everything goes to {near(settings.root)}"
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
    store = store_of(load(config, overrides))
    records = store.runs()
    for path in store.damaged():
        typer.echo(f"note: {path} is not the record of a run; delete the folder of that run.", err=True)
    if not records:
        typer.echo("There are no runs yet. Start one with: penstock run")
        return
    rows = [("run", "pipeline", "state", "started", "nodes")]
    for record in records:
        done = sum(node.state != "FAILED" for node in record.nodes)
        nodes = f"{done}/{len(record.node_ids)}"
        rows.append((record.run_id, record.pipeline_name, record.state.lower(), record.started_at, nodes))
    echo_table(rows)


@app.command()
def show(run_id: RunArgument = "latest", config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Show one run: its nodes, what each made and where, and what came of it."""
    from pipeline.metadata import LineageStore
    from pipeline.summary import node_rows, summarise, summary_lines

    settings = load(config, overrides)
    store = store_of(settings)
    record, lineage = find_run(store, run_id, settings), LineageStore(store.metadata_uri)
    echo_table(node_rows(record, lineage.outputs_of_run(record.run_id)))
    typer.echo()
    _echo_pairs(summary_lines(summarise(record, lineage)))
    for node in record.nodes:
        if node.failure:
            typer.echo(f"\n{node.node_id}: {node.failure}\nWhole log: {store.log_path(record.run_id, node.node_id)}")


@app.command()
def plan(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """Show how every column will be used, and why, without running anything."""
    from pipeline.feature_planning.planner import describe_plan
    from pipeline.planning import make_plan

    settings = load(config, overrides)
    made = make_plan(settings)
    echo_table(describe_plan(made.features))
    typer.echo(f"\ndata: {made.input_base}/{made.input_pattern}")
    typer.echo(f"schema: {settings.schema_.path or 'inferred on each run; penstock schema infer makes one to review'}")
    _echo_notes(made)
    typer.echo("To use a column otherwise, set features.kinds or features.exclude in the configuration.")


@app.command("sample-data")
def sample_data(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; .gz is understood.")] = Path(
        "data/reviews.tsv"
    ),
    file_format: Annotated[str | None, typer.Option("--format", help="tsv, csv or parquet; else by the name.")] = None,
    rows: Annotated[int, typer.Option(help="Good rows.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 42,
    drift_category_mix: Annotated[float, typer.Option(help="0 to 1: shares of the categories move.")] = 0.0,
    drift_vocabulary: Annotated[float, typer.Option(help="0 to 1: share of words replaced by new ones.")] = 0.0,
    drift_label: Annotated[float, typer.Option(help="0 to 1: the distribution of stars turns round.")] = 0.0,
    bias_category: Annotated[str | None, typer.Option(help="This category is rated lower for equal text.")] = None,
    bias_strength: Annotated[float, typer.Option(help="0 to 1: share of its reviews that lose a star.")] = 0.0,
    broken_rows: Annotated[int, typer.Option(help="Unreadable rows, put between the good ones.")] = 0,
) -> None:
    """Write the sample: product reviews by a seeded generator that knows the best reachable accuracy."""
    from pipeline.sample_data.options import BiasOptions, DriftOptions, ReviewsOptions
    from pipeline.sample_data.write import write_reviews

    options = ReviewsOptions(
        rows=rows,
        seed=seed,
        drift=DriftOptions(category_mix=drift_category_mix, vocabulary=drift_vocabulary, label=drift_label),
        bias=BiasOptions(category=bias_category, strength=bias_strength),
        broken_rows=broken_rows,
    )
    report = write_reviews(output, options, file_format)  # type: ignore[arg-type]  # checked there
    broken = f" and {report.broken_rows:,} broken ones" if report.broken_rows else ""
    typer.echo(f"Wrote {report.path}: {report.rows:,} reviews{broken}, {report.size_bytes / 1e6:,.1f} MB.")
    typer.echo(
        f"Best reachable accuracy {report.best_accuracy:.3f}; "
        f"always answering the most common rating gives {report.majority_accuracy:.3f}."
    )


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
        raise typer.Exit(2)


def _pairs(items: list[str]) -> dict[str, str]:
    from pipeline.errors import ConfigError

    wrong = [item for item in items if "=" not in item]
    if wrong:
        raise ConfigError([f"--param {item}: expected NAME=VALUE." for item in wrong])
    return dict(item.split("=", 1) for item in items)


def _echo_notes(plan: "Plan") -> None:
    for note in plan.notes:
        typer.echo(f"note: {note}")


def _echo_summary(summary: "RunSummary", config: Path, overrides: list[str]) -> None:
    from pipeline.summary import summary_lines

    typer.echo()
    _echo_pairs(summary_lines(summary))
    same = [] if config == DEFAULT_CONFIG else ["--config", str(config)]
    same += [f"--set={item}" for item in overrides]
    typer.echo("\nnext:")
    typer.echo(f"  {command_line('show', summary.run.run_id, *same)}\n      what each node made, and where")
    if summary.pushed_to is not None:
        reader = near(Path(sys.executable).with_name("saved_model_cli"))
        typer.echo(f"  {reader} show --dir {near(summary.pushed_to)} --all\n      the model's signatures")
        typer.echo(f"  {command_line('run', *same)}\n      again: what is unchanged comes from the cache")
    else:
        typer.echo(f"  {command_line('run', *same)}\n      after changing data, model or the demands named above")


def _echo_pairs(pairs: list[tuple[str, str]]) -> None:
    for name, text in pairs:
        typer.echo(f"{name:<10} {near(text) if name == 'model' and os.path.isabs(text) else text}")


def main() -> None:
    """Runs the command line; a user's mistake is a message and an exit code, never a traceback."""
    from components.errors import ComponentError
    from pipeline.errors import ConfigError, DataRefused, PenstockError, RunInterrupted

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except PenstockError as error:
        log_file = getattr(error, "log_file", "")
        _fail(f"{error}\nWhole log: {log_file}" if log_file else str(error), error.exit_code)
    except ComponentError as error:  # met while planning, before any node ran
        _fail(str(error), DataRefused.exit_code)
    except KeyboardInterrupt:
        _fail("Interrupted.", RunInterrupted.exit_code)
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        _fail(f"{error.filename or 'A file'}: {error.strerror or error}.", ConfigError.exit_code)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _fail(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
