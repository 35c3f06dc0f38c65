"""A million rows through several worker processes of Beam's: what comes out is what was put in, row for row.

The rows are generated; what is expected of them is computed from the generated columns, not by the reader.
"""

import dataclasses
import hashlib
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from components.arrow_example_gen import beam_workers
from components.arrow_example_gen.options import ReadOptions
from pipeline.beam_options import beam_options
from pipeline.beam_settings import BeamSettings

pytestmark = pytest.mark.integration

ROWS = 1_000_000
WORKERS = 2
SHARE_BYTES = 4 << 20  # of a table of some 11 million bytes
ARGS = beam_options(BeamSettings(mode="local_parallel", workers=WORKERS), "ArrowExampleGen")
SPLITS = {"train": 8, "eval": 2}
MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)


@dataclasses.dataclass(frozen=True)
class Told:
    """What is told of the rows of a split; the digest is the sum of a hash of each row, modulo 2**64.

    A row that is lost, doubled or changed changes it, the order of the rows does not.
    """

    rows: int
    total: int
    digest: int


def told(ids, values) -> Told:
    """Of the rows of these columns, int64 [rows]."""
    mixed = ids.astype(np.uint64) * np.uint64(MULTIPLIERS[0]) ^ values.astype(np.uint64)
    mixed = (mixed ^ mixed >> np.uint64(29)) * np.uint64(MULTIPLIERS[1])
    return Told(len(ids), int(values.sum()), int((mixed ^ mixed >> np.uint64(32)).sum(dtype=np.uint64)))


def expected(ids, values) -> dict[str, Told]:
    """By the rule of `split.assign_by_value`, one value after the other: SHA-256 of its text, modulo the weights."""
    buckets = np.array([int.from_bytes(hashlib.sha256(b"%d" % key).digest(), "big") % 10 for key in ids.tolist()])
    return {
        name: told(ids[chosen], values[chosen]) for name, chosen in {"train": buckets < 8, "eval": buckets >= 8}.items()
    }


def ingested(path: Path, out: Path, beam_args: list[str]) -> dict[str, bytes]:
    """Every file that ArrowExampleGen's executor makes, by its path below `out`."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.proto import example_gen_pb2
    from tfx.types.standard_artifacts import Examples
    from tfx.utils.proto_utils import proto_to_json

    from components.arrow_example_gen.custom_config import pack_options
    from components.arrow_example_gen.executor import Executor

    config = example_gen_pb2.SplitConfig(
        splits=[example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=weight) for name, weight in SPLITS.items()],
        partition_feature_name="id",
    )
    every = example_gen_pb2.Input.Split(name="all", pattern=path.name)
    examples = Examples()
    examples.uri = str(out)
    executor = Executor(BaseBeamExecutor.Context(beam_pipeline_args=beam_args))
    executor.share_bytes = SHARE_BYTES
    executor.Do(
        {},
        {"examples": [examples]},
        {
            "input_base": str(path.parent),
            "input_config": proto_to_json(example_gen_pb2.Input(splits=[every])),
            "output_config": proto_to_json(example_gen_pb2.Output(split_config=config)),
            "custom_config": proto_to_json(pack_options(ReadOptions())),
        },
    )
    counts = [examples.get_int_custom_property(f"rows_{what}") for what in ("in", "out", "quarantined")]
    assert counts == [ROWS, ROWS, 0]
    return {str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()}


def read_by_beam(patterns: dict[str, str], folder: Path) -> dict[str, Told]:
    """Of each split's rows, as a Beam pipeline in several processes reads them: through tfx_bsl, as StatisticsGen does.

    A file with a line for every batch comes back; the lines are added up here.
    """
    import apache_beam as beam
    from tfx_bsl.tfxio import tf_example_record

    multipliers = MULTIPLIERS

    def of_batch(batch):  # without names of this module, which the workers cannot import
        import numpy

        ids, values = (batch.column(name).flatten().to_numpy().astype("u8") for name in ("id", "value"))
        mixed = ids * numpy.uint64(multipliers[0]) ^ values
        mixed = (mixed ^ mixed >> numpy.uint64(29)) * numpy.uint64(multipliers[1])
        digest = (mixed ^ mixed >> numpy.uint64(32)).sum(dtype=numpy.uint64)
        return f"{len(ids)} {values.sum()} {digest}"

    with beam.Pipeline(argv=ARGS) as pipeline:
        for name, pattern in patterns.items():
            source = tf_example_record.TFExampleRecord(pattern, telemetry_descriptors=["tests"]).BeamSource()
            lines = pipeline | f"Read {name}" >> source | f"Tell {name}" >> beam.Map(of_batch)
            _ = lines | f"Write {name}" >> beam.io.WriteToText(str(folder / name))
    return {name: added(folder.glob(f"{name}-*")) for name in patterns}


def added(files) -> Told:
    """The sums of all lines."""
    lines = [map(int, line.split()) for file in files for line in file.read_text().splitlines()]
    rows, total, digest = map(sum, zip(*lines, strict=True))
    return Told(rows, total, digest % 2**64)


def test_a_million_rows_in_several_processes_are_the_million_rows_that_went_in(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger=beam_workers.__name__)
    ids = np.random.default_rng(7).permutation(ROWS)
    values = np.random.default_rng(8).integers(0, 1000, ROWS)
    path = tmp_path / "million.csv"
    pa_csv.write_csv(pa.table({"id": ids, "value": values}), path)

    found = ingested(path, tmp_path / "several", ARGS)

    said = [record.getMessage() for record in caplog.records if record.name == beam_workers.__name__]
    assert said == [f"3 shares of the input were read by {WORKERS} workers"] * 2, "one for each pass"
    here = beam_options(BeamSettings(), "ArrowExampleGen")
    assert found == ingested(path, tmp_path / "one", here), "one process makes the same bytes"
    wanted = expected(ids, values)
    patterns = {name: str(tmp_path / "several" / f"Split-{name}" / "*") for name in SPLITS}
    assert read_by_beam(patterns, tmp_path) == wanted
    assert sum(split.total for split in wanted.values()) == int(values.sum())
