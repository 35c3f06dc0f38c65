"""The rows of an Examples artifact as Arrow batches: in a Beam pipeline, or one file after the other.

A batch has one plain column per feature, null where the row has no value (features with several values keep the
first). Strings are `large_binary`, whole numbers int64, others float32, as tf.Example holds them.
"""

import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils
from tfx_bsl.public import tfxio

_BATCH_ROWS = 4096


def split_pattern(examples: Artifact, split: str) -> str:
    """The files of one split."""
    return str(io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split)))


class ReadBatches(beam.PTransform):
    """A split's rows as `pyarrow.RecordBatch`es, see the module.

    batches = beam_pipeline | ReadBatches(split_pattern(examples, "train"))
    """

    def __init__(self, pattern: str, batch_rows: int = _BATCH_ROWS) -> None:
        super().__init__()
        self._pattern, self._batch_rows = pattern, batch_rows

    def expand(self, beam_pipeline: Any) -> Any:
        """Reads, decodes and flattens."""
        source = tfxio.TFExampleRecord(self._pattern, telemetry_descriptors=["penstock"])
        return beam_pipeline | "Read" >> source.BeamSource(self._batch_rows) | "Flatten" >> beam.Map(flat)


def flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the first value of each list as its column."""
    return pa.RecordBatch.from_arrays([_first(column) for column in batch.columns], names=batch.schema.names)


def _first(column: pa.Array) -> pa.Array:
    if pa.types.is_null(column.type):
        return column
    offsets = column.offsets.to_numpy()
    starts, lengths = offsets[:-1], np.diff(offsets)
    indices = pa.array(starts, mask=lengths == 0)
    return column.values.take(indices)


def read_rows(uri: str) -> Iterator[tuple[list[bytes], pa.RecordBatch]]:
    """The rows of a split's folder in this process, a few thousand at a time: serialized, and as a flat batch."""
    from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

    from components.arrow_example_gen.source_files import open_bytes
    from components.arrow_example_gen.tfrecord import read_records

    decoder = ExamplesToRecordBatchDecoder(None)
    for name in sorted(os.listdir(uri)):
        with open_bytes(os.path.join(uri, name)) as stream:
            records: list[bytes] = []
            for record in read_records(stream):
                records.append(record)
                if len(records) == _BATCH_ROWS:
                    yield records, flat(decoder.DecodeBatch(records))
                    records = []
            if records:
                yield records, flat(decoder.DecodeBatch(records))
