"""What people answered, as the record of reviews tells it. Pure.

The record (components/ledger) holds four kinds of entries: `asked` (where a run's rows come from), `answered` (one or
several answers of one person), `withdrawn` (answers taken back) and `published` (a new span was written).
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.human_review.queue import Origin
from components.ledger.ledger import Entry

ASKED, ANSWERED, WITHDRAWN, PUBLISHED = "asked", "answered", "withdrawn", "published"


@dataclasses.dataclass(frozen=True)
class Answer:
    """One person's answer to one row.

    Attributes:
      row: the row's id.
      label: the class that it has.
      given: the class that the data said, None without one.
      predicted: the class that the model said.
      note: in the person's words.
      by: who answered; a claim, nobody checks it.
      at: when, ISO 8601, UTC.
      run: whose queue it was in.
      entry: number of its entry in the record.
      asked: number of the entry that tells where the row comes from.
    """

    row: str
    label: str
    given: str | None
    predicted: str
    note: str
    by: str
    at: str
    run: str
    entry: int
    asked: int

    @property
    def corrects(self) -> bool:
        """True if it differs from what the data said."""
        return self.given is not None and self.given != self.label


@dataclasses.dataclass(frozen=True)
class Answers:
    """Everything that the record says.

    Attributes:
      standing: the answer that holds, by row.
      published: number of the entry of the answer that was published last, by row.
      in_span: the same, of those that a span holds; others were written to a file of its own.
      origins: where rows come from, by number of the entry.
    """

    standing: Mapping[str, Answer]
    published: Mapping[str, int]
    in_span: Mapping[str, int]
    origins: Mapping[int, Origin]

    def unpublished(self) -> list[Answer]:
        """Answers that were never published, in the order in which they were given."""
        return [answer for answer in self.in_order() if self.published.get(answer.row) != answer.entry]

    def outside_spans(self) -> list[Answer]:
        """Answers that no span holds, in the order in which they were given."""
        return [answer for answer in self.in_order() if self.in_span.get(answer.row) != answer.entry]

    def in_order(self) -> list[Answer]:
        """Every answer that holds, in the order in which they were given."""
        return sorted(self.standing.values(), key=lambda answer: (answer.entry, answer.row))


def read_answers(entries: Iterable[Entry]) -> Answers:
    """The answers that hold, from the record's entries, oldest first."""
    standing: dict[str, Answer] = {}
    published: dict[str, int] = {}
    in_span: dict[str, int] = {}
    origins: dict[int, Origin] = {}
    for entry in entries:
        content = entry.content
        if entry.kind == ASKED:
            origins[entry.number] = Origin.from_json(content["origin"])
        elif entry.kind == ANSWERED:
            standing.update({answer.row: answer for answer in _answers_in(entry)})
        elif entry.kind == WITHDRAWN:
            for row in content["rows"]:
                standing.pop(row, None)
        elif entry.kind == PUBLISHED:
            published.update(content["rows"])
            if content["span"] is not None:
                in_span.update(content["rows"])
    return Answers(standing, published, in_span, origins)


def origin_entry(entries: Sequence[Entry], run: str) -> Entry | None:
    """The entry that tells where the rows of a run's queue come from, None if there is none yet."""
    return next((entry for entry in reversed(entries) if entry.kind == ASKED and entry.content["run"] == run), None)


def _answers_in(entry: Entry) -> list[Answer]:
    content: Mapping[str, Any] = entry.content
    shared = {key: content[key] for key in ("by", "run", "asked")}
    return [Answer(**item, **shared, at=entry.at, entry=entry.number) for item in content["answers"]]
