"""The queue as a CSV file to fill in, and back: everything that is wrong with a filled-in file at once."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.human_review.answers import Answer
from components.human_review.queue import Question, Queue
from pipeline.errors import ConfigError
from pipeline.reviewing.choices import chosen, near
from pipeline.reviewing.record import NewAnswer

OWN = ("row", "label", "note", "predicted", "confidence", "given")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclasses.dataclass(frozen=True)
class Filled:
    """What a filled-in file says.

    Attributes:
      answers: new ones, in the order of the file.
      unchanged: rows whose answer is on record already.
      empty: rows without a label.
    """

    answers: tuple[NewAnswer, ...]
    unchanged: int
    empty: int


def column_names(queue: Queue) -> dict[str, str]:
    """Column of the data → its name in the sheet; one that is called like a column of ours gets `data.` before it."""
    taken, names = set(OWN), {}
    for column in [name for name in queue.origin.column_types if name != queue.origin.label]:
        name = column
        while name in taken:
            name = f"data.{name}"
        taken.add(name)
        names[column] = name
    return names


def dump_sheet(queue: Queue, questions: Sequence[Question]) -> str:
    """The questions as CSV (RFC 4180, `\\r\\n`), `label` and `note` empty."""
    names = column_names(queue)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*OWN, *names.values()])
    for question in questions:
        ours = [question.row, "", "", question.predicted, f"{question.confidence:.4f}", question.given or ""]
        writer.writerow([*ours, *(cell_of(question.columns.get(column)) for column in names)])
    return out.getvalue()


def cell_of(value: Any) -> str:
    """A value as it stands in the sheet; text that a spreadsheet would take for a formula gets a quote before it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA_STARTS) else text


def read_sheet(path: Path, queue: Queue, standing: Mapping[str, Answer], *, replace: bool) -> Filled:
    """The answers in a filled-in sheet.

    Args:
      path: the file.
      queue: that it was written from.
      standing: answers on record, by row.
      replace: an answer may differ from the one on record.

    Raises:
      ConfigError: listing every line that is wrong: unknown or repeated rows, labels that are no class, changed values,
        answers on record that differ.
    """
    lines = list(_lines(path))
    if not lines:
        raise ConfigError([f"{path}: is empty. Make a sheet to fill in with: penstock review export {path.name}"])
    header = lines[0][1]
    if problems := _header_problems(header):
        raise ConfigError([f"{path}:1: {problem}" for problem in problems])
    reader = _Reader(queue, header, standing, replace=replace)
    for number, cells in lines[1:]:
        reader.take(number, cells)
    if reader.problems:
        problems = [f"{path}:{number}: {problem}" for number, problem in reader.problems]
        raise ConfigError([*problems, "Nothing was recorded. Mend these lines and import the file again."])
    return Filled(tuple(reader.answers), reader.unchanged, reader.empty)


class _Reader:
    """Takes the lines of a sheet one after the other, and gathers answers and problems."""

    def __init__(self, queue: Queue, header: Sequence[str], standing: Mapping[str, Answer], *, replace: bool) -> None:
        self.answers: list[NewAnswer] = []
        self.unchanged = self.empty = 0
        self.problems: list[tuple[int, str]] = []
        self._questions = {question.row: question for question in queue.questions}
        self._classes = queue.origin.classes
        self._columns = {name: column for column, name in column_names(queue).items()}
        self._header, self._standing, self._replace = header, standing, replace
        self._lines: dict[str, int] = {}

    def take(self, number: int, cells: Sequence[str]) -> None:
        """One line; `number` is where it begins in the file."""
        if len(cells) != len(self._header):
            self.problems.append((number, f"has {len(cells)} fields, the header has {len(self._header)}."))
            return
        line = dict(zip(self._header, cells, strict=True))
        row, text = line["row"].strip(), line["label"].strip()
        question = self._questions.get(row)
        found = list(self._problems(number, row, text, question, line))
        self.problems += [(number, problem) for problem in found]
        if question is None or found:
            return
        if not text:
            self.empty += 1
            return
        label = chosen(text, self._classes) or ""
        known = self._standing.get(row)
        if known is not None and known.label == label:
            self.unchanged += 1
        else:
            self.answers.append(NewAnswer(question, label, line.get("note", "").strip()))

    def _problems(
        self, number: int, row: str, text: str, question: Question | None, line: Mapping[str, str]
    ) -> Iterator[str]:
        if row in self._lines:
            yield f"row {row!r} stands on line {self._lines[row]} already."
        self._lines.setdefault(row, number)
        label = chosen(text, self._classes) if text else None
        if text and label is None:
            classes = ", ".join(self._classes[:20])
            yield f"label {text!r} is no class.{near(text, self._classes)} Classes are {classes}."
        if question is None:
            yield f"row {row!r} is not in the queue of this run.{near(row, list(self._questions))}"
            return
        known = self._standing.get(row)
        if known is not None and label is not None and known.label != label and not self._replace:
            yield (
                f"row {row!r} is already {known.label!r} by {known.by} on {known.at}, and {label!r} here. To replace "
                "answers: --replace."
            )
        yield from self._changes(question, line)

    def _changes(self, question: Question, line: Mapping[str, str]) -> Iterator[str]:
        """A value that is not the row's any more: the label may have slipped to another row."""
        for name, column in self._columns.items():
            cell, wanted = line.get(name), cell_of(question.columns.get(column))
            if cell is not None and not _same(cell, wanted):
                yield f"{name} is {_short(cell)}, and was {_short(wanted)} when it was exported."


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number, from 1, and cells of each record; blank lines are passed over."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text (byte {error.start}). Save it as CSV UTF-8."]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}."]) from error
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # the module's own limit is 128 KiB
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # spreadsheets of some countries write semicolons
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cells):
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError([f"{path}:{number}: not CSV: {error}."]) from error


def _header_problems(header: Sequence[str]) -> list[str]:
    problems = [f"there is no column {name!r}." for name in ("row", "label") if name not in header]
    return problems + [
        f"column {name!r} stands more than once." for name in sorted({*header}) if header.count(name) > 1
    ]


def _same(cell: str, wanted: str) -> bool:
    """True if a spreadsheet may have made the one of the other: ends of lines and digits do not count."""
    cell, wanted = cell.replace("\r\n", "\n"), wanted.replace("\r\n", "\n")
    if cell == wanted:
        return True
    try:
        return float(cell) == float(wanted)
    except ValueError:
        return False


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
