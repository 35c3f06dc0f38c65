"""Reads the model, its evaluation and the rows, has them explained, and writes the document and the numbers."""

import json
import logging as standard_logging
import os
from pathlib import Path
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, json_utils, path_utils

from components.errors import ComponentError
from components.evaluator.predictions import read_predictions
from components.explainer.attribution_file import ATTRIBUTIONS_FILE, write_attributions
from components.explainer.document import EXPLANATION_FILE
from components.explainer.explain import Explained, explain_rows
from components.explainer.rows import choose, read_chosen
from components.explainer.served import ServedModel
from components.explainer.settings import ExplanationSettings

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Explains the model."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the explanation.

        Raises:
          ComponentError: there is no evaluated row, or the model cannot be explained.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = ExplanationSettings.from_json(json.loads(exec_properties["settings"]))
        splits = json_utils.loads(exec_properties["example_splits"])
        uris = [uri for split in splits for uri in artifact_utils.get_split_uris(input_dict["examples"], split)]
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(input_dict["evaluation"])
        served = ServedModel(path_utils.serving_model_path(model.uri))
        explained = explain(served, Path(evaluation.uri), uris, ", ".join(splits), settings)
        write_explanation(explained, artifact_utils.get_single_instance(output_dict["explanation"]))


def explain(
    model: ServedModel, evaluation: Path, split_uris: list[str], split: str, settings: ExplanationSettings
) -> Explained:
    """The explanation of a model's answers to the evaluated rows.

    Raises:
      ComponentError: there is no evaluated row, or examples and evaluation are not of the same rows.
    """
    predictions = read_predictions(evaluation, model.features.label.kind)
    choice = choose(predictions, settings.rows, -(-settings.examples // 2), settings.seed)
    if not choice.drawn.size:
        raise ComponentError(
            f"{evaluation}: the evaluation holds no row, so that there is nothing to explain. Give split {split!r} "
            "more of the data (data.splits)."
        )
    chosen = {int(predictions.examples[row]) for row in (*choice.drawn, *choice.worst)}
    _tell(f"explains answers by {settings.method}", 0, len(chosen), {})
    explained = explain_rows(model, predictions, choice, read_chosen(split_uris, chosen), split, settings)
    share = explained.explanation.completeness.share
    metrics = {} if share is None else {"completeness": share}
    _tell("explained", explained.explanation.rows, explained.explanation.rows, metrics)
    return explained


def write_explanation(explained: Explained, artifact: Artifact) -> None:
    """Writes both files into a `ModelExplanation`, and sets its properties."""
    explanation = explained.explanation
    document = json.dumps(explanation.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(artifact.uri, EXPLANATION_FILE), document)
    main = explained.main
    write_attributions(Path(artifact.uri) / ATTRIBUTIONS_FILE, explained.digests, main.names, main.attributions)
    artifact.rows = explanation.rows
    artifact.is_complete = int(explanation.completeness.is_kept)
    logging.info("Explainer: %s", explanation.completeness.sentence())


def _tell(message: str, done: int, total: int, metrics: dict[str, float]) -> None:
    said = {"done": done, "total": total, "unit": "rows", "metrics": metrics}
    standard_logging.getLogger("penstock.progress").info("%s", message, extra={"progress": said})
