"""Columns as serialized tf.Examples, by tfx_bsl's C++ encoder."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa


def encode_examples(columns: Mapping[str, pa.Array]) -> list[bytes]:
    """One serialized tf.Example per row.

    A null is a feature without a value list, as in TFX's CsvExampleGen: TensorFlow parses it as missing. The order of
    the features within an example differs from process to process.

    Args:
      columns: int64, float32 or binary arrays [rows], or lists of these.
    """
    from tfx_bsl.cc.tfx_bsl_extension.coders import RecordBatchToExamplesEncoder

    batch = pa.record_batch([as_lists(values) for values in columns.values()], names=list(columns))
    examples: list[bytes] = RecordBatchToExamplesEncoder(None).Encode(batch)
    return examples


def as_lists(values: pa.Array) -> pa.Array:
    """Values [rows] as lists of one value, nulls as null; lists unchanged."""
    if pa.types.is_list(values.type):
        return values
    if not values.null_count:
        return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32)), values)
    nulls = values.is_null()
    filled = ~nulls.to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(filled))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values.drop_null(), mask=nulls)
