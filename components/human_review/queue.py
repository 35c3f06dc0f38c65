"""The queue of rows for people: `queue.json`. Plain data, read without TensorFlow."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

QUEUE_FILE = "queue.json"
FORMAT = 1

Value = str | int | float | list[Any] | None


@dataclasses.dataclass(frozen=True)
class Question:
    """One row, and what the model makes of it.

    Attributes:
      row: its id (components/human_review/row_ids.py), which does not depend on the label.
      columns: name → value of every column but the label; None where it is missing.
      predicted: the most probable class.
      confidence: its probability.
      scores: the most probable classes with their probabilities, the most probable first.
      given: the class that the data says; None if it says none.
    """

    row: str
    columns: Mapping[str, Value]
    predicted: str
    confidence: float
    scores: Sequence[tuple[str, float]]
    given: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        scores = [list(pair) for pair in self.scores]
        return {**dataclasses.asdict(self), "columns": dict(self.columns), "scores": scores}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Question":
        """The inverse of `to_json`."""
        return cls(**{**data, "scores": tuple((str(name), float(score)) for name, score in data["scores"])})


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the rows come from, and what is needed to know them again in a file.

    Attributes:
      label: the column that people fill in.
      classes: what they choose from.
      column_types: name → int64, float32 or string, of every column, as ids are made with them.
      reading: how the file was read (`ReadOptions.to_json`).
      span: of the data that the run read.
      path: the file of rows to label; None for the evaluated rows.
    """

    label: str
    classes: tuple[str, ...]
    column_types: Mapping[str, str]
    reading: Mapping[str, Any]
    span: int
    path: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {**dataclasses.asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Origin":
        """The inverse of `to_json`."""
        return cls(**{**data, "classes": tuple(data["classes"])})


@dataclasses.dataclass(frozen=True)
class Queue:
    """What a person should look at.

    Attributes:
      origin: where the rows come from.
      threshold: of the confidence.
      looked_at: rows with a prediction.
      below: of these, those with a confidence below the threshold.
      answered: of these, those that people had answered before.
      questions: the rows, the least confident first.
      remarks: what a reader should know besides, whole sentences.
    """

    origin: Origin
    threshold: float
    looked_at: int
    below: int
    answered: int
    questions: tuple[Question, ...]
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "format": FORMAT,
            "origin": self.origin.to_json(),
            "threshold": self.threshold,
            "looked_at": self.looked_at,
            "below": self.below,
            "answered": self.answered,
            "questions": [question.to_json() for question in self.questions],
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Queue":
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a review queue of format {data.get('format')!r}; this program reads {FORMAT}")
        return cls(
            origin=Origin.from_json(data["origin"]),
            threshold=data["threshold"],
            looked_at=data["looked_at"],
            below=data["below"],
            answered=data["answered"],
            questions=tuple(Question.from_json(item) for item in data["questions"]),
            remarks=tuple(data["remarks"]),
        )


class LeastConfident:
    """Collects questions and keeps the least confident ones; a row that comes again is one question."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._kept: dict[str, Question] = {}

    def add(self, questions: Iterable[Question]) -> None:
        """Takes them in; in the end the order in which they came does not matter."""
        for question in questions:
            known = self._kept.get(question.row)
            if known is None or _order(question) < _order(known):
                self._kept[question.row] = question
        if len(self._kept) > 2 * self._at_most:
            self._kept = {question.row: question for question in self.lowest()}

    def lowest(self) -> tuple[Question, ...]:
        """Those with the lowest confidence, the lowest first; ties in the order of their ids."""
        return tuple(sorted(self._kept.values(), key=_order)[: self._at_most])


def _order(question: Question) -> tuple[float, str, str]:
    return question.confidence, question.row, question.given or ""
