"""The serving sample: the first rows of the evaluated split with the Evaluator's own predictions.

ServingCheck sends the same rows to the model as a server would and compares: training/serving skew shows there.
The file is JSON lines, `{"example": base64 of the serialized tf.Example, "predictions": {output: values}}`.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

#: Rows kept, at most.
SAMPLE_ROWS = 256

#: Below the evaluation artifact.
SAMPLE_PATH = "serving_sample/sample.jsonl"


class SampleRow(NamedTuple):
    """One row: the serialized tf.Example, and each output's value (number, string or list of them)."""

    example: bytes
    predictions: dict[str, Any]


def dump_sample(rows: Iterable[SampleRow]) -> str:
    """The file's text."""
    return "".join(f"{line_of(row)}\n" for row in rows)


def line_of(row: SampleRow) -> str:
    """One line of the file."""
    return json.dumps({"example": base64.b64encode(row.example).decode(), "predictions": row.predictions})


def load_sample(text: str) -> list[SampleRow]:
    """The inverse of `dump_sample`."""
    items = (json.loads(line) for line in text.splitlines())
    return [SampleRow(base64.b64decode(item["example"]), item["predictions"]) for item in items]


def first_records(paths: Sequence[str], count: int = SAMPLE_ROWS) -> list[bytes]:
    """The first records of these TFRecord files, in the order of their names; `.gz` is gzip."""
    import tensorflow as tf

    records: list[bytes] = []
    for path in sorted(paths):
        dataset = tf.data.TFRecordDataset(path, compression_type="GZIP" if path.endswith(".gz") else "")
        records += dataset.take(count - len(records)).as_numpy_iterator()
        if len(records) == count:
            break
    return records


def predict(records: Sequence[bytes], model_path: str, model_spec: Any, pipeline: Any, folder: str) -> list[SampleRow]:
    """These records with what TFMA's predictions extractor makes of them, in the records' order.

    Args:
      records: serialized tf.Examples.
      model_path: the SavedModel.
      model_spec: the `ModelSpec` it is evaluated with.
      pipeline: the Beam pipeline to run in; it is run to its end.
      folder: where the pipeline may write; the caller cleans up.
    """
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.proto import config_pb2
    from tfx.utils import io_utils
    from tfx_bsl.tfxio import tf_example_record

    eval_config = config_pb2.EvalConfig(model_specs=[model_spec])
    model = tfma.default_eval_shared_model(model_path, model_name=model_spec.name, eval_config=eval_config)
    source = tf_example_record.TFExampleBeamRecord(
        physical_format="inmem", raw_record_column_name=tfma.ARROW_INPUT_COLUMN, telemetry_descriptors=["Evaluator"]
    )
    answers_path = f"{folder}/answers.jsonl"
    with pipeline:
        _ = (
            pipeline
            | beam.Create(list(records))
            | source.BeamSource()
            | tfma.BatchedInputsToExtracts()
            | "Features" >> tfma.extractors.FeaturesExtractor(eval_config).ptransform
            | "Predictions" >> tfma.extractors.PredictionsExtractor(eval_config, model).ptransform
            | beam.FlatMap(rows_of, model_spec.prediction_key)
            | beam.Map(line_of)
            | beam.io.WriteToText(answers_path, shard_name_template="")
        )
    answers = {row.example: row for row in load_sample(io_utils.read_string_file(answers_path))}
    return [answers[record] for record in records]


def rows_of(extracts: Mapping[str, Any], only_output: str) -> list[SampleRow]:
    """One row for each example of a batch of TFMA's extracts.

    Args:
      extracts: `input` bytes [batch], `predictions` {output: array [batch, …]} or, with a single output, its array.
      only_output: the name of a single output.
    """
    predictions = extracts["predictions"]
    outputs = predictions if isinstance(predictions, Mapping) else {only_output: predictions}
    columns = {name: values.tolist() for name, values in outputs.items()}
    return [
        SampleRow(bytes(example), {name: _plain(values[index]) for name, values in columns.items()})
        for index, example in enumerate(extracts["input"])
    ]


def _plain(value: Any) -> Any:
    """Lists, numbers and strings; a list of one stands for a column [batch, 1] and becomes its value."""
    if isinstance(value, list):
        return _plain(value[0]) if len(value) == 1 else [_plain(item) for item in value]
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
