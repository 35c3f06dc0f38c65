"""Asking one person row by row: shows a row, takes a class, a skip, a note, an undo or an end."""

import dataclasses
import textwrap
from collections.abc import Callable, Sequence

from components.human_review.queue import Question, Queue
from pipeline.reviewing.choices import chosen, keys_of, near
from pipeline.reviewing.record import NewAnswer, ReviewRecord
from pipeline.terminal_text import inert, inert_line

HELP = (
    "Type a class; or s = skip this row, n TEXT = note for this row, u = undo the last answer, q = stop (what is "
    "answered stays), ? = this help. If a class has such a name, put a colon before the command: :s"
)
_LINES = 12
_COMMANDS = {"s": "skip", "n": "note", "u": "undo", "q": "quit", "?": "help"}


@dataclasses.dataclass(frozen=True)
class Terminal:
    """How a person is asked.

    Attributes:
      read: the next line without its end, None at the end of the input.
      write: shows a line.
      width: characters in a line.
    """

    read: Callable[[], str | None]
    write: Callable[[str], None]
    width: int = 100


@dataclasses.dataclass
class Outcome:
    """What came of a session: rows answered (undone ones do not count) and rows skipped; whether any line was read."""

    answered: int = 0
    skipped: int = 0
    was_heard: bool = False


class Session:
    """One sitting; each answer is on record as soon as it is given, so that nothing is lost when the terminal is."""

    def __init__(self, run: str, queue: Queue, record: ReviewRecord, by: str, terminal: Terminal) -> None:
        """Asks nothing yet."""
        self._run, self._queue, self._record, self._by, self._terminal = run, queue, record, by, terminal
        self._classes = queue.origin.classes
        self._keys = keys_of(self._classes)
        self._note = ""
        self._done: list[str | None] = []  # per question behind us: the row that was answered, None if skipped
        self._outcome = Outcome()

    def ask(self, questions: Sequence[Question]) -> Outcome:
        """Asks the questions in order, until the last, a `q` or the end of the input."""
        self._terminal.write(HELP)
        index, is_new = 0, True
        while index < len(questions):
            if is_new:
                self._show(questions[index], index, len(questions))
            line = self._terminal.read()
            if line is None:
                break
            self._outcome.was_heard = True
            command, text = self._understood(line)
            if command == "quit":
                break
            moved = self._obey(command, text, questions[index])
            index, is_new = index + moved, moved != 0
        return self._outcome

    def _understood(self, line: str) -> tuple[str, str]:
        """The command and what follows it; a class that is called like a command is the class."""
        text = line.strip()
        word, _, rest = text.removeprefix(":").partition(" ")
        is_plain_class = not text.startswith(":") and (text in self._classes or text in self._keys)
        if word in _COMMANDS and not is_plain_class and (word == "n" or not rest):
            return _COMMANDS[word], rest.strip()
        return "class", text

    def _obey(self, command: str, text: str, question: Question) -> int:
        """Does it; returns by how many questions to go on."""
        if command == "undo":
            return self._undo()
        if command == "skip":
            self._done.append(None)
            self._outcome.skipped += 1
            self._note = ""
            return 1
        if command == "class":
            return self._answer(text, question)
        if command == "note":
            self._note = text
        self._terminal.write(f"Note: {inert_line(text)}" if command == "note" else HELP)
        return 0

    def _answer(self, text: str, question: Question) -> int:
        label = chosen(text, self._classes, self._keys)
        if label is None:
            hint = near(text, self._classes) if text else ""
            self._terminal.write(f"{text!r} is no class.{hint} {self._choice()}")
            return 0
        self._record.add(self._run, self._queue, [NewAnswer(question, label, self._note)], by=self._by, via="terminal")
        self._terminal.write(f"→ {inert_line(label)}")
        self._done.append(question.row)
        self._outcome.answered += 1
        self._note = ""
        return 1

    def _undo(self) -> int:
        if not self._done:
            self._terminal.write("There is nothing to undo in this sitting.")
            return 0
        row = self._done.pop()
        if row is None:
            self._outcome.skipped -= 1
        else:
            self._record.withdraw([row], by=self._by)
            self._outcome.answered -= 1
        self._note = ""
        return -1

    def _show(self, question: Question, index: int, total: int) -> None:
        write = self._terminal.write
        write("")
        write(f"── row {index + 1} of {total} · {question.row} ".ljust(min(self._terminal.width, 100), "─"))
        for line in row_lines(question, self._terminal.width):
            write(line)
        scores = ", ".join(f"{inert_line(name)} {score:.2f}" for name, score in question.scores)
        write(f"the model says {inert_line(question.predicted)} ({scores})")
        if question.given is not None:
            write(f"the data says  {inert_line(question.given)}")
        write(self._choice())

    def _choice(self) -> str:
        named = [inert_line(name if key == name else f"[{key}] {name}") for key, name in self._keys.items()]
        return f"{inert_line(self._queue.origin.label)}? {'  '.join(named)}"


def row_lines(question: Question, width: int) -> list[str]:
    """The row's values, each behind its column's name, long ones wrapped and cut after a dozen lines."""
    names = {name: inert_line(name) for name in question.columns}
    margin = min(max(map(len, names.values()), default=0), 28) + 2
    lines = []
    for name, value in question.columns.items():
        if value is None:
            continue
        room = max(width - margin, 20)
        wrapped = [part for line in inert(str(value)).split("\n") for part in textwrap.wrap(line, room) or [""]]
        if len(wrapped) > _LINES:
            wrapped = [*wrapped[:_LINES], f"… ({len(wrapped) - _LINES} more lines)"]
        head = names[name].ljust(margin)
        lines.append(f"{head if len(head) <= margin else head + ' '}{wrapped[0]}")
        lines += [" " * margin + line for line in wrapped[1:]]
    return lines
