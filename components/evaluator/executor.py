"""Runs TFX's Evaluator, then writes the blessing with its reasons, the analysis, and the sample for ServingCheck."""

import json
import logging as standard_logging
import os
from pathlib import Path
from typing import Any

from absl import logging
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as tfx_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, json_utils, path_utils, proto_utils

from components.errors import ComponentError
from components.evaluator.analyse import Evaluated, analyse
from components.evaluator.analysis import ANALYSIS_FILE
from components.evaluator.baseline import DESCRIPTION, incomparable
from components.evaluator.decision import Decision, decide
from components.evaluator.demands import Demands
from components.evaluator.eval_config import BASELINE, CANDIDATE, label_kind_of
from components.evaluator.metric_names import EXAMPLE_COUNT
from components.evaluator.prediction_folder import writing_to
from components.evaluator.prediction_log import CUSTOM_EXTRACTORS
from components.evaluator.predictions import PREDICTIONS_FOLDER, read_predictions
from components.evaluator.results import load_measured, tfma_verdict
from components.evaluator.sample import SAMPLE_PATH, dump_sample, first_records, predict
from components.mirror import original_uri
from models.tabular_text.features import transformed_name

DECISION_FILE = "decision.json"

Artifacts = dict[str, list[Artifact]]


class Executor(tfx_executor.Executor):
    """TFX's executor with our decision on top."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Evaluates, decides, and writes evaluation, analysis, sample and blessing."""
        input_dict, obstacle = _without_incomparable_baseline(input_dict)
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        demands = Demands.from_json(json.loads(exec_properties["demands"]))
        with writing_to(os.path.join(evaluation.uri, PREDICTIONS_FOLDER)):
            super().Do(input_dict, output_dict, {**exec_properties, "custom_extractors": CUSTOM_EXTRACTORS})
        self._write_sample(input_dict, evaluation, exec_properties)
        write_analysis(evaluation, _description(input_dict["model"][0]), demands, exec_properties)
        baselines = input_dict.get("baseline_model") or []
        decision = decide(
            demands,
            candidate=load_measured(evaluation.uri, CANDIDATE if baselines else ""),
            baseline=load_measured(evaluation.uri, BASELINE) if baselines else None,
            baseline_model=original_uri(baselines[0].uri) if baselines else None,
            tfma_passed=tfma_verdict(evaluation.uri),
            obstacle=obstacle,
        )
        tell(decision)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        write_blessing(blessing, decision, artifact_utils.get_single_instance(input_dict["model"]), baselines)

    def _write_sample(self, input_dict: Artifacts, evaluation: Artifact, exec_properties: dict[str, Any]) -> None:
        split = json_utils.loads(exec_properties["example_splits"])[0]
        paths = [
            path
            for uri in artifact_utils.get_split_uris(input_dict["examples"], split)
            for path in fileio.glob(io_utils.all_files_pattern(uri))
        ]
        eval_config = proto_utils.json_to_proto(exec_properties["eval_config"], config_pb2.EvalConfig())
        model_path = path_utils.serving_model_path(artifact_utils.get_single_instance(input_dict["model"]).uri)
        pipeline = self._make_beam_pipeline()
        rows = predict(first_records(paths), model_path, eval_config.model_specs[0], pipeline, self._get_tmp_dir())
        io_utils.write_string_file(os.path.join(evaluation.uri, SAMPLE_PATH), dump_sample(rows))


def _without_incomparable_baseline(input_dict: Artifacts) -> tuple[Artifacts, str | None]:
    """The inputs without a baseline that cannot answer today's rows, and why it cannot.

    Raises:
      ComponentError: the baseline's files are not there any more.
    """
    baselines = input_dict.get("baseline_model") or []
    if not baselines:
        return input_dict, None
    if not fileio.exists(baselines[0].uri):
        raise ComponentError(
            f"{baselines[0].uri}: the last blessed model, which this one is compared with, is not there any more. "
            "Bring it back from a backup, or the project to where it was; to begin anew, set another pipeline.root."
        )
    obstacle = incomparable(_description(input_dict["model"][0]), _description(baselines[0]))
    if obstacle is None:
        return input_dict, None
    return {key: value for key, value in input_dict.items() if key != "baseline_model"}, obstacle


def _description(model: Artifact) -> dict[str, Any] | None:
    path = os.path.join(path_utils.serving_model_path(model.uri), DESCRIPTION)
    return dict(json.loads(io_utils.read_string_file(path))) if fileio.exists(path) else None


def write_analysis(
    evaluation: Artifact, description: dict[str, Any] | None, demands: Demands, exec_properties: dict[str, Any]
) -> None:
    """Writes `analysis.json`, from the predictions that were kept.

    Args:
      evaluation: the artifact that holds the predictions.
      description: the candidate's, for the names of its classes; without it they are numbered.
      demands: for the metrics.
      exec_properties: the node's.
    """
    eval_config = proto_utils.json_to_proto(exec_properties["eval_config"], config_pb2.EvalConfig())
    spec = eval_config.model_specs[0]
    predictions = read_predictions(Path(evaluation.uri), label_kind_of(spec))
    evaluated = Evaluated(
        label=spec.label_key.removesuffix(transformed_name("")),
        kind=label_kind_of(spec),
        classes=tuple((description or {}).get("classes") or ()),
        split=", ".join(json_utils.loads(exec_properties["example_splits"])),
        rows=predictions.rows,
        baseline=predictions.baseline,
        slices=predictions.slices,
    )
    document = json.dumps(analyse(evaluated, demands.metrics).to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(evaluation.uri, ANALYSIS_FILE), document)


def tell(decision: Decision) -> None:
    """Says how many rows were evaluated, and what came of it."""
    overall = next((item for item in decision.measured if not item.key), None)
    if overall is None:
        return
    metrics = {name: value for name, value in overall.metrics.items() if name != EXAMPLE_COUNT}
    said = {"done": overall.examples, "total": overall.examples, "unit": "rows", "metrics": metrics}
    verdict = "blessed" if decision.blessed else "not blessed"
    standard_logging.getLogger("penstock.progress").info("%s", verdict, extra={"progress": said})


def write_blessing(blessing: Artifact, decision: Decision, model: Artifact, baselines: list[Artifact]) -> None:
    """Writes `decision.json`, and the files and properties by which TFX knows a blessing.

    TFX's executor has written its own verdict by now, or none: it looks at the bounds on all rows only.
    """
    document = json.dumps(decision.to_json(), indent=2, ensure_ascii=False)
    logging.info("Evaluator: %s", document)
    io_utils.write_string_file(os.path.join(blessing.uri, DECISION_FILE), document)
    wanted, other = constants.BLESSED_FILE_NAME, constants.NOT_BLESSED_FILE_NAME
    if not decision.blessed:
        wanted, other = other, wanted
    if fileio.exists(os.path.join(blessing.uri, other)):
        fileio.remove(os.path.join(blessing.uri, other))
    io_utils.write_string_file(os.path.join(blessing.uri, wanted), "")
    value = constants.BLESSED_VALUE if decision.blessed else constants.NOT_BLESSED_VALUE
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    for baseline in baselines:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
