"""Reads the model and the Evaluator's sample, has them probed, writes `report.json` and the infra blessing."""

import json
import logging as standard_logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.evaluator.baseline import DESCRIPTION
from components.evaluator.sample import SAMPLE_PATH, load_sample
from components.serving_check.probe_process import run_probe
from components.serving_check.report import ServingReport, judge, refused
from components.serving_check.settings import ServingCheckSettings

REPORT_FILE = "report.json"

#: Names by which TFX knows an infra blessing (tfx/components/infra_validator/executor.py).
BLESSED_FILE, NOT_BLESSED_FILE, BLESSED_PROPERTY = "INFRA_BLESSED", "INFRA_NOT_BLESSED", "blessed"

BATCH_SIZE = 32

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the check; a model that fails it is not blessed, and the run goes on to its end."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes report and blessing."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(input_dict["evaluation"])
        settings = ServingCheckSettings.from_json(json.loads(exec_properties["settings"]))
        report = check(path_utils.serving_model_path(model.uri), evaluation.uri, settings)
        write_blessing(artifact_utils.get_single_instance(output_dict["blessing"]), report)


def check(model_path: str, evaluation_uri: str, settings: ServingCheckSettings) -> ServingReport:
    """The report on a SavedModel, with the sample that the Evaluator stored."""
    sample_path = os.path.join(evaluation_uri, SAMPLE_PATH)
    if not fileio.exists(sample_path):
        return refused(f"There is no sample of the Evaluator's predictions at {sample_path}. Run the Evaluator again.")
    rows = load_sample(io_utils.read_string_file(sample_path))[: settings.rows]
    request = {
        "model_path": model_path,
        "sample_path": sample_path,
        "rows": len(rows),
        "batch_size": BATCH_SIZE,
        "inputs": _inputs(model_path),
    }
    _tell("loads the model as a server would, and asks it", 0, len(rows), {})
    with tempfile.TemporaryDirectory(prefix="penstock-probe-") as folder:
        run = run_probe(request, Path(folder), settings.timeout_s)
    report = judge(run, [row.predictions for row in rows], settings)
    load_s = report.facts.get("load_s")
    metrics = {} if load_s is None else {"load_s": load_s}
    _tell("servable" if report.blessed else "not servable", report.facts.get("rows", 0), len(rows), metrics)
    return report


def _tell(message: str, done: int, total: int, metrics: Mapping[str, float]) -> None:
    said = {"done": done, "total": total, "unit": "rows", "metrics": dict(metrics)}
    standard_logging.getLogger("penstock.progress").info("%s", message, extra={"progress": said})


def _inputs(model_path: str) -> Any:
    path = os.path.join(model_path, DESCRIPTION)
    return json.loads(io_utils.read_string_file(path))["inputs"] if fileio.exists(path) else None


def write_blessing(blessing: Artifact, report: ServingReport) -> None:
    """Writes `report.json`, and the file and property by which TFX knows an infra blessing."""
    document = json.dumps(report.to_json(), indent=2, ensure_ascii=False)
    logging.info("ServingCheck: blessed %s; %s", report.blessed, " ".join(report.reasons))
    io_utils.write_string_file(os.path.join(blessing.uri, REPORT_FILE), document)
    name = BLESSED_FILE if report.blessed else NOT_BLESSED_FILE
    io_utils.write_string_file(os.path.join(blessing.uri, name), "")
    blessing.set_int_custom_property(BLESSED_PROPERTY, int(report.blessed))
