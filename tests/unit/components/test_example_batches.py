"""Rows of tf.Examples as flat Arrow batches."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

tf = pytest.importorskip("tensorflow")


def example(**values: Any) -> bytes:
    features = {}
    for name, items in values.items():
        if items and isinstance(items[0], bytes):
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=items))
        elif items and isinstance(items[0], float):
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=items))
        else:
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=items))
    made: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return made


ROWS = [
    example(stars=[5], text=[b"good"], price=[1.5]),
    example(stars=[], text=[b"a", b"b"]),
    example(price=[2.5], text=[b""]),
]


@pytest.fixture
def split(tmp_path: Path) -> Path:
    folder = tmp_path / "Split-train"
    folder.mkdir()
    for number, rows in enumerate((ROWS[:2], ROWS[2:])):
        path = str(folder / f"data-{number:05d}-of-00002.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for row in rows:
                writer.write(row)
    return folder


def columns(batches: list[pa.RecordBatch]) -> dict[str, list[Any]]:
    table = pa.concat_tables([pa.Table.from_batches([batch]) for batch in batches], promote_options="permissive")
    return {name: table[name].to_pylist() for name in sorted(table.column_names)}


EXPECTED = {"price": [1.5, None, 2.5], "stars": [5, None, None], "text": [b"good", b"a", b""]}


def test_rows_come_in_order_with_null_for_no_value(split: Path) -> None:
    from components.example_batches import read_rows

    found = list(read_rows(str(split)))
    assert [record for records, _ in found for record in records] == ROWS
    assert columns([batch for _, batch in found]) == EXPECTED


def test_beam_reads_the_same_rows(split: Path) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.testing.util import assert_that

    from components.example_batches import ReadBatches

    def same(batches: list[pa.RecordBatch]) -> None:
        found = columns(sorted(batches, key=lambda batch: -batch.num_rows))
        if found != EXPECTED:
            raise AssertionError(found)

    options = PipelineOptions(["--runner=FnApiRunner", "--direct_running_mode=in_memory"])
    with beam.Pipeline(options=options) as beam_pipeline:
        assert_that(beam_pipeline | ReadBatches(f"{split}/*"), same)
