"""ArrowExampleGen: files of rows to splits of tf.Examples."""

from collections.abc import Mapping

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2

from components.arrow_example_gen import driver, executor
from components.arrow_example_gen.custom_config import pack_options
from components.arrow_example_gen.options import ReadOptions


class ArrowExampleGen(FileBasedExampleGen):
    """Reads CSV, TSV, Parquet or TFRecord files, plain or gzip, in bounded memory; see `options.ReadOptions`.

    Where Beam's runner has workers of its own, they read large files side by side; see `shares`.

    Outputs: `examples`, an Examples artifact with one split per name in `splits` (gzip TFRecords of tf.Examples), and
    beside the splits `quarantine/rows.jsonl` if rows were set aside.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(
        self,
        *,
        input_base: str,
        pattern: str,
        read: ReadOptions,
        splits: Mapping[str, int],
        split_by: str | None = None,
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        """Constructs the node.

        Args:
          input_base: the folder that `pattern` starts from.
          pattern: a glob, possibly with {SPAN}, {VERSION} or {YYYY}, {MM}, {DD}; TFX's semantics.
          read: how rows are read and judged.
          splits: names and weights; their order is part of which row goes where.
          split_by: the column whose value decides on the split, so that equal values share one; None for whole rows.
          range_config: a fixed span instead of the latest.
        """
        config = example_gen_pb2.SplitConfig(
            splits=[example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=w) for n, w in splits.items()]
        )
        if split_by is not None:
            config.partition_feature_name = split_by
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(
                splits=[example_gen_pb2.Input.Split(name="all", pattern=pattern)],
            ),
            output_config=example_gen_pb2.Output(split_config=config),
            custom_config=pack_options(read),
            range_config=range_config,
        )
