"""The pushed SavedModel itself, asked through its signatures: to explain rows, and to answer raw ones."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from components.errors import ComponentError
from components.evaluator.baseline import DESCRIPTION
from components.example_batches import flat
from models.tabular_text.attribution import PREDICTED_CLASS, token_attributions, tokens_name
from models.tabular_text.export import EXPLAIN
from models.tabular_text.features import FeatureKind, FeatureSpec, LabelKind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
"""The arguments of `serving_raw`, [rows] each."""

BATCH_ROWS = 256
RAW_BATCH_ROWS = 4096

_LEAST = float(np.finfo(np.float32).tiny)
"""Probabilities are taken to be no smaller, so that every logarithm is finite."""


class ServedModel:
    """A loaded SavedModel of this project."""

    def __init__(self, path: str) -> None:
        """Loads it.

        Raises:
          ComponentError: it cannot explain its answers: it was exported by an older version, or by other code.
        """
        described = os.path.join(path, DESCRIPTION)
        if not fileio.exists(described):
            raise ComponentError(f"{path}: has no {DESCRIPTION}, so that nothing is known about its columns.")
        self._description = json.loads(io_utils.read_string_file(described))
        self._loaded = tf.saved_model.load(path)
        if EXPLAIN not in self._loaded.signatures:
            raise ComponentError(
                f"{path}: the model has no signature {EXPLAIN!r}. Train it again (penstock run --from Trainer), or set "
                "explanation.enabled to false."
            )
        self.features = FeatureSpec.from_json(self._description["features"])
        self.classes = tuple(self._description["classes"])

    @property
    def names(self) -> list[str]:
        """The features in the order of attributions."""
        return [feature.name for feature in self.features.used]

    def explain(self, examples: Sequence[bytes], background: Sequence[bytes], steps: int) -> dict[str, Any]:
        """What `explain` answers for serialized rows, arrays [rows, ...]; see `IntegratedGradients.explain`.

        The integral is by Gauss and Legendre's rule with this many points.
        """
        places, weights = np.polynomial.legendre.leggauss(steps)
        how = {
            "background": tf.constant(list(background)),
            "positions": tf.constant((places + 1) / 2, tf.float32),
            "weights": tf.constant(weights / 2, tf.float32),
        }
        argument = self._description["examples_argument"]
        batches = []
        for start in range(0, len(examples), BATCH_ROWS):
            batch = list(examples[start : start + BATCH_ROWS])
            classes = tf.fill([len(batch)], PREDICTED_CLASS)
            found = self._loaded.signatures[EXPLAIN](**{argument: tf.constant(batch)}, classes=classes, **how)
            batches.append({name: tensor.numpy() for name, tensor in found.items()})
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    def words(self, found: Mapping[str, Any]) -> dict[str, list[list[tuple[str, float]]]]:
        """Each text column's words with their attributions, row by row, from what `explain` answered."""
        texts = self.features.of_kind(FeatureKind.TEXT)
        return {
            feature.name: [
                [(word.decode("utf-8", "replace"), float(part)) for word, part in zip(*row, strict=True) if word]
                for row in zip(found[tokens_name(at)], found[token_attributions(at)], strict=True)
            ]
            for at, feature in enumerate(texts)
        }

    def columns(self, examples: Sequence[bytes]) -> Columns:
        """The arguments of `serving_raw` for serialized rows."""
        batch = decoded(examples)
        return {
            item["argument"]: _argument(batch, name, item["dtype"], item["missing"])
            for name, item in self._description["inputs"].items()
        }

    @property
    def arguments(self) -> list[str]:
        """The argument of `serving_raw` for each feature, in the order of `names`."""
        return [self._description["inputs"][name]["argument"] for name in self.names]

    def answers(self, columns: Columns) -> Floats:
        """What `serving_raw` answers: logarithms of the scores [rows, classes], or the number [rows, 1]."""
        dtypes = {item["argument"]: item["dtype"] for item in self._description["inputs"].values()}
        rows = len(next(iter(columns.values())))
        batches = []
        for start in range(0, rows, RAW_BATCH_ROWS):
            batch = {
                name: tf.constant(values[start : start + RAW_BATCH_ROWS], dtypes[name])
                for name, values in columns.items()
            }
            found = self._loaded.signatures["serving_raw"](**batch)
            if self.features.label.kind is LabelKind.REGRESSION:
                batches.append(found["prediction"].numpy().astype(np.float64)[:, np.newaxis])
            else:
                batches.append(np.log(np.maximum(found["scores"].numpy().astype(np.float64), _LEAST)))
        return np.concatenate(batches)

    def explained_classes(self, answers: Floats) -> Ints:
        """Whose value is explained: the preferred class, of two the second, 0 for a number; int64 [rows]."""
        if self.features.label.kind is LabelKind.MULTICLASS:
            return np.asarray(answers.argmax(axis=1), np.int64)
        return np.full(len(answers), int(self.features.label.kind is LabelKind.BINARY), np.int64)

    def value(self, answers: Floats, explained: int) -> Floats:
        """F as `IntegratedGradients` knows it, float64 [rows], of answers [rows, classes]."""
        if self.features.label.kind is LabelKind.REGRESSION:
            return answers[:, 0]
        if self.features.label.kind is LabelKind.BINARY:
            return np.asarray(answers[:, 1] - answers[:, 0], np.float64)
        return np.asarray(answers[:, explained] - answers.mean(axis=1), np.float64)


def decoded(examples: Sequence[bytes]) -> pa.RecordBatch:
    """Serialized rows as a flat batch, see components/example_batches.py."""
    from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

    return flat(ExamplesToRecordBatchDecoder(None).DecodeBatch(list(examples)))


def _argument(batch: pa.RecordBatch, name: str, dtype: str, missing: Any) -> npt.NDArray[Any]:
    """A raw column as `serving_raw` takes it; `missing` None means NaN."""
    there = name in batch.schema.names
    values = batch[name].to_pylist() if there else [None] * batch.num_rows
    if dtype == "string":
        found = [missing if value is None else value for value in values]
        return np.array([value if isinstance(value, bytes) else str(value).encode() for value in found], object)
    absent = float("nan") if missing is None else missing
    return np.array([absent if value is None else value for value in values], dtype)
