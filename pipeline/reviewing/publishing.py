"""Answers become a new span: the latest span's rows with the labels that people corrected, and what they labelled.

answers ──► places in the latest span        → labels there, all other bytes as they are
        ├─► places in earlier spans' files   → rows added
        ├─► places in the file of rows to label → rows added
        └─► nowhere any more                 → told, not published
"""

import dataclasses
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from components.arrow_example_gen.source_files import file_format, resolve_input
from components.errors import BadData
from components.human_review.answers import Answer, Answers
from components.human_review.queue import Origin
from pipeline.config import Config
from pipeline.definition import read_options
from pipeline.errors import ConfigError
from pipeline.planning import split_input_path
from pipeline.reviewing.delimited_copy import Copied
from pipeline.reviewing.new_span import Edit, write_span
from pipeline.reviewing.placing import Place, find_rows
from pipeline.reviewing.record import ReviewRecord
from pipeline.reviewing.span_files import check_has_span, next_span, targets


@dataclasses.dataclass(frozen=True)
class Request:
    """What to write.

    Attributes:
      span: its number; None = one more than the latest.
      output: a file to write instead of a span.
      answers_only: only the answered rows, not the others of the latest span.
    """

    span: int | None = None
    output: Path | None = None
    answers_only: bool = False


@dataclasses.dataclass(frozen=True)
class Placed:
    """Where the answers' rows are.

    Attributes:
      changes: file of the latest span → place of each row in it that has an answer.
      added: one place for each answer whose row is elsewhere.
      lost: answers whose row is in no file any more.
    """

    changes: Mapping[str, Sequence[Place]]
    added: Sequence[Place]
    lost: Sequence[Answer]


@dataclasses.dataclass(frozen=True)
class Published:
    """What was written, in rows.

    Attributes:
      span: the new span, None for a file of its own.
      paths: the files.
      before: rows of the latest span.
      left_out: of these, those that are not in the new one (with `answers_only`).
      corrected: rows whose label was changed.
      confirmed: rows whose label a new answer says too.
      added: rows that the latest span did not have.
      after: rows of the new span: before - left_out + added.
      lost: answers whose row is in no file any more.
    """

    span: int | None
    paths: tuple[str, ...]
    before: int
    left_out: int
    corrected: int
    confirmed: int
    added: int
    after: int
    lost: tuple[Answer, ...]

    def counts(self) -> dict[str, object]:
        """Everything but what is lost, as plain JSON."""
        return {**{name: value for name, value in vars(self).items() if name != "lost"}, "paths": list(self.paths)}


def publish(config: Config, record: ReviewRecord, request: Request, by: str) -> Published | None:
    """Writes the answers into a new span, and notes it; None if every answer was published before.

    Rows of the latest span get the label that a person said, whether that answer was published before or not; rows
    are added for answers that no span holds. With `answers_only`, answers that were published before do not count.

    Raises:
      ConfigError: there is nowhere to put a span, something is there, or a value does not fit the file.
      BadData: the data cannot be read.
      RowsLost: the files do not hold what they should; nothing was published.
    """
    answers = record.answers()
    fresh = answers.unpublished()
    if not fresh:
        return None
    if request.output is None:
        check_has_span(config.data.path)
    base, pattern = split_input_path(config.data.path)
    files = resolve_input(base, pattern, config.data.span).files
    if "tfrecord" in {file_format(path, read_options(config)) for path in files}:
        raise ConfigError([f"{files[0]}: answers can be put into CSV, TSV and Parquet files, not into TFRecord."])
    old = [] if request.answers_only else [answer for answer in answers.in_order() if answer not in fresh]
    placed = place(config, answers, [*fresh, *old], files)
    lost = [answer for answer in placed.lost if answer in fresh]
    if len(lost) == len(fresh):
        raise ConfigError([_lost_sentence(answer) for answer in lost[:10]])
    finals, span = _finals(base, pattern, files, request, placed)
    taken = [answer for answer in [*fresh, *old] if answer not in placed.lost]
    edit = Edit(
        labels={answer.row: answer.label for answer in taken},
        origins={answer.row: answers.origins[answer.asked] for answer in taken},
        changes=placed.changes,
        added=placed.added,
        only_answered=request.answers_only,
    )
    copied = write_span(files, finals, edit)
    done = _counted(edit, copied, {answer.row for answer in fresh}, span, tuple(finals.values()), tuple(lost))
    record.mark_published({"by": by, **done.counts(), "rows": {answer.row: answer.entry for answer in taken}})
    return done


