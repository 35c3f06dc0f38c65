"""Counts the training rows, asks `balance_of` and `select`, writes the balanced examples and what was done."""

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

from components.example_batches import split_pattern
from components.training_balancer.classes import ClassColumn, class_column
from components.training_balancer.resample import CountBins, ReadRows, counts_from_json, write_selected
from components.training_balancer.selection import Ints, Selection, select
from components.training_balancer.settings import BalancingSettings
from components.training_balancer.targets import Balance, balance_of
from models.tabular_text.class_weights import WEIGHTS_FILE, weights_document
from models.tabular_text.features import FeatureSpec

BALANCE_FILE = "balance.json"
TRAIN = "train"

_CLASSES_IN_PROPERTY = 100
_CARRIED = ("payload_format", "file_format", "span", "version")

Artifacts = dict[str, list[Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Balances the train split."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the balanced examples and `balance.json`.

        Raises:
          BadData: there is nothing to balance, or a class is too small for it.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = BalancingSettings.from_json(json.loads(exec_properties["settings"]))
        features = FeatureSpec.from_json(json.loads(exec_properties["features"]))
        source = artifact_utils.get_single_instance(input_dict["transformed_examples"])
        graph = artifact_utils.get_single_instance(input_dict["transform_graph"])
        column = class_column(features, settings.by, graph.uri)
        counts = self._count(source, column, settings)
        by_class = dict(zip(column.classes, counts[:-1].sum(axis=1).tolist(), strict=True))
        balance = balance_of(by_class, int(counts[-1].sum()), column.raw_name, settings)
        made = artifact_utils.get_single_instance(output_dict["balanced_examples"])
        self._write_examples(source, made, column, counts, balance)
        _write_report(balance, artifact_utils.get_single_instance(output_dict["balance"]))

    def _count(self, source: Artifact, column: ClassColumn, settings: BalancingSettings) -> Ints:
        """Training rows by class and bin; handed over as a file."""
        folder = self._get_tmp_dir()
        fileio.makedirs(folder)
        path = os.path.join(folder, "counts")
        with self._make_beam_pipeline() as beam_pipeline:
            _ = (
                beam_pipeline
                | ReadRows(split_pattern(source, TRAIN))
                | "Count" >> beam.CombineGlobally(CountBins(column, settings.seed))
                | "Write" >> beam.io.WriteToText(path, num_shards=1, shard_name_template="")
            )
        return counts_from_json(io_utils.read_string_file(path))

    def _write_examples(
        self, source: Artifact, made: Artifact, column: ClassColumn, counts: Ints, balance: Balance
    ) -> None:
        splits = artifact_utils.decode_split_names(source.split_names)
        is_resampled = balance.settings.method != "class_weights"
        for split in splits:
            if split != TRAIN or not is_resampled:
                _copy_split(source, made, split)
        if is_resampled:
            self._resample(source, _split_folder(made, TRAIN), column, counts, balance)
        else:
            weights = weights_document([item.weight for item in balance.classes])
            io_utils.write_string_file(os.path.join(made.uri, WEIGHTS_FILE), weights)
        _describe(source, made)

    def _resample(self, source: Artifact, folder: str, column: ClassColumn, counts: Ints, balance: Balance) -> None:
        selections = [select(bins, item.after) for bins, item in zip(counts[:-1], balance.classes, strict=True)]
        fileio.makedirs(folder)
        with self._make_beam_pipeline() as beam_pipeline:
            write_selected(
                beam_pipeline,
                split_pattern(source, TRAIN),
                folder,
                column,
                balance.settings.seed,
                [*selections, Selection(every=1)],  # rows without a class stay as they are
                balance.rows_after,
            )


def _split_folder(examples: Artifact, split: str) -> str:
    return os.path.join(examples.uri, f"Split-{split}")


def _copy_split(source: Artifact, made: Artifact, split: str) -> None:
    """The same files under the new artifact: as second names of the same bytes where the disk can do that."""
    origin, folder = artifact_utils.get_split_uri([source], split), _split_folder(made, split)
    fileio.makedirs(folder)
    for name in sorted(fileio.listdir(origin)):
        path, copy = os.path.join(origin, name), os.path.join(folder, name)
        try:
            os.link(path, copy)
        except OSError:  # remote, another disk, or a file system without links
            fileio.copy(path, copy, overwrite=True)


def _describe(source: Artifact, made: Artifact) -> None:
    """What ML Metadata knows of the examples that were read holds for those that were written."""
    made.split_names = source.split_names
    for name in _CARRIED:
        if source.has_custom_property(name):
            found = source.mlmd_artifact.custom_properties[name]
            made.mlmd_artifact.custom_properties[name].CopyFrom(found)


def _write_report(balance: Balance, report: Artifact) -> None:
    text = json.dumps(balance.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(report.uri, BALANCE_FILE), text)
    report.method = balance.settings.method
    report.column = balance.column
    report.rows_before, report.rows_after = balance.rows_before, balance.rows_after
    shown = {item.name: [item.before, item.after] for item in balance.classes[:_CLASSES_IN_PROPERTY]}
    report.classes = json.dumps(shown, ensure_ascii=False)
    report.warnings = len(balance.warnings)
    for sentence in balance.warnings:
        logging.warning("%s", sentence)
