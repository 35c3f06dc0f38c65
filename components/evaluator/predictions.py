"""The answer to every evaluated row, kept beside the metrics as Parquet files. pyarrow and NumPy only.

Columns: `example` int64, the row's digest, by which it is found among the examples; `slices`, list of JSON objects of
column and value; for the candidate and, in a run with one, for the last blessed model `label` and `scores` (see
`PREDICTIONS_SCHEMA`).
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import dataset

from components.evaluator.decision import SliceKey
from components.evaluator.weighted_metrics import ClassRows, NumberRows
from models.tabular_text.features import LabelKind

#: In the evaluation artifact.
PREDICTIONS_FOLDER = "predictions"

PREDICTIONS_SCHEMA = pa.schema(
    [
        ("example", pa.int64()),
        ("slices", pa.list_(pa.string())),
        ("label", pa.float64()),  # class index (-1 = unknown to the model), or the number itself
        ("scores", pa.list_(pa.float64())),  # probability of each class, of class 1 of 2, or the predicted number
        ("baseline_label", pa.float64()),
        ("baseline_scores", pa.list_(pa.float64())),
    ]
)


@dataclasses.dataclass(frozen=True)
class Predictions:
    """All rows of one evaluation, in the order of their digests.

    Attributes:
      examples: digests, int64 [rows].
      rows: the candidate's answers.
      baseline: the last blessed model's, None without such a model.
      slices: the rows of each slice.
    """

    examples: npt.NDArray[np.int64]
    rows: ClassRows | NumberRows
    baseline: ClassRows | NumberRows | None
    slices: dict[SliceKey, npt.NDArray[np.int64]]


def example_digest(serialized: bytes) -> int:
    """64 bits by which a serialized tf.Example is known again."""
    return int.from_bytes(hashlib.blake2b(serialized, digest_size=8).digest(), "little", signed=True)


def slice_json(key: SliceKey) -> str:
    """A slice as it stands in the files."""
    return json.dumps(dict(key), sort_keys=True, ensure_ascii=False)


def read_predictions(evaluation: Path, kind: LabelKind) -> Predictions:
    """The answers in an evaluation artifact.

    Raises:
      FileNotFoundError: it holds none.
      OSError: they cannot be read.
    """
    table = dataset.dataset(evaluation / PREDICTIONS_FOLDER, format="parquet").to_table()
    if not table.num_columns:
        raise FileNotFoundError(f"{evaluation / PREDICTIONS_FOLDER} is empty. Evaluate again: --from Evaluator.")
    table = table.sort_by("example")
    rows = _answers(table, "", kind)
    if rows is None:
        empty = np.empty(0)
        rows = (
            NumberRows(empty, empty)
            if kind is LabelKind.REGRESSION
            else ClassRows(np.empty(0, np.int64), np.empty((0, 2)))
        )
    return Predictions(
        examples=table["example"].to_numpy(),
        rows=rows,
        baseline=_answers(table, "baseline_", kind),
        slices=_slices(table),
    )


def _answers(table: pa.Table, prefix: str, kind: LabelKind) -> ClassRows | NumberRows | None:
    """A model's answers, None if it gave none."""
    column = table[f"{prefix}scores"].combine_chunks()
    if table.num_rows == 0 or column.null_count:
        return None
    scores = column.flatten().to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)
    labels = table[f"{prefix}label"].to_numpy()
    if kind is LabelKind.REGRESSION:
        return NumberRows(labels, scores[:, 0])
    if scores.shape[1] == 1:
        scores = np.hstack([1.0 - scores, scores])
    return ClassRows(labels.astype(np.int64), scores)


def _slices(table: pa.Table) -> dict[SliceKey, npt.NDArray[np.int64]]:
    column = table["slices"].combine_chunks()
    row = np.repeat(np.arange(table.num_rows), np.diff(column.offsets.to_numpy()))
    encoded = column.flatten().dictionary_encode()
    codes = encoded.indices.to_numpy()
    keys = [tuple(sorted(json.loads(text).items())) for text in encoded.dictionary.to_pylist()]
    return {key: row[codes == code] for code, key in enumerate(keys) if key}
