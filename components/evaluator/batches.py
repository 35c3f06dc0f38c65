"""Batches of rows small enough that a model can answer all of them at once."""

from collections.abc import Iterator

import pyarrow as pa

MAX_ROWS = 1000
"""A batch has up to 8,192 (pipeline/launch/beam_batches.py); a transformer's attention to so many takes gigabytes."""


def pieces(batch: pa.RecordBatch, max_rows: int = MAX_ROWS) -> Iterator[pa.RecordBatch]:
    """The batch's rows in their order, in batches of no more than `max_rows`."""
    for start in range(0, batch.num_rows, max_rows):
        # Copied, not cut: a slice points into the whole batch, which not every reader of Arrow's buffers minds.
        yield batch.take(pa.array(range(start, min(start + max_rows, batch.num_rows))))
