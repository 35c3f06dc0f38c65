"""Gathers the rows that the model is least sure of, leaves out what people have answered, and writes `queue.json`."""

import dataclasses
import json
import logging as standard_logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.errors import ComponentError
from components.evaluator.baseline import DESCRIPTION
from components.human_review import evaluated, unlabelled
from components.human_review.answers import read_answers
from components.human_review.queue import QUEUE_FILE, LeastConfident, Origin, Question, Queue
from components.human_review.settings import ReviewSettings
from components.ledger.ledger import Ledger
from components.mirror import original_uri
from models.tabular_text.features import LabelKind

NO_CONFIDENCE = (
    "The label is a number (regression): a predicted number comes without a probability, so there is no confidence to "
    "go by, and nothing is put before people. review.enabled: false leaves the node out."
)

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the node."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the queue.

        Raises:
          BadData: the file of rows to label cannot be read.
          ComponentError: examples and evaluation are not of the same rows, or the model does not describe itself.
          LedgerDamaged: the record of answers was tampered with.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = ReviewSettings.from_json(json.loads(exec_properties["settings"]))
        kind = LabelKind(json.loads(exec_properties["label"])["kind"])
        origin = _origin(input_dict, exec_properties, kind)
        if kind is LabelKind.REGRESSION:
            queue = Queue(origin, settings.threshold, 0, 0, 0, (), (NO_CONFIDENCE,))
        else:
            queue = _fill(input_dict, exec_properties, kind, origin, settings)
        told = dataclasses.replace(origin, path=origin.path and original_uri(origin.path))
        queue = dataclasses.replace(queue, origin=told)
        write_queue(artifact_utils.get_single_instance(output_dict["queue"]), queue)


def _origin(input_dict: Artifacts, exec_properties: dict[str, Any], kind: LabelKind) -> Origin:
    examples = artifact_utils.get_single_instance(input_dict["examples"])
    model = artifact_utils.get_single_instance(input_dict["model"])
    return Origin(
        label=json.loads(exec_properties["label"])["name"],
        classes=() if kind is LabelKind.REGRESSION else _classes(path_utils.serving_model_path(model.uri)),
        column_types=json.loads(examples.get_string_custom_property("column_types") or "{}"),
        reading=json.loads(exec_properties["reading"]),
        span=int(examples.span or 0),
        path=exec_properties["review_path"] or None,
    )


def _classes(model_path: str) -> tuple[str, ...]:
    try:
        description = json.loads(io_utils.read_string_file(os.path.join(model_path, DESCRIPTION)))
    except OSError as error:
        raise ComponentError(f"{model_path}: has no {DESCRIPTION}. Train the model again.") from error
    return tuple(description["classes"])


def _fill(
    input_dict: Artifacts, exec_properties: dict[str, Any], kind: LabelKind, origin: Origin, settings: ReviewSettings
) -> Queue:
    answered = read_answers(Ledger(exec_properties["ledger"]).entries()).standing
    counts = unlabelled.Readable()
    if origin.path is None:
        evaluation = Path(artifact_utils.get_single_instance(input_dict["evaluation"]).uri)
        uris = artifact_utils.get_split_uris(input_dict["examples"], exec_properties["split"])
        batches = evaluated.unsure_rows(uris, evaluation, kind, origin, settings.threshold)
    else:
        model = artifact_utils.get_single_instance(input_dict["model"])
        model_path = path_utils.serving_model_path(model.uri)
        batches = unlabelled.unsure_rows(model_path, origin, settings.threshold, counts)
    return collect(batches, answered, origin, settings, counts)


def collect(
    batches: Iterable[tuple[int, list[Question]]],
    answered: Iterable[str],
    origin: Origin,
    settings: ReviewSettings,
    counts: unlabelled.Readable,
) -> Queue:
    """The queue of the least confident rows that nobody has answered.

    Args:
      batches: how many rows were looked at, and those of them that are below the threshold.
      answered: ids of rows that people have answered.
      origin: of the rows.
      settings: how many there may be.
      counts: what could not be asked, known once the batches are through.
    """
    known = frozenset(answered)
    lowest = LeastConfident(settings.max_rows)
    looked_at = below = done = 0
    for rows, questions in batches:
        fresh = [question for question in questions if question.row not in known]
        looked_at, below, done = looked_at + rows, below + len(questions), done + len(questions) - len(fresh)
        lowest.add(fresh)
    return Queue(origin, settings.threshold, looked_at, below, done, lowest.lowest(), counts.remarks())


def write_queue(artifact: Artifact, queue: Queue) -> None:
    """Writes `queue.json`, sets the artifact's properties, and tells how many rows there are."""
    text = json.dumps(queue.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(artifact.uri, QUEUE_FILE), text)
    artifact.rows = len(queue.questions)
    artifact.below = queue.below
    artifact.threshold = float(queue.threshold)
    said = {"metrics": {"below": float(queue.below), "queued": float(len(queue.questions))}}
    progress = standard_logging.getLogger("penstock.progress")
    progress.info("%d rows for people", len(queue.questions), extra={"progress": said})
