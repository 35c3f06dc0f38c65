"""The evaluated rows that the model is least sure of: no second prediction, the Evaluator kept its answers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.errors import ComponentError
from components.evaluator.predictions import Predictions, example_digest, read_predictions
from components.evaluator.weighted_metrics import ClassRows
from components.example_batches import read_rows
from components.human_review.confidence import Floats, confidences
from components.human_review.questions import questions_of
from components.human_review.queue import Origin, Question
from models.tabular_text.features import LabelKind


def unsure_rows(
    split_uris: Sequence[str], evaluation: Path, kind: LabelKind, origin: Origin, threshold: float
) -> Iterator[tuple[int, list[Question]]]:
    """For each few thousand rows, how many they are, and those whose confidence is below the threshold.

    Args:
      split_uris: folders of the evaluated splits' examples.
      evaluation: the ModelEvaluation artifact's folder.
      kind: of the label; a class.
      origin: names the label, the columns and the classes.
      threshold: of the confidence.

    Raises:
      ComponentError: a row has no prediction: the two artifacts are not of the same rows.
    """
    predictions = read_predictions(evaluation, kind)
    scores = _scores(predictions)
    confident = confidences(scores)
    for uri in split_uris:
        for records, _ in read_rows(uri):
            place = _places(predictions, records, uri, evaluation)
            chosen = np.flatnonzero(confident[place] < threshold)
            columns = _decoded([records[index] for index in chosen])
            yield len(records), questions_of(columns, scores[place[chosen]], origin)


def _scores(predictions: Predictions) -> Floats:
    if not isinstance(predictions.rows, ClassRows):
        raise TypeError("a regression has no classes to be sure of")
    return predictions.rows.scores


def _places(predictions: Predictions, records: Sequence[bytes], uri: str, evaluation: Path) -> npt.NDArray[np.int64]:
    """Where each record's answer stands, int64 [rows]."""
    digests = np.array([example_digest(record) for record in records], np.int64)
    place = np.searchsorted(predictions.examples, digests)
    found = place < len(predictions.examples)
    found[found] = predictions.examples[place[found]] == digests[found]
    if not found.all():
        raise ComponentError(
            f"{uri}: {int((~found).sum())} rows have no prediction under {evaluation}. Evaluate these examples again: "
            "penstock run --from Evaluator."
        )
    return place.astype(np.int64)


def _decoded(records: Sequence[bytes]) -> dict[str, pa.Array]:
    """The records' columns as lists of values [rows]."""
    from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

    if not records:
        return {}
    batch = ExamplesToRecordBatchDecoder(None).DecodeBatch(list(records))
    return dict(zip(batch.schema.names, batch.columns, strict=True))
