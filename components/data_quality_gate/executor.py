"""Runs the one pass over the examples, asks `verdict_of`, writes the four outputs, and stops the run if need be."""

import datetime
import functools
import json
import math
import os
import pickle
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.data_quality_gate.judgement import verdict_of
from components.data_quality_gate.measured import Measured, measured_of
from components.data_quality_gate.one_pass import Measure, measure_split
from components.data_quality_gate.settings import QualitySettings
from components.data_quality_gate.suggestions import suggest
from components.data_quality_gate.suite import SuiteState
from components.example_batches import read_rows, split_pattern
from components.gate.document import stop_if_refused, today_utc, write_verdict
from components.gate.previous_span import span_of
from components.gate.verdict import judge

METRICS_FILE = "metrics.json"
SUGGESTIONS_FILE = "suggestions.json"
ROWS_FILE = "rows.jsonl"

FORMAT = 1
"""Of `metrics.json` and `suggestions.json`; a reader of another number says so."""

Artifacts = dict[str, list[Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes metrics, suggestions, offending rows and the verdict.

        Raises:
          GateRefused: a constraint of severity error does not hold, or a split has no rows.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = QualitySettings.from_json(json.loads(exec_properties["settings"]))
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        state = self._measure(examples, settings)
        before = input_dict.get("previous_metrics")
        measured = measured_of(state, int(before[0].rows) if before else None, functools.partial(_all_rows, examples))
        now = datetime.datetime.now(datetime.UTC)
        verdict = judge(verdict_of(measured, state.rows, state.profile.columns, now), settings.waivers, today_utc())
        _write_metrics(output_dict, state, measured, span_of(examples))
        _write_suggestions(output_dict, state, settings)
        _write_rows(output_dict, measured)
        write_verdict(verdict, artifact_utils.get_single_instance(output_dict["result"]))
        stop_if_refused(verdict)

    def _measure(self, examples: Artifact, settings: QualitySettings) -> SuiteState:
        """What the pass found; the state of each split comes back as a file."""
        folder = os.path.join(self._get_tmp_dir(), "data-quality")
        fileio.makedirs(folder)
        measure = Measure(settings.constraints, settings.sample_rows, os.path.join(folder, "keys"))
        whole = measure.create_accumulator()
        patterns = _patterns(examples)
        whole.rows = dict.fromkeys(patterns, 0)
        present = {split: pattern for split, pattern in patterns.items() if fileio.glob(pattern)}
        with self._make_beam_pipeline() as beam_pipeline:
            for split, pattern in present.items():
                state = measure_split(beam_pipeline, split, pattern, measure)
                _ = state | f"Write {split}" >> beam.Map(_dump, os.path.join(folder, f"state-{split}"))
        # In one order, and not in that of the folder: sums in another order have other last digits.
        for path in sorted(fileio.glob(os.path.join(folder, "state-*"))):
            whole.join(_load(path))
        return whole


def _dump(state: SuiteState, path: str) -> None:
    with fileio.open(path, "wb") as stream:
        stream.write(pickle.dumps(state))


def _load(path: str) -> SuiteState:
    with fileio.open(path, "rb") as stream:
        state: SuiteState = pickle.loads(stream.read())  # noqa: S301 - this node wrote it a moment ago
    return state


def _patterns(examples: Artifact) -> dict[str, str]:
    splits = artifact_utils.decode_split_names(examples.split_names)
    return {split: split_pattern(examples, split) for split in splits}


def _all_rows(examples: Artifact) -> Iterator[tuple[str, pa.RecordBatch]]:
    for split in artifact_utils.decode_split_names(examples.split_names):
        uri = artifact_utils.get_split_uri([examples], split)
        if fileio.exists(uri):
            for _, batch in read_rows(uri):
                yield split, batch


def _write_metrics(output_dict: Artifacts, state: SuiteState, measured: list[Measured], span: int | None) -> None:
    document = {
        "format": FORMAT,
        "rows": dict(sorted(state.rows.items())),
        "span": span,
        "constraints": [
            {"check": item.constraint.name, "value": _finite(item.value), "rows": item.rows} for item in measured
        ],
        "profile": state.profile.to_json(),
    }
    metrics = _write(output_dict, "metrics", METRICS_FILE, _as_json(document))
    metrics.rows = sum(state.rows.values())
    metrics.span = -1 if span is None else span


def _write_suggestions(output_dict: Artifacts, state: SuiteState, settings: QualitySettings) -> None:
    proposed = [item.to_json() for item in suggest(state.profile)] if settings.suggestions else []
    _write(output_dict, "suggestions", SUGGESTIONS_FILE, _as_json({"format": FORMAT, "suggestions": proposed}))


def _write_rows(output_dict: Artifacts, measured: list[Measured]) -> None:
    rows = [{"check": item.constraint.name, **row} for item in measured for row in item.sample]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    _write(output_dict, "offending_rows", ROWS_FILE, "".join(f"{line}\n" for line in lines))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _as_json(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def _write(output_dict: Artifacts, key: str, name: str, text: str) -> Artifact:
    artifact: Artifact = artifact_utils.get_single_instance(output_dict[key])
    io_utils.write_string_file(os.path.join(artifact.uri, name), text)
    return artifact
