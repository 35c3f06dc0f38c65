"""The verbs by which people label rows: `penstock review`, and `export`, `import`, `status`, `publish` below it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    RunArgument,
    SetOption,
    command_line,
    echo_pairs,
    echo_table,
    load,
    near,
)
from pipeline.cli.platform import WhoseRunsOption, view_of

if TYPE_CHECKING:
    from components.human_review.queue import Queue
    from pipeline.config import Config
    from pipeline.reviewing.record import ReviewRecord

ByOption = Annotated[str | None, typer.Option(metavar="NAME", help="Who answers; else the user who runs this.")]

_ASK = "ask"


class _AsksByDefault(TyperGroup):
    """Takes `penstock review [RUN]` for `penstock review ask [RUN]`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the verb in where none is named."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [_ASK, *args]
        return super().parse_args(ctx, args)


review_app = typer.Typer(
    cls=_AsksByDefault,
    help="Label the rows that the model is least sure of: penstock review [RUN] asks row by row.",
    rich_markup_mode=None,
)


@review_app.command(_ASK)
def ask(
    run_id: RunArgument = "latest",
    by: ByOption = None,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Ask row by row in the terminal (what `penstock review [RUN]` does)."""
    import shutil

    from pipeline.errors import ConfigError
    from pipeline.reviewing.record import open_questions, who
    from pipeline.reviewing.session import Session, Terminal

    settings = load(config, overrides)
    name, queue = _queue(settings, runner, run_id)
    record = _record(settings, runner)
    questions = open_questions(queue, record.answers())
    if not questions:
        typer.echo(_nothing_to_ask(queue))
        return
    typer.echo(f"{len(questions)} rows of run '{name}', the least confident first.")
    width = shutil.get_terminal_size((100, 24)).columns
    outcome = Session(name, queue, record, by or who(), Terminal(_line, typer.echo, width)).ask(questions)
    if not outcome.was_heard and not sys.stdin.isatty():
        export = command_line("review", "export", "rows.csv", name)
        raise ConfigError(
            [f"There is no terminal to ask on, and nothing on the input. Fill in a file instead: {export}"]
        )
    typer.echo(f"\n{outcome.answered} answered, {outcome.skipped} skipped.")
    _echo_what_next(record)


@review_app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The file to write.")],
    run_id: RunArgument = "latest",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write the rows that nobody has answered to a CSV file, with a column to fill in."""
    from pipeline.errors import ConfigError
    from pipeline.reviewing.record import open_questions
    from pipeline.reviewing.sheet import dump_sheet

    settings = load(config, overrides)
    name, queue = _queue(settings, runner, run_id)
    if file.exists() and not force:
        raise ConfigError([f"{file} is there already, perhaps filled in by somebody. Replace it with --force."])
    questions = open_questions(queue, _record(settings, runner).answers())
    if not questions:
        typer.echo(_nothing_to_ask(queue))
        return
    # Spreadsheets know UTF-8 by the mark at the beginning.
    file.write_text(dump_sheet(queue, questions), encoding="utf-8-sig", newline="")
    typer.echo(f"Wrote {file}: {len(questions)} rows. Classes are {', '.join(queue.origin.classes)}.")
    back = command_line("review", "import", str(file), name, "--by")
    typer.echo(f"Fill in the column 'label' (and 'note'), leave empty what you cannot tell; then: {back} NAME")


@review_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The file that was filled in.")],
    run_id: RunArgument = "latest",
    by: ByOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace answers that are on record.")] = False,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Put the answers of a filled-in file on record: all of them, or none if anything in the file is wrong."""
    from pipeline.reviewing.record import who
    from pipeline.reviewing.sheet import read_sheet

    settings = load(config, overrides)
    name, queue = _queue(settings, runner, run_id)
    record = _record(settings, runner)
    filled = read_sheet(file, queue, record.answers().standing, replace=replace)
    if filled.answers:
        record.add(name, queue, filled.answers, by=by or who(), via=file.name, replace=replace)
    typer.echo(
        f"{len(filled.answers)} answers recorded, {filled.unchanged} were on record before, {filled.empty} rows have "
        "no label."
    )
    _echo_what_next(record)


@review_app.command()
def status(
    run_id: RunArgument = "latest",
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Show how many rows wait, and every answer; checks that the record is whole."""
    from pipeline.reviewing.record import open_questions

    settings = load(config, overrides)
    name, queue = _queue(settings, runner, run_id)
    record = _record(settings, runner)
    answers = record.answers()
    fresh = {answer.row for answer in answers.unpublished()}
    waiting = len(open_questions(queue, answers))
    echo_pairs(
        [
            ("run", name),
            (
                "queue",
                f"{len(queue.questions)} rows of {queue.below} below {queue.threshold:g}; {waiting} not answered",
            ),
            ("answers", f"{len(answers.standing)}, {len(fresh)} of them in no published span yet"),
            ("record", f"{near(record.ledger.path)}; it is whole, its head is {record.ledger.head}"),
        ]
    )
    rows = [("row", "label", "given", "predicted", "who", "when", "run", "published", "note")]
    for answer in sorted(answers.standing.values(), key=lambda item: (item.entry, item.row)):
        is_published = "no" if answer.row in fresh else "yes"
        said = (answer.row, answer.label, answer.given or "", answer.predicted, answer.by, answer.at, answer.run)
        rows.append(tuple(_one_line(cell) for cell in (*said, is_published, answer.note)))  # type: ignore[arg-type]
    if len(rows) > 1:
        typer.echo()
        echo_table(rows)
    if fresh:
        _echo_what_next(record)


@review_app.command()
def publish(
    span: Annotated[int | None, typer.Option(help="Number of the new span; else one more than the latest.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write this file, and no span.")] = None,
    answers_only: Annotated[bool, typer.Option("--answers-only", help="Only the answered rows.")] = False,
    by: ByOption = None,
    runner: WhoseRunsOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
) -> None:
    """Write a new span of the data: the latest one's rows with the labels corrected, and the rows newly labelled."""
    from pipeline.reviewing.publishing import Request, publish
    from pipeline.reviewing.record import who

    settings = load(config, overrides)
    _check_publishable(settings, output)
    record = _record(settings, runner)
    done = publish(settings, record, Request(span, output, answers_only), by or who())
    if done is None:
        said = "Every answer was published before." if record.answers().standing else "Nobody has answered a row yet."
        typer.echo(f"{said} To answer rows: {command_line('review')}")
        return
    where = ", ".join(near(path) for path in done.paths)
    typer.echo(f"Wrote {where if done.span is None else f'span {done.span}: {where}'}")
    echo_pairs(
        [
            ("before", f"{done.before:,} rows"),
            ("left out", f"{done.left_out:,} rows"),
            ("corrected", f"{done.corrected:,} rows"),
            ("confirmed", f"{done.confirmed:,} rows whose label stays"),
            ("added", f"{done.added:,} rows"),
            ("after", f"{done.after:,} rows"),
        ]
    )
    for answer in done.lost:
        typer.echo(f"note: row {answer.row} is in no file any more; its answer is not published.", err=True)
    if done.span is not None and settings.data.span is not None:
        typer.echo(f"note: data.span is {settings.data.span}; take it out to read the new span.", err=True)
    if done.span is not None:
        typer.echo(f"Train on it: {command_line('run')}")


def _record(settings: "Config", runner: str | None) -> "ReviewRecord":
    """The answers about rows of runs here, or with a platform's runner about those of runs there."""
    from pipeline.platform_root import reached_root
    from pipeline.reviewing.record import ReviewRecord

    root = reached_root(runner, settings)
    return ReviewRecord(settings if root is None else root.config)


def _check_publishable(settings: "Config", output: Path | None) -> None:
    """Raises ConfigError where the files of the latest span are not files of this machine."""
    from pipeline.errors import ConfigError

    if "://" in settings.data.path:
        where = f" Copy the latest span here, and set data.path to the copy; then put {output or 'the new span'} there."
        raise ConfigError(
            [f"data.path is {settings.data.path}, and a span is written from files of this machine.{where}"]
        )


def _queue(settings: "Config", runner: str | None, run_id: str) -> tuple[str, "Queue"]:
    """A run's id, and its queue.

    Raises:
      NotFound: there is no such run, or it has no queue.
    """
    from pipeline.errors import NotFound

    view = view_of(settings, runner, run_id)
    name, found = view.record.run_id, view.review
    if found.value is None:
        runs = command_line("runs")
        raise NotFound(f"Run '{name}' has no rows to review: {found.reason} Name another run; all: {runs}")
    return name, found.value


def _nothing_to_ask(queue: "Queue") -> str:
    if queue.remarks and not queue.questions:
        return " ".join(queue.remarks)
    if not queue.below:
        return f"No prediction of this run is below {queue.threshold:g}; there is nothing to ask."
    return "Every row of the queue is answered. What to do with the answers: penstock review publish"


def _echo_what_next(record: "ReviewRecord") -> None:
    count = len(record.answers().unpublished())
    if count:
        typer.echo(f"{count} answers are in no span of the data yet. To make one: {command_line('review', 'publish')}")


def _line() -> str | None:
    """The next line of the input, None at its end."""
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def _one_line(text: str) -> str:
    from pipeline.terminal_text import inert_line

    return inert_line(text)
