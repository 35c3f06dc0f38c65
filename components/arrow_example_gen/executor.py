"""The executor of ArrowExampleGen: reads the node's settings, calls `ingest`, writes down what came of it."""

import json
import os
from typing import Any

from tfx import types
from tfx.components.example_gen import utils as example_gen_utils
from tfx.components.example_gen import write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.arrow_example_gen.beam_workers import workers_for
from components.arrow_example_gen.custom_config import unpack_options
from components.arrow_example_gen.ingest import IngestReport, SplitPlan, ingest
from components.arrow_example_gen.shares import SHARE_BYTES, shares_of
from components.arrow_example_gen.source_files import list_files
from components.arrow_example_gen.sources import open_sources

QUARANTINE_FOLDER = "quarantine"  # beside the Split-* folders: readers of splits never look there


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads in its own process, or in the workers of Beam's runner if that has any.

    Attributes:
      share_bytes: size of the shares that workers read, about; the shards of what is written depend on it.
    """

    share_bytes = SHARE_BYTES

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the splits of the `examples` artifact, gzip TFRecords of tf.Examples, and its properties.

        Custom properties: `payload_format` and `file_format` as stock components expect them, `rows_in`, `rows_out`,
        `rows_quarantined`, `rows_<split>` and `column_types` (JSON: name to int64, float32 or string).

        Raises:
          BadData: the input cannot be used as it stands.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        input_config = example_gen_pb2.Input()
        output_config = example_gen_pb2.Output()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config)
        proto_utils.json_to_proto(exec_properties[standard_component_specs.OUTPUT_CONFIG_KEY], output_config)
        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(
            example_gen_utils.generate_output_split_names(input_config, output_config)
        )
        files = list_files(exec_properties[standard_component_specs.INPUT_BASE_KEY], input_config.splits[0].pattern)
        options = unpack_options(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        report = ingest(
            shares_of(open_sources(files, options), self.share_bytes),
            options,
            split_plan(output_config),
            split_folder=lambda name: artifact_utils.get_split_uri([examples], name),
            quarantine_folder=os.path.join(examples.uri, QUARANTINE_FOLDER),
            workers=workers_for(self._beam_pipeline_args, self._make_beam_pipeline, examples.uri),
        )
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, write_split.to_file_format_str(example_gen_pb2.FORMAT_TFRECORDS_GZIP))
        record_counts(examples, report)


def split_plan(output_config: example_gen_pb2.Output) -> SplitPlan:
    """The splits of the node's output configuration."""
    config = output_config.split_config
    return SplitPlan({item.name: item.hash_buckets for item in config.splits}, config.partition_feature_name or None)


def record_counts(examples: types.Artifact, report: IngestReport) -> None:
    """Sets the counts and types of the report as custom properties."""
    counts = {
        "rows_in": report.rows_in,
        "rows_out": sum(report.rows_out.values()),
        "rows_quarantined": report.rows_quarantined,
        **{f"rows_{name}": rows for name, rows in report.rows_out.items()},
    }
    for key, value in counts.items():
        examples.set_int_custom_property(key, value)
    examples.set_string_custom_property("column_types", json.dumps({n: str(d) for n, d in report.dtypes.items()}))