def place(config: Config, answers: Answers, of: Sequence[Answer], files: Sequence[str]) -> Placed:
    """Finds the row of each answer: in the latest span, else in the span that its run read, else where it was asked.

    Args:
      config: where the data lies.
      answers: all.
      of: those to place; one that a span held before is not looked for outside of the latest span.
      files: of the latest span.
    """
    changes: dict[str, list[Place]] = {}
    added: dict[str, Place] = {}
    missing: dict[str, Answer] = {answer.row: answer for answer in of}
    for origin, rows in _by_origin(answers, of):
        for found in find_rows(files, origin, rows, any_format=False):
            changes.setdefault(found.file, []).append(found)
            missing.pop(found.row, None)
    outside = {answer.row for answer in answers.outside_spans()}
    for origin, rows in _by_origin(answers, [answer for answer in missing.values() if answer.row in outside]):
        elsewhere, any_format = _elsewhere(config, origin)
        for found in find_rows(elsewhere, origin, rows, any_format=any_format) if elsewhere else ():
            added.setdefault(found.row, found)
            missing.pop(found.row, None)
    return Placed(changes, list(added.values()), list(missing.values()))


def _by_origin(answers: Answers, of: Iterable[Answer]) -> list[tuple[Origin, frozenset[str]]]:
    grouped: dict[int, set[str]] = {}
    for answer in of:
        grouped.setdefault(answer.asked, set()).add(answer.row)
    return [(answers.origins[number], frozenset(rows)) for number, rows in grouped.items()]


def _elsewhere(config: Config, origin: Origin) -> tuple[Sequence[str], bool]:
    """Files that may hold a row which the latest span does not; whether their format goes by their names."""
    if origin.path is not None:
        return ([origin.path] if os.path.isfile(origin.path) else []), True
    base, pattern = split_input_path(config.data.path)
    try:
        return resolve_input(base, pattern, origin.span).files, False
    except BadData:  # that span is not there any more
        return (), False


def _finals(
    base: str, pattern: str, files: Sequence[str], request: Request, placed: Placed
) -> tuple[dict[str, str], int | None]:
    """File of the latest span → the file to write; rows that are added go to the last."""
    needed = [path for path in files if path in placed.changes] if request.answers_only else list(files)
    if placed.added and files[-1] not in needed:
        needed.append(files[-1])
    if request.output is None:
        span = next_span(base, pattern, request.span)
        return targets(base, pattern, needed, span), span
    if len(needed) > 1:
        raise ConfigError(
            [f"The rows are in {len(needed)} files, and --output is one. Give data.path a {{SPAN}}, or merge them."]
        )
    if os.path.lexists(request.output):
        raise ConfigError([f"{request.output}: is there already; choose another --output."])
    if Path(needed[0]).suffixes[-1:] != request.output.suffixes[-1:]:
        raise ConfigError(
            [f"--output {request.output}: the rows are in {needed[0]}, and stay in its format; end the name alike."]
        )
    return {needed[0]: str(request.output.absolute())}, None


def _counted(
    edit: Edit,
    copied: Copied,
    fresh: Collection[str],
    span: int | None,
    paths: tuple[str, ...],
    lost: tuple[Answer, ...],
) -> Published:
    found = [item for items in edit.changes.values() for item in items]
    corrected = [item for item in found if item.label != edit.labels[item.row]]
    agreed = [item for item in found if item.label == edit.labels[item.row] and item.row in fresh]
    return Published(
        span=span,
        paths=paths,
        before=copied.before,
        left_out=copied.before + len(edit.added) - copied.after,
        corrected=len(corrected),
        confirmed=len(agreed),
        added=len(edit.added),
        after=copied.after,
        lost=lost,
    )


def _lost_sentence(answer: Answer) -> str:
    return (
        f"Row {answer.row} ({answer.label!r} by {answer.by}, run '{answer.run}') is in no file any more: not in the "
        "latest span, not in the one that its run read, and in no file of rows to label. Put the file back."
    )
