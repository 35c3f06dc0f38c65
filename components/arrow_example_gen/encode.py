"""Columns as serialized tf.Examples, by tfx_bsl's C++ encoder, in one byte order."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa


def encode_examples(columns: Mapping[str, pa.Array]) -> list[bytes]:
    """One serialized tf.Example per row.

    A null is a feature without a value list, as in TFX's CsvExampleGen: TensorFlow parses it as missing. Equal rows
    make equal bytes in every process.

    Args:
      columns: int64, float32 or binary arrays [rows], or lists of these.
    """
    from tfx_bsl.cc.tfx_bsl_extension.coders import RecordBatchToExamplesEncoder

    batch = pa.record_batch([as_lists(values) for values in columns.values()], names=list(columns))
    examples: list[bytes] = RecordBatchToExamplesEncoder(None).Encode(batch)
    return [in_order(example) for example in examples]


def in_order(example: bytes) -> bytes:
    """The same tf.Example with its features in one order: the encoder writes a hash table, whose order is random.

    Source: protobuf's wire format. An Example is one field, a Features, which is a sequence of map entries; every
    field begins with its tag, one byte here, and its length, seven bits a byte.
    """
    if not example:
        return example
    position = _after_length(example, 0)[0]
    head, entries, end = example[:position], [], len(example)
    while position < end:  # inline for lengths of one and two bytes: this loop is met once a value
        length, more = example[position + 1], example[position + 2]
        if length < 128:
            stop = position + 2 + length
        elif more < 128:
            stop = position + 3 + (length & 127 | more << 7)
        else:
            begin, length = _after_length(example, position)
            stop = begin + length
        entries.append(example[position:stop])
        position = stop
    entries.sort()
    return head + b"".join(entries)


def _after_length(message: bytes, tag: int) -> tuple[int, int]:
    """Where the field begins whose tag is at this position, and its length."""
    position, length, shift = tag + 1, 0, 0
    while message[position] > 127:
        length |= (message[position] & 127) << shift
        position, shift = position + 1, shift + 7
    return position + 1, length | message[position] << shift


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
