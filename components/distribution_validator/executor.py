"""Summarises the examples in one pass, compares them with the span before and with logged requests, and decides."""

import json
import os
from typing import Any

import apache_beam as beam
from absl import logging
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.distribution_validator.columns import ComparedColumn, compared_columns
from components.distribution_validator.comparison import ColumnComparison, compare
from components.distribution_validator.judgement import Question, verdict_of
from components.distribution_validator.one_pass import summarise_split
from components.distribution_validator.serving_requests import summarise_requests
from components.distribution_validator.settings import DistributionSettings
from components.distribution_validator.summary import TableSummary
from components.errors import BadData
from components.example_batches import split_pattern
from components.gate.document import stop_if_refused, today_utc, write_verdict
from components.gate.previous_span import span_of
from components.gate.verdict import judge
from components.mirror import original_uri
from models.tabular_text.features import FeatureSpec

SUMMARY_FILE = "summary.json"

MAX_UNREADABLE = 0.05
"""With a larger share of logged requests that cannot be read, the others are no picture of all."""

Artifacts = dict[str, list[Artifact]]
Compared = list[tuple[Question, list[ColumnComparison]]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the summary and the verdict.

        Raises:
          GateRefused: a column drifted too far, or there are no rows.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = DistributionSettings.from_json(json.loads(exec_properties["settings"]))
        features = FeatureSpec.from_json(json.loads(exec_properties["features"]))
        columns = compared_columns(features, settings.features)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        current = self._summarise(examples, columns)
        _write_summary(output_dict, current, span_of(examples))
        compared, remarks, missing = _with_earlier(input_dict, current, span_of(examples), columns, settings)
        missing += [] if current.rows else ["The examples have no rows. Look at data.path and data.on_bad_rows."]
        if path := exec_properties.get("serving_path"):
            skew, told, problems = _with_requests(path, current, features, settings)
            compared, remarks, missing = [*compared, *skew], [*remarks, *told], [*missing, *map(original_uri, problems)]
        verdict = judge(verdict_of(compared, missing, remarks), settings.waivers, today_utc())
        write_verdict(verdict, artifact_utils.get_single_instance(output_dict["result"]))
        stop_if_refused(verdict)

    def _summarise(self, examples: Artifact, columns: tuple[ComparedColumn, ...]) -> TableSummary:
        """The summary of all splits together; that of each comes back as a file."""
        folder = os.path.join(self._get_tmp_dir(), "distribution")
        fileio.makedirs(folder)
        splits = artifact_utils.decode_split_names(examples.split_names)
        patterns = {split: split_pattern(examples, split) for split in splits}
        present = {split: pattern for split, pattern in patterns.items() if fileio.glob(pattern)}
        with self._make_beam_pipeline() as beam_pipeline:
            for split, pattern in present.items():
                found = summarise_split(beam_pipeline, split, pattern, columns)
                _ = found | f"Write {split}" >> beam.Map(_write, os.path.join(folder, split))
        whole = TableSummary.empty(columns)
        for split in sorted(present):
            whole.join(_read(os.path.join(folder, split)))
        return whole


def _write(summary: TableSummary, path: str) -> None:
    io_utils.write_string_file(path, json.dumps(summary.to_json(), ensure_ascii=False, allow_nan=False))


def _read(path: str) -> TableSummary:
    return TableSummary.from_json(json.loads(io_utils.read_string_file(path)))


def _write_summary(output_dict: Artifacts, summary: TableSummary, span: int | None) -> None:
    artifact = artifact_utils.get_single_instance(output_dict["summary"])
    _write(summary, os.path.join(artifact.uri, SUMMARY_FILE))
    artifact.rows = summary.rows
    artifact.span = -1 if span is None else span


def read_summary(artifact: Artifact) -> TableSummary:
    """The summary in an artifact.

    Raises:
      ValueError: the document is damaged or of another format.
    """
    return _read(os.path.join(artifact.uri, SUMMARY_FILE))


def _with_earlier(
    input_dict: Artifacts,
    current: TableSummary,
    span: int | None,
    columns: tuple[ComparedColumn, ...],
    settings: DistributionSettings,
) -> tuple[Compared, list[str], list[str]]:
    """The comparison with the span before, remarks where there is none, and what keeps it from being evidence."""
    artifacts = input_dict.get("previous")
    if span is None:
        return [], ["The data has no spans ({SPAN} in data.path), so there is no earlier one to compare with."], []
    if not artifacts:
        told = f"There is no earlier span than {span} to compare with; this one's summary is kept for later ones."
        return [], [told], []
    before = span_of(artifacts[0])
    try:
        earlier = read_summary(artifacts[0])
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        return [], [], [_gone(os.path.join(artifacts[0].uri, SUMMARY_FILE), before, error)]
    return (
        [(Question("drift", f"from span {before} to span {span}"), compare(earlier, current, columns, settings))],
        [],
        [],
    )


def _gone(path: str, span: int | None, error: Exception) -> str:
    why = "is not there any more" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
    return (
        f"{path}: the summary of span {span}, which this span is compared with, {why}. Bring it back from a backup, "
        f"or summarise that span anew: penstock run --set data.span={span} --to DistributionValidator."
    )


def _with_requests(
    path: str, current: TableSummary, features: FeatureSpec, settings: DistributionSettings
) -> tuple[Compared, list[str], list[str]]:
    """The comparison with logged requests, remarks on them, and what keeps them from being evidence."""
    try:
        requests, unreadable = summarise_requests(path, features, list(settings.features))
    except BadData as error:
        return [], [], [f"The logged requests cannot be compared: {error}"]
    if not requests.rows:
        return (
            [],
            [],
            [f"{path} (distribution.serving_path) has no usable rows. Log requests there, or remove the key."],
        )
    if unreadable > MAX_UNREADABLE * (unreadable + requests.rows):
        share = f"{unreadable:,} of {unreadable + requests.rows:,} rows"
        return [], [], [f"{path} (distribution.serving_path): {share} do not fit the types of the training data."]
    columns = [column for column in compared_columns(features, settings.features) if not column.is_label]
    told = [f"{unreadable:,} logged requests could not be read and are left out."] if unreadable else []
    question = Question("skew", "from training to serving")
    logging.info("Compared with %d logged requests.", requests.rows)
    return [(question, compare(current, requests, columns, settings))], told, []
