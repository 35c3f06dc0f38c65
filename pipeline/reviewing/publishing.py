"""Answers become a new span: the latest span's rows with the labels that people corrected, and what they labelled.

answers ──► places in the latest span        → labels there, all other bytes as they are
        ├─► places in earlier spans' files   → rows added
        ├─► places in the file of rows to label → rows added
        └─► nowhere any more                 → told, not published
"""

import contextlib
import dataclasses
import gzip
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.source_files import file_format, resolve_input
from components.errors import BadData
from components.human_review.answers import Answer, Answers
from components.human_review.queue import Origin
from pipeline.config import Config
from pipeline.definition import read_options
from pipeline.errors import ConfigError
from pipeline.planning import split_input_path
from pipeline.reviewing.delimited_copy import DIALECTS, Copied, copy_delimited
from pipeline.reviewing.parquet_copy import copy_parquet
from pipeline.reviewing.placing import Place, find_rows
from pipeline.reviewing.record import ReviewRecord
from pipeline.reviewing.span_files import check_has_span, next_span, staged, targets


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
      confirmed: rows whose label an answer says too.
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


class RowsLost(RuntimeError):
    """Rows read, kept, added and written do not add up: a defect of ours or of the disk."""


def publish(config: Config, record: ReviewRecord, request: Request, by: str) -> Published | None:
    """Writes the answers that no span holds yet into a new span, and notes it; None if there is no such answer.

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
    latest = resolve_input(base, pattern, config.data.span)
    formats = {file_format(path, read_options(config)) for path in latest.files}
    if "tfrecord" in formats:
        raise ConfigError(
            [f"{latest.files[0]}: answers can be put into CSV, TSV and Parquet files, not into TFRecord."]
        )
    labels = {answer.row: answer.label for answer in fresh}
    placed = place(config, answers, fresh, latest.files)
    if not placed.changes and not placed.added:
        raise ConfigError([_lost_sentence(answer) for answer in placed.lost[:10]])
    finals, span = _finals(base, pattern, latest.files, request, placed)
    copied = _write(latest.files, finals, placed, labels, answers, request)
    result = _counted(placed, labels, copied, span, tuple(dict.fromkeys(finals.values())))
    lost = {answer.row for answer in placed.lost}
    rows = {answer.row: answer.entry for answer in fresh if answer.row not in lost}
    counts = {key: getattr(result, key) for key in ("span", "before", "left_out", "corrected", "confirmed", "added")}
    record.mark_published({"by": by, **counts, "after": result.after, "paths": list(result.paths), "rows": rows})
    return result


def place(config: Config, answers: Answers, fresh: Iterable[Answer], files: Sequence[str]) -> Placed:
    """Finds the row of each answer: in the latest span, else in the span that its run read, else where it was asked."""
    changes: dict[str, list[Place]] = {}
    added: dict[str, Place] = {}
    missing: dict[str, Answer] = {answer.row: answer for answer in fresh}
    for origin, rows in _by_origin(answers, missing.values()):
        for found in find_rows(files, origin, rows, any_format=False):
            changes.setdefault(found.file, []).append(found)
            missing.pop(found.row, None)
    for origin, rows in _by_origin(answers, list(missing.values())):
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


def _write(
    files: Sequence[str],
    finals: Mapping[str, str],
    placed: Placed,
    labels: Mapping[str, str],
    answers: Answers,
    request: Request,
) -> Copied:
    """Writes the copies, reads them again, and puts them in their places."""
    before = after = 0
    origins = {answer.row: answers.origins[answer.asked] for answer in answers.standing.values()}
    with staged(list(finals.values())) as places:
        for source, final in finals.items():
            added = placed.added if source == files[-1] else ()
            origin = next(iter(origins[row] for row in labels))
            copied = copy_file(source, places[final], origin, placed, labels, added, request)
            _check(places[final], source, final, placed, labels, origins, added)
            before, after = before + copied.before, after + copied.after
    return Copied(before, after)


def copy_file(
    source: str,
    target: str,
    origin: Origin,
    placed: Placed,
    labels: Mapping[str, str],
    added: Sequence[Place],
    request: Request,
) -> Copied:
    """Writes one file of the new span, in the format and compression of the source."""
    of_file = placed.changes.get(source, ())
    changed = {found.number: labels[found.row] for found in of_file if found.label != labels[found.row]}
    only = {found.number for found in of_file} if request.answers_only else None
    rows = [{**found.values, origin.label: labels[found.row]} for found in added]
    form = file_format(source, ReadOptions.from_json(origin.reading))
    if form == "parquet":
        return copy_parquet(source, target, origin.label, changed, only=only, added=rows)
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open(target, "wb"))
        if source.lower().endswith((".gz", ".gzip")):
            out = stack.enter_context(gzip.GzipFile(fileobj=out, mode="wb", mtime=0))  # type: ignore[assignment]
        return copy_delimited(source, DIALECTS[form], out, origin.label, changed, only=only, added=rows)


def _check(
    written: str,
    source: str,
    final: str,
    placed: Placed,
    labels: Mapping[str, str],
    origins: Mapping[str, Origin],
    added: Sequence[Place],
) -> None:
    """Reads the new file: each answered row must be there as often as it should, with its answer."""
    wanted = [found.row for found in (*placed.changes.get(source, ()), *added)]
    unique = list({id(origins[row]): origins[row] for row in wanted}.values())
    seen = []
    for origin in unique:
        rows = {row for row in wanted if origins[row] is origin}
        seen += [(found.row, found.label) for found in find_rows([written], origin, rows, any_format=False)]
    if sorted(seen) != sorted((row, labels[row]) for row in wanted):
        raise RowsLost(
            f"{final}: read again, it does not hold the {len(wanted)} answered rows with their answers "
            f"({len(seen)} found). Nothing was published. This is a defect: keep the data and report it."
        )


def _counted(
    placed: Placed, labels: Mapping[str, str], copied: Copied, span: int | None, paths: tuple[str, ...]
) -> Published:
    found = [item for items in placed.changes.values() for item in items]
    corrected = sum(item.label != labels[item.row] for item in found)
    added = len(placed.added)
    return Published(
        span=span,
        paths=paths,
        before=copied.before,
        left_out=copied.before + added - copied.after,
        corrected=corrected,
        confirmed=len(found) - corrected,
        added=added,
        after=copied.after,
        lost=tuple(placed.lost),
    )


def _lost_sentence(answer: Answer) -> str:
    return (
        f"Row {answer.row} ({answer.label!r} by {answer.by}, run '{answer.run}') is in no file any more: not in the "
        "latest span, not in the one that its run read, and in no file of rows to label. Put the file back."
    )
