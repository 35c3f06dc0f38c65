"""Keeps TFMA's predictions of every row: an extractor behind TFMA's own, so that no row is predicted twice.

Another one before them has rows predicted in batches that fit the memory.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import tensorflow_model_analysis as tfma
from apache_beam.io.parquetio import WriteToParquet
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.slicer import slicer_lib

from components.evaluator.batches import pieces
from components.evaluator.prediction_folder import chosen_folder
from components.evaluator.predictions import PREDICTIONS_SCHEMA, example_digest, slice_json

#: What TFX's Evaluator is given to find `custom_extractors`.
CUSTOM_EXTRACTORS = f"{__name__}.custom_extractors"


def custom_extractors(eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any) -> list[Any]:
    """TFMA's own extractors, one before them that makes batches smaller, and one that writes the predictions."""
    own = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    smaller = tfma.extractors.Extractor("SmallerBatches", SmallerBatches())
    return [smaller, *own, tfma.extractors.Extractor("KeepPredictions", KeepPredictions(eval_config, chosen_folder()))]


class SmallerBatches(beam.PTransform):
    """The extracts that TFMA begins with, of no more than `batches.MAX_ROWS` rows each."""

    def expand(self, extracts: Any) -> Any:
        """Of one batch several."""
        return extracts | "Pieces" >> beam.FlatMap(_smaller)


def _smaller(extracts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in pieces(extracts[tfma.ARROW_RECORD_BATCH_KEY]):
        yield {**extracts, tfma.ARROW_RECORD_BATCH_KEY: piece}


class KeepPredictions(beam.PTransform):
    """Writes every row's predictions below the folder; gives back the extracts as they came."""

    def __init__(self, eval_config: Any, folder: str) -> None:
        super().__init__()
        self._eval_config = eval_config
        self._folder = folder

    def expand(self, extracts: Any) -> Any:
        """Adds the writing beside the extracts."""
        rows = extracts | "PredictionRows" >> beam.Map(row_of, self._eval_config)
        _ = rows | "WritePredictions" >> WriteToParquet(
            f"{self._folder}/rows", PREDICTIONS_SCHEMA, codec="zstd", file_name_suffix=".parquet"
        )
        return extracts


def row_of(extracts: Mapping[str, Any], eval_config: Any) -> dict[str, Any]:
    """One row of the files from TFMA's extracts of one example."""
    row = {
        "example": example_digest(bytes(extracts[tfma.INPUT_KEY].item())),
        "slices": [_slice_text(key) for key in extracts[tfma.SLICE_KEY_TYPES_KEY]],
        "baseline_label": None,
        "baseline_scores": None,
    }
    for spec in eval_config.model_specs:
        prefix = "baseline_" if spec.is_baseline else ""
        row |= {f"{prefix}{name}": value for name, value in _answer(extracts, eval_config, spec.name).items()}
    return row


def _answer(extracts: Mapping[str, Any], eval_config: Any, model_name: str) -> dict[str, Any]:
    ((label, prediction, _),) = metric_util.to_label_prediction_example_weight(
        metric_types.StandardMetricInputs(extracts), eval_config=eval_config, model_name=model_name, flatten=False
    )
    return {"label": float(label.item()), "scores": prediction.reshape(-1).astype(float).tolist()}


@functools.lru_cache(maxsize=10_000)
def _slice_text(key: Any) -> str:
    """The slice as TFMA's result files give it back."""
    stored = slicer_lib.deserialize_slice_key(slicer_lib.serialize_slice_key(key))
    return slice_json(tuple(sorted((str(column), str(value)) for column, value in stored)))
