"""The rows of an Examples artifact as Arrow batches: in a Beam pipeline, or one file after the other.

A batch has one plain column per feature, null where the row has no value (features with several values keep the
first). Strings are `large_binary`, whole numbers int64, others float32, as tf.Example holds them.
"""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.arrow_example_gen.columns import first_values

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
        """Reads and decodes each file as a whole: an element of Beam is a batch, where TFX's source makes it a row."""
        files = beam_pipeline | "Files" >> beam.Create(sorted(fileio.glob(self._pattern)), reshuffle=True)
        return files | "Read" >> beam.FlatMap(_batches, self._batch_rows)


def _batches(path: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
    for _, batch in _read_file(path, batch_rows):
        yield batch


def flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the first value of each list as its column."""
    return pa.RecordBatch.from_arrays([first_values(column) for column in batch.columns], names=batch.schema.names)


def read_rows(uri: str) -> Iterator[tuple[list[bytes], pa.RecordBatch]]:
    """The rows of a split's folder in this process, a few thousand at a time: serialized, and as a flat batch."""
    for name in sorted(os.listdir(uri)):
        yield from _read_file(os.path.join(uri, name), _BATCH_ROWS)


def _read_file(path: str, batch_rows: int) -> Iterator[tuple[list[bytes], pa.RecordBatch]]:
    from tfx_bsl.cc.tfx_bsl_extension.coders import ExamplesToRecordBatchDecoder

    from components.arrow_example_gen.source_files import open_bytes
    from components.arrow_example_gen.tfrecord import read_records

    decoder = ExamplesToRecordBatchDecoder(None)
    with open_bytes(path) as stream:
        records = read_records(stream)
        while chunk := list(itertools.islice(records, batch_rows)):
            yield chunk, flat(decoder.DecodeBatch(chunk))
