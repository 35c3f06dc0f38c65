"""Reads both explanations, asks `verdict_of`, and writes the verdict; ModelApproval acts on it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tfx.dsl.components.base import base_executor
from tfx.dsl.io.fileio import NotFoundError
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.attribution_drift.judgement import Evidence, verdict_of
from components.attribution_drift.settings import AttributionDriftSettings
from components.explainer.attribution_file import ATTRIBUTIONS_FILE, read_attributions
from components.explainer.document import EXPLANATION_FILE, Explanation
from components.gate.document import today_utc, write_verdict
from components.gate.verdict import judge

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the gate; a model that it refuses is not approved, and the run goes on to its end."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the verdict."""
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = AttributionDriftSettings.from_json(json.loads(exec_properties["settings"]))
        now = _read(input_dict.get("explanation") or [])
        earlier = _read(input_dict.get("baseline") or [])
        verdict = judge(verdict_of(now, earlier, settings), settings.waivers, today_utc())
        write_verdict(verdict, artifact_utils.get_single_instance(output_dict["result"]))


def _read(artifacts: list[Artifact]) -> Evidence | str | None:
    """The evidence in an artifact, None without one; a string says why it cannot be read."""
    if not artifacts:
        return None
    folder = Path(artifacts[0].uri)
    try:
        document = Explanation.from_json(json.loads(io_utils.read_string_file(str(folder / EXPLANATION_FILE))))
        names, attributions = read_attributions(folder / ATTRIBUTIONS_FILE)
    except (KeyError, OSError, TypeError, ValueError, NotFoundError) as error:
        return f"{folder} cannot be read: {type(error).__name__}: {error}."
    if not len(attributions) or not np.isfinite(attributions).all():
        return f"{folder / ATTRIBUTIONS_FILE} holds no row, or attributions that are no numbers."
    return Evidence(document, names, attributions)
