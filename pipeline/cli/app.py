"""The `penstock` command. Each verb imports what it needs when it runs: `penstock --help` must stay instant.

Exit codes: 0 done · 1 a defect of ours · 2 wrong configuration or environment · 3 a node failed · 4 the data was
refused · 5 the run completed, the model was not pushed · 6 the store is in use · 7 a run could not be reproduced ·
8 the model waits for a person's approval · 9 a platform did not do what was asked · 10 the lineage store's server does
not answer · 130 interrupted.
"""

import errno
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipeline.cli.approve import approvals, approve, reject
from pipeline.cli.card import card
from pipeline.cli.compile import compile_document
from pipeline.cli.cost import cost
from pipeline.cli.deploy import deploy, traffic
from pipeline.cli.diff import diff
from pipeline.cli.explain_cache import explain_cache
from pipeline.cli.gc import gc
from pipeline.cli.image import image_app
from pipeline.cli.infra import infra_app
from pipeline.cli.lineage import lineage
from pipeline.cli.logs import logs
from pipeline.cli.models import models, promote, rollback
from pipeline.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    RunArgument,
    SetOption,
    echo_pairs,
    echo_table,
    load,
    store_of,
)
from pipeline.cli.platform import WhoseRunOption, view_of
from pipeline.cli.quality import quality_app
from pipeline.cli.remote import resume, status, stop, submit
from pipeline.cli.report import report
from pipeline.cli.reproduce import reproduce
from pipeline.cli.review import review_app
from pipeline.cli.run import run, with_run_named
from pipeline.cli.schedule import schedule
from pipeline.cli.schema import schema_app
from pipeline.cli.start import echo_notes
from pipeline.cli.try_node import try_node
from pipeline.cli.verify import keys_app, verify
from pipeline.terminal_text import inert

if TYPE_CHECKING:
    from pipeline.config import Config

app = typer.Typer(
    name="penstock",
    help="One TFX pipeline from a table to a gated, pushed model.",
    epilog="Exit codes: 0 done, 1 a defect of ours, 2 wrong configuration or environment, 3 a node failed, "
    "4 data refused, 5 not pushed, 6 store in use, 7 not reproduced, 8 waiting for approval, 9 refused by a platform, "
    "10 store's server unreachable, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a quarter of a second
)
app.add_typer(schema_app, name="schema")
app.add_typer(quality_app, name="quality")
app.add_typer(review_app, name="review")
app.add_typer(keys_app, name="keys")
app.add_typer(infra_app, name="infra")
app.add_typer(image_app, name="image")
app.command()(run)
app.command("try")(try_node)
app.command("compile")(compile_document)
app.command()(approve)
app.command()(reject)
app.command()(approvals)
app.command()(models)
app.command()(promote)
app.command()(rollback)
app.command()(deploy)
app.command()(traffic)
app.command()(verify)
app.command()(report)
app.command()(card)
app.command("explain-cache")(explain_cache)
app.command()(logs)
app.command()(lineage)
app.command()(reproduce)
app.command()(gc)
app.command()(diff)
app.command()(cost)
app.command()(submit)
app.command()(status)
app.command()(stop)
app.command()(resume)
app.command()(schedule)


@app.command()
def runs(config: ConfigOption = DEFAULT_CONFIG, overrides: SetOption = None) -> None:
    """List the runs, newest first."""
    from pipeline.summary import state_text

    settings = load(config, overrides)
    store = store_of(settings)
    for path in store.damaged():
        typer.echo(f"note: {path} is not the record of a run; delete the folder of that run.", err=True)
    rows: list[tuple[str, ...]] = []
    for record in store.runs():
        done = sum(node.succeeded for node in record.nodes)
        nodes = f"{done}/{len(record.node_ids)}"
        rows.append((record.run_id, record.pipeline_name, state_text(record.state), record.started_at, nodes))
    rows += _submitted_rows(settings)
    if not rows:
        typer.echo("There are no runs yet. Start one with: penstock run")
        return
    rows.sort(key=lambda row: row[3], reverse=True)
    echo_table([("run", "pipeline", "state", "started", "nodes"), *rows])


def _submitted_rows(settings: "Config") -> list[tuple[str, ...]]:
    """The runs on platforms that were submitted from this folder; only the platform knows their state."""
    if settings.aws is None and settings.kubeflow is None:
        return []
    from pipeline.submissions import submitted

    return [
        (handle.run_id, handle.pipeline_name, f"on {handle.runner}", handle.submitted_at, "penstock status")
        for handle in submitted(store_of(settings))
    ]


@app.command()
def show(
    run_id: RunArgument = "latest",
    runner: WhoseRunOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show one run: its nodes, what each made and where, and what came of it."""
    from pipeline.summary import node_rows, summarise, summary_lines

    view = view_of(load(config, overrides), runner, run_id)
    record, lineage = view.record, view.lineage
    echo_table(node_rows(record, lineage.outputs_of_run(record.run_id, record.pipeline_name)))
    typer.echo()
    echo_pairs(summary_lines(summarise(record, lineage, view.folder_of)))
    for node in record.nodes:
        if node.failure:
            log = view.store.log_path(record.run_id, node.node_id, node.attempt)
            whole_log = f"\nWhole log: {log}" if log.is_file() else ""
            typer.echo(f"\n{node.node_id}: {inert(node.failure)}{whole_log}")


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
    echo_notes(made)
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


def main() -> None:
    """Runs the command line; a user's mistake is a message and an exit code, never a traceback."""
    from components.errors import ComponentError
    from components.ledger.s3_object import LedgerUnreachable
    from components.model_approval.decisions import DecisionRefused
    from components.model_registry.versions import ChangeRefused
    from pipeline.errors import ConfigError, DataRefused, PenstockError, PlatformRefused, RunInterrupted
    from pipeline.storage.errors import NotReached

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(args=with_run_named(sys.argv[1:]))
    except PenstockError as error:
        log_file = getattr(error, "log_file", "")
        _fail(f"{error}\nWhole log: {log_file}" if log_file else str(error), error.exit_code)
    except (DecisionRefused, ChangeRefused) as error:
        _fail(str(error), ConfigError.exit_code)
    except (NotReached, LedgerUnreachable) as error:
        _fail(str(error), PlatformRefused.exit_code)
    except ComponentError as error:  # met while planning, before any node ran
        _fail(str(error), DataRefused.exit_code)
    except KeyboardInterrupt:
        _fail("Interrupted.", RunInterrupted.exit_code)
    except BrokenPipeError:  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        _fail(f"{error.filename or 'A file'}: {error.strerror or error}.{_advice(error)}", ConfigError.exit_code)


def _advice(error: OSError) -> str:
    """What to do about an error of the operating system, with a space before it; empty where its words say it."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return " This user may not read or write it: ask its owner for the right, or name another place."
    if error.errno == errno.EROFS:
        return " It can only be read here: name another place, or mount it for writing."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return " Free some space (penstock gc removes what old runs left), and do the same again."
    return ""


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _fail(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"{inert(message)}\n")  # it may quote what people and data say
    sys.exit(exit_code)
