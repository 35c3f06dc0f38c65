"""A file of rows to label, and what the model makes of them."""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.encode import encode_examples
from components.arrow_example_gen.judge import judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.sources import open_sources
from components.errors import BadData, ComponentError
from components.evaluator.baseline import DESCRIPTION
from components.human_review.confidence import Floats, confidences
from components.human_review.questions import questions_of
from components.human_review.queue import Origin, Question
from models.tabular_text.features import DType

BATCH_ROWS = 1024


@dataclasses.dataclass
class Readable:
    """How many rows of the file could be asked.

    Attributes:
      unreadable: rows whose values do not fit their column's type.
      lacking: rows without a value that the model requires.
      first_problem: what is wrong with the first unreadable row.
    """

    unreadable: int = 0
    lacking: int = 0
    first_problem: str = ""

    def remarks(self) -> tuple[str, ...]:
        """What was left out, whole sentences."""
        said = []
        if self.unreadable:
            said.append(f"{self.unreadable} rows could not be read and are left out; the first: {self.first_problem}.")
        if self.lacking:
            said.append(f"{self.lacking} rows lack a value that the model requires and are left out.")
        return tuple(said)


def unsure_rows(
    model_path: str, origin: Origin, threshold: float, counts: Readable
) -> Iterator[tuple[int, list[Question]]]:
    """For each batch of the file, how many rows the model answered, and those whose confidence is below the threshold.

    Args:
      model_path: the SavedModel.
      origin: names the file, its columns' types and the label; a label that a row has is what the data says of it.
      threshold: of the confidence.
      counts: is filled in while reading.

    Raises:
      BadData: the file cannot be read, or lacks a column that the model requires.
    """
    asker = Asker(model_path)
    for columns in read_batches(origin, counts):
        columns = _with_required(columns, asker.required, counts)
        rows = len(next(iter(columns.values())))
        scores = asker.scores({name: array for name, array in columns.items() if name != origin.label})
        chosen = np.flatnonzero(confidences(scores) < threshold)
        taken = {name: array.take(pa.array(chosen)) for name, array in columns.items()}
        yield rows, questions_of(taken, scores[chosen], origin)


def read_batches(origin: Origin, counts: Readable) -> Iterator[dict[str, pa.Array]]:
    """The file's readable rows in the types of the run's columns."""
    path = str(origin.path)
    if not os.path.isfile(path):
        raise BadData(f"{path}: there is no such file of rows to label. Name another one under review.path.")
    options = dataclasses.replace(ReadOptions.from_json(origin.reading), label=None, expected_types={}, format="auto")
    (source,) = open_sources([path], options)
    types = {name: DType(dtype) for name, dtype in origin.column_types.items()}
    if source.names is not None and (lacks := sorted(set(types) - set(source.names) - {origin.label})):
        raise BadData(
            f"{path}: lacks {', '.join(map(repr, lacks))}. A file of rows to label has the columns of the data, with "
            f"or without {origin.label!r}."
        )
    for raw in source.batches():
        wanted = {name: dtype for name, dtype in types.items() if name in raw.columns or name != origin.label}
        judged = judge(raw, wanted, options)
        counts.unreadable += len(judged.bad)
        if judged.bad and not counts.first_problem:
            first = judged.bad[0]
            counts.first_problem = f"{first.unit} {first.number}, column {first.column!r}: {first.reason}"
        for start in range(0, judged.rows, BATCH_ROWS):
            yield {name: judged.columns[name].slice(start, BATCH_ROWS) for name in wanted}


class Asker:
    """A SavedModel and its `serving_default` signature."""

    def __init__(self, model_path: str) -> None:
        """Loads the model.

        Raises:
          ComponentError: it has no description.
        """
        import tensorflow as tf

        try:
            with open(os.path.join(model_path, DESCRIPTION), encoding="utf-8") as file:
                description: Mapping[str, Any] = json.load(file)
        except OSError as error:
            raise ComponentError(f"{model_path}: has no {DESCRIPTION}. Train the model again.") from error
        self.required = [name for name, item in description["inputs"].items() if item["required"]]
        self._argument = description["examples_argument"]
        self._model = tf.saved_model.load(model_path)  # holds what the signature uses
        self._signature = self._model.signatures["serving_default"]

    def scores(self, columns: Mapping[str, pa.Array]) -> Floats:
        """The probability of each class, float [rows, n_classes]."""
        import tensorflow as tf

        examples = encode_examples(columns)
        if not examples:
            return np.empty((0, 2))
        answers: Floats = self._signature(**{self._argument: tf.constant(examples)})["scores"].numpy()
        return answers.astype(np.float64)


def _with_required(columns: Mapping[str, pa.Array], required: Sequence[str], counts: Readable) -> dict[str, pa.Array]:
    """The rows that have every value that the model requires."""
    count = len(next(iter(columns.values())))
    complete = np.ones(count, bool)
    for name in required:
        complete &= ~columns[name].is_null().to_numpy(zero_copy_only=False)
    counts.lacking += int((~complete).sum())
    kept = pa.array(np.flatnonzero(complete))
    return {name: array.take(kept) for name, array in columns.items()}
