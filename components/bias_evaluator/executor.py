"""Counts the training rows in a Beam pass and the evaluated rows beside their answers, measures, judges, writes."""

import json
import os
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.bias_evaluator.assess import Subject, assess
from components.bias_evaluator.document import BIAS_FILE, BiasDocument
from components.bias_evaluator.names import Stage
from components.bias_evaluator.rows import Positive, positive_of, predicted_positive
from components.bias_evaluator.settings import BiasSettings
from components.bias_evaluator.tally import Tally, empty_tally, tally_of
from components.errors import ComponentError
from components.evaluator.baseline import DESCRIPTION
from components.evaluator.evaluated_rows import read_evaluated_rows
from components.example_batches import ReadBatches, split_pattern
from components.gate.document import today_utc, write_verdict
from components.gate.verdict import Verdict
from models.tabular_text.features import DType, Label, LabelKind

Artifacts = dict[str, list[Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the report and the verdict; a refusal does not fail the node.

        Raises:
          ComponentError: the settings do not fit the model's classes or a column's type.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = BiasSettings.from_json(json.loads(exec_properties["settings"]))
        label = _label(exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        evaluation = artifact_utils.get_single_instance(input_dict["evaluation"])
        classes = _classes(artifact_utils.get_single_instance(input_dict["model"]))
        splits: dict[Stage, str] = {
            "pre_training": exec_properties["training_split"],
            "post_training": exec_properties["evaluated_split"],
        }
        try:
            positive = positive_of(settings, label, classes)
            uri = artifact_utils.get_split_uri([examples], splits["post_training"])
            tallies: dict[Stage, Tally] = {
                "pre_training": self._training_tally(
                    split_pattern(examples, splits["pre_training"]), label.name, positive, settings
                ),
                "post_training": evaluated_tally(uri, Path(evaluation.uri), label.name, positive, classes, settings),
            }
        except ValueError as error:
            raise ComponentError(f"BiasEvaluator: {error}") from error
        known = _baseline(input_dict)
        document, verdict = assess(tallies, settings, Subject(label.name, positive.words(), splits), known, today_utc())
        _write(output_dict, document, verdict)

    def _training_tally(self, pattern: str, label: str, positive: Positive, settings: BiasSettings) -> Tally:
        """The training rows, counted in one pass."""
        folder = self._get_tmp_dir()
        fileio.makedirs(folder)
        path = os.path.join(folder, "tally")
        with self._make_beam_pipeline() as beam_pipeline:
            _ = (
                beam_pipeline
                | ReadBatches(pattern)
                | "Count" >> beam.Map(_tally_batch, label, positive, settings)
                | "Sum" >> beam.CombineGlobally(_SumTallies(settings))
                | "Pack" >> beam.Map(lambda tally: json.dumps(tally.to_json()))
                | "Write" >> beam.io.WriteToText(path, num_shards=1, shard_name_template="")
            )
        return Tally.from_json(json.loads(io_utils.read_string_file(path)))


class _SumTallies(beam.CombineFn):
    """Adds tallies."""

    def __init__(self, settings: BiasSettings) -> None:
        super().__init__()
        self._settings = settings

    def create_accumulator(self) -> Tally:
        return empty_tally(self._settings)

    def add_input(self, accumulator: Tally, element: Tally) -> Tally:
        return accumulator + element

    def merge_accumulators(self, accumulators: Any) -> Tally:
        return sum(accumulators, self.create_accumulator())

    def extract_output(self, accumulator: Tally) -> Tally:
        return accumulator


def _tally_batch(batch: pa.RecordBatch, label: str, positive: Positive, settings: BiasSettings) -> Tally:
    names = batch.schema.names
    columns = {name: batch[name] for name in settings.used_columns if name in names}
    labels = positive.of(batch[label]) if label in names else pa.nulls(batch.num_rows, pa.bool_())
    return tally_of(columns, labels, None, settings)


def evaluated_tally(
    uri: str, evaluation: Path, label: str, positive: Positive, classes: tuple[str, ...], settings: BiasSettings
) -> Tally:
    """The evaluated rows with the model's answers.

    Args:
      uri: folder of the evaluated split.
      evaluation: the ModelEvaluation's.
      label: the column to predict.
      positive: what counts as positive.
      classes: the model's; empty for a regression.
      settings: facets and group.
    """
    rows = read_evaluated_rows([uri], evaluation, [*settings.used_columns, label])
    if not rows.num_rows:
        return empty_tally(settings)
    columns = {name: rows[f"raw:{name}"].combine_chunks() for name in (*settings.used_columns, label)}
    predicted = predicted_positive(rows["scores"], positive, classes)
    return tally_of(
        {name: columns[name] for name in settings.used_columns}, positive.of(columns[label]), predicted, settings
    )


def _label(exec_properties: dict[str, Any]) -> Label:
    data = json.loads(exec_properties["label"])
    return Label(**{**data, "kind": LabelKind(data["kind"]), "dtype": DType(data["dtype"])})


def _classes(model: Artifact) -> tuple[str, ...]:
    """The names of the model's classes, empty where it does not say."""
    path = os.path.join(path_utils.serving_model_path(model.uri), DESCRIPTION)
    if not fileio.exists(path):
        return ()
    return tuple(json.loads(io_utils.read_string_file(path)).get("classes") or ())


def _baseline(input_dict: Artifacts) -> tuple[BiasDocument, str] | None:
    """The last approved model's report and where it is; one of another format counts as none."""
    found = input_dict.get("baseline_bias") or []
    path = os.path.join(found[0].uri, BIAS_FILE) if found else ""
    if not path or not fileio.exists(path):
        return None
    try:
        return BiasDocument.from_json(json.loads(io_utils.read_string_file(path))), found[0].uri
    except ValueError:
        return None


def _write(output_dict: Artifacts, document: BiasDocument, verdict: Verdict) -> None:
    bias = artifact_utils.get_single_instance(output_dict["bias"])
    text = json.dumps(document.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(bias.uri, BIAS_FILE), text)
    bias.facets = len(document.facets)
    bias.failed = sum(finding.passed is False for finding in verdict.findings)
    write_verdict(verdict, artifact_utils.get_single_instance(output_dict["result"]))
