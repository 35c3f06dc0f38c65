"""Runs the one pass over the examples, asks `verdict_of`, writes the four outputs, and stops the run if need be."""

import base64
import datetime
import json
import os
import pickle
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import numpy as np
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.data_quality_gate.judgement import Measured, verdict_of
from components.data_quality_gate.measures import Newest
from components.data_quality_gate.offenders import rows_of_keys
from components.data_quality_gate.one_pass import measure_examples
from components.data_quality_gate.previous_span import span_of
from components.data_quality_gate.settings import Constraint, QualitySettings
from components.data_quality_gate.suggestions import suggest
from components.data_quality_gate.suite import SuiteState
from components.example_batches import split_pattern
from components.gate.document import stop_if_refused, today_utc, write_verdict
from components.gate.verdict import judge

METRICS_FILE = "metrics.json"
SUGGESTIONS_FILE = "suggestions.json"
ROWS_FILE = "rows.jsonl"

Artifacts = dict[str, list[Artifact]]

KeyCounts = Mapping[int, tuple[int, int, bytes]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes metrics, suggestions, offending rows and the verdict.

        Raises:
          GateRefused: a constraint of severity error does not hold, or there are no rows.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = QualitySettings.from_json(json.loads(exec_properties["settings"]))
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        splits = artifact_utils.decode_split_names(examples.split_names)
        state, keys = self._measure(examples, splits, settings)
        uris = {split: artifact_utils.get_split_uri([examples], split) for split in splits}
        measured = _measured(state, keys, uris, settings, _rows_before(input_dict))
        now = datetime.datetime.now(datetime.UTC)
        verdict = judge(
            verdict_of(measured, state.rows, list(state.profile.columns), now), settings.waivers, today_utc()
        )
        _write_metrics(output_dict, state, measured, span_of(examples))
        proposed = [item.to_json() for item in suggest(state.profile)] if settings.suggestions else []
        _write(output_dict, "suggestions", SUGGESTIONS_FILE, json.dumps(proposed, indent=1, ensure_ascii=False))
        rows = [{"check": item.constraint.name, **row} for item in measured for row in item.sample]
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        _write(output_dict, "offending_rows", ROWS_FILE, "".join(f"{line}\n" for line in lines))
        write_verdict(verdict, artifact_utils.get_single_instance(output_dict["result"]))
        stop_if_refused(verdict)

    def _measure(
        self, examples: Artifact, splits: list[str], settings: QualitySettings
    ) -> tuple[SuiteState, KeyCounts]:
        """What the pass found; each worker hands it over as a file."""
        patterns = {split: split_pattern(examples, split) for split in splits}
        folder = self._get_tmp_dir()
        fileio.makedirs(folder)
        paths = {name: os.path.join(folder, name) for name in ("state", "keys")}
        with self._make_beam_pipeline() as beam_pipeline:
            state, keys = measure_examples(beam_pipeline, patterns, settings.constraints, settings.sample_rows)
            for name, found in (("state", state), ("keys", keys)):
                _ = (
                    found
                    | f"Pack {name}" >> beam.Map(_packed)
                    | f"Write {name}" >> beam.io.WriteToText(paths[name], "")
                )
        return _read_elements(paths["state"])[0], dict(_read_elements(paths["keys"]))


def _packed(element: Any) -> str:
    return base64.b64encode(pickle.dumps(element)).decode("ascii")


def _read_elements(path: str) -> list[Any]:
    """What the pass wrote a moment ago to one file, or to several."""
    lines = [line for part in sorted(fileio.glob(f"{path}*")) for line in io_utils.read_bytes_file(part).splitlines()]
    return [pickle.loads(base64.b64decode(line)) for line in lines]  # noqa: S301 - written a moment ago by this process


def _measured(
    state: SuiteState,
    keys: KeyCounts,
    uris: Mapping[str, str],
    settings: QualitySettings,
    rows_before: int | None,
) -> list[Measured]:
    found = []
    for index, constraint in enumerate(state.constraints):
        measure = state.measures[index]
        if measure is not None:
            unreadable = measure.unreadable if isinstance(measure, Newest) else 0
            remark = f"{unreadable:,} values are no dates." if unreadable else ""
            found.append(Measured(constraint, measure.value, measure.rows, state.sample(index), remark))
        elif constraint.kind == "row_count_change":
            found.append(_change(constraint, sum(state.rows.values()), rows_before))
        else:
            count, kept, wrong = keys.get(index, (0, 0, b""))
            hashes = np.frombuffer(wrong, np.uint64).reshape(-1, 2)
            sample = rows_of_keys(uris, constraint, hashes, settings.sample_rows) if len(hashes) else []
            found.append(Measured(constraint, kept / count if count else None, count, sample))
    return found


def _change(constraint: Constraint, rows: int, before: int | None) -> Measured:
    if not before:
        return Measured(constraint, None, rows, remark="There is no earlier span to compare the number of rows with.")
    return Measured(constraint, rows / before - 1, rows, remark=f"The span before has {before:,}.")


def _rows_before(input_dict: Artifacts) -> int | None:
    artifacts = input_dict.get("previous_metrics")
    return int(artifacts[0].rows) if artifacts else None


def _write_metrics(output_dict: Artifacts, state: SuiteState, measured: list[Measured], span: int | None) -> None:
    document = {
        "rows": dict(sorted(state.rows.items())),
        "span": span,
        "constraints": [{"check": item.constraint.name, "value": item.value, "rows": item.rows} for item in measured],
        "profile": state.profile.to_json(),
    }
    metrics = _write(
        output_dict, "metrics", METRICS_FILE, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    )
    metrics.rows = sum(state.rows.values())
    metrics.span = -1 if span is None else span


def _write(output_dict: Artifacts, key: str, name: str, text: str) -> Artifact:
    artifact: Artifact = artifact_utils.get_single_instance(output_dict[key])
    io_utils.write_string_file(os.path.join(artifact.uri, name), text)
    return artifact
