"""The record of people's answers: every answer with who gave it and when, for good."""

import dataclasses
import getpass
from collections.abc import Collection, Mapping, Sequence

from components.human_review.answers import (
    ANSWERED,
    ASKED,
    PUBLISHED,
    WITHDRAWN,
    Answers,
    origin_entry,
    read_answers,
)
from components.human_review.queue import Question, Queue
from components.ledger.ledger import Entry, Ledger, is_writable
from pipeline.config import Config
from pipeline.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class NewAnswer:
    """A person's answer to a question: the class, and a note in their words."""

    question: Question
    label: str
    note: str = ""


def who() -> str:
    """The name of the user who runs this program."""
    return getpass.getuser()


class ReviewRecord:
    """The answers of one pipeline."""

    def __init__(self, config: Config) -> None:
        """Reads nothing yet."""
        self.ledger = Ledger(config.answers_place if config.is_remote else config.answers_path)

    def answers(self) -> Answers:
        """What people answered so far.

        Raises:
          LedgerDamaged: the record was tampered with.
        """
        return read_answers(self.ledger.entries())

    def add(
        self, run: str, queue: Queue, answers: Sequence[NewAnswer], *, by: str, via: str, replace: bool = False
    ) -> Entry:
        """Puts one person's answers on record, all of them or none.

        Args:
          run: whose queue they are about.
          queue: it.
          answers: at least one.
          by: who answers.
          via: `terminal` or the name of a file.
          replace: they may replace other answers.

        Raises:
          ConfigError: nobody's name, or somebody has meanwhile answered one of the rows otherwise.
          LedgerDamaged: the record was tampered with.
        """
        if not by.strip():
            raise ConfigError(["--by is empty. An answer on record says who gave it."])
        if not all(is_writable(text) for text in (by, via, *(answer.note for answer in answers))):
            raise ConfigError(["--by, the file's name or a note holds bytes that are no text. Type it again."])
        content = {
            "run": run,
            "by": by,
            "via": via,
            "asked": self._asked(run, queue).number,
            "answers": [_content(answer) for answer in answers],
        }
        wanted = {answer.question.row: answer.label for answer in answers}
        return self.ledger.append(
            ANSWERED, content, allow=None if replace else lambda entries: _check_free(entries, wanted)
        )

    def withdraw(self, rows: Collection[str], *, by: str) -> Entry:
        """Takes the answers to these rows back; they stay on record."""
        return self.ledger.append(WITHDRAWN, {"by": by, "rows": sorted(rows)})

    def mark_published(self, content: Mapping[str, object]) -> Entry:
        """Notes that a new span holds answers; `rows` in the content maps each row to its answer's entry."""
        return self.ledger.append(PUBLISHED, content)

    def _asked(self, run: str, queue: Queue) -> Entry:
        """The entry that says where the queue's rows come from, written with the first answer to it."""
        known = origin_entry(self.ledger.entries(), run)
        origin = queue.origin.to_json()
        if known is not None and known.content["origin"] == origin:
            return known
        return self.ledger.append(ASKED, {"run": run, "origin": origin})


def open_questions(queue: Queue, answers: Answers) -> list[Question]:
    """The questions that nobody has answered, the least confident first."""
    return [question for question in queue.questions if question.row not in answers.standing]


def _content(answer: NewAnswer) -> dict[str, object]:
    question = answer.question
    return {
        "row": question.row,
        "label": answer.label,
        "given": question.given,
        "predicted": question.predicted,
        "note": answer.note,
    }


def _check_free(entries: Sequence[Entry], wanted: Mapping[str, str]) -> None:
    standing = read_answers(entries).standing
    taken = [standing[row] for row, label in wanted.items() if row in standing and standing[row].label != label]
    if taken:
        problems = [f"Row {item.row} is already {item.label!r} by {item.by} on {item.at}." for item in taken]
        raise ConfigError([*problems, "Nothing was recorded."])
