"""Reads statistics, schema and anomalies, asks `decide`, writes `decision.json`, and stops the run if need be."""

import json
import os
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.errors import GateRefused
from components.gate.document import today_utc, write_verdict
from components.validation_gate.policy import GatePolicy
from components.validation_gate.verdict import SplitEvidence, decide

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the decision.

        Raises:
          GateRefused: an anomaly stops the run, or evidence is missing; the message says all of it.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        policy = GatePolicy.from_json(json.loads(exec_properties["policy"]))
        schema = _read_schema(input_dict)
        decision = decide(_read_evidence(input_dict, schema), schema, policy, today_utc())
        write_verdict(decision.as_verdict(), artifact_utils.get_single_instance(output_dict["result"]))
        if not decision.passed:
            raise GateRefused(decision.refusal())


def _read_schema(input_dict: Artifacts) -> schema_pb2.Schema | None:
    artifacts = input_dict.get("schema")
    if not artifacts or not fileio.exists(artifacts[0].uri):
        return None
    return io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(artifacts[0].uri))


def _read_evidence(input_dict: Artifacts, schema: schema_pb2.Schema | None) -> list[SplitEvidence]:
    artifacts = input_dict.get("statistics")
    if not artifacts or not artifacts[0].split_names:
        return []
    splits = artifact_utils.decode_split_names(artifacts[0].split_names)
    return [_read_split(artifacts[0], split, input_dict.get("anomalies") or [], schema) for split in splits]


def _read_split(
    statistics: Artifact, split: str, anomalies: list[Artifact], schema: schema_pb2.Schema | None
) -> SplitEvidence:
    if not fileio.exists(artifact_utils.get_split_uri([statistics], split)):
        return SplitEvidence(split, examples=0, anomalies=None)
    dataset_list = stats_artifact_utils.load_statistics(statistics, split).proto()
    found = _read_anomalies(anomalies, split)
    accepting = None
    if schema is not None and found is not None and (found.anomaly_info or found.HasField("dataset_anomaly_info")):
        accepting = tfdv.update_schema(schema, dataset_list)
    examples = sum(int(dataset.num_examples) for dataset in dataset_list.datasets)
    return SplitEvidence(split, examples, found, accepting)


def _read_anomalies(anomalies: list[Artifact], split: str) -> anomalies_pb2.Anomalies | None:
    """What ExampleValidator wrote for a split, None if it wrote nothing."""
    if not anomalies or split not in artifact_utils.decode_split_names(anomalies[0].split_names):
        return None
    path = os.path.join(artifact_utils.get_split_uri(anomalies, split), DEFAULT_FILE_NAME)
    if not fileio.exists(path):
        return None
    return anomalies_pb2.Anomalies.FromString(io_utils.read_bytes_file(path))
