"""The two passes over the training rows, on Beam: one counts, one writes.

A worker holds a batch, the rows on one class's border, or one shard of the result, never the split.
"""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tfx.dsl.io import fileio
from tfx_bsl.public import tfxio

from components.arrow_example_gen.tfrecord import frame
from components.training_balancer.classes import ClassColumn
from components.training_balancer.selection import (
    BINS,
    Hashes,
    Ints,
    Selection,
    bin_of,
    copies,
    hash_rows,
    on_border,
    place_of_copy,
)

SHARD_ROWS = 50_000
"""Rows of one file of the result, which one worker sorts in memory."""

_BATCH_ROWS = 4096
_RECORD = "serialized row"
_GZIP_LEVEL = 1

Placed = tuple[int, bytes]
"""A row and its place in the new order."""


class ReadRows(beam.PTransform):
    """The serialized rows of a split with their columns as lists, as `pyarrow.RecordBatch`es."""

    def __init__(self, pattern: str) -> None:
        super().__init__()
        self._pattern = pattern

    def expand(self, beam_pipeline: Any) -> Any:
        """Reads and decodes."""
        source = tfxio.TFExampleRecord(
            self._pattern, raw_record_column_name=_RECORD, telemetry_descriptors=["penstock"]
        )
        return beam_pipeline | "Read" >> source.BeamSource(_BATCH_ROWS)


def taken_apart(batch: pa.RecordBatch, column: ClassColumn, seed: int) -> tuple[list[bytes], Ints, Hashes]:
    """Each row of a batch: serialized, the index of its class (-1 = none), its hash."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    records = columns.pop(_RECORD).flatten().to_pylist()
    return records, column.indices(columns.get(column.name), len(records)), hash_rows(columns, len(records), seed)


class CountBins(beam.CombineFn):
    """Batches → rows by class and by bin of their hashes, int64 [classes + 1, BINS]; the last are those without one."""

    def __init__(self, column: ClassColumn, seed: int) -> None:
        self._column, self._seed = column, seed

    def create_accumulator(self) -> Ints:
        """No row yet."""
        return np.zeros((len(self._column.classes) + 1, BINS), np.int64)

    def add_input(self, counts: Ints, batch: pa.RecordBatch) -> Ints:
        """Counts one batch."""
        _, classes, hashes = taken_apart(batch, self._column, self._seed)
        np.add.at(counts, (classes, bin_of(hashes)), 1)
        return counts

    def merge_accumulators(self, parts: Iterable[Ints]) -> Ints:
        """Joins what several workers counted."""
        merged = self.create_accumulator()
        for part in parts:
            merged += part
        return merged

    def extract_output(self, counts: Ints) -> str:
        """As JSON: the counts of each class that are not 0, by bin."""
        return json.dumps([{str(place): int(row[place]) for place in np.flatnonzero(row)} for row in counts])


def counts_from_json(text: str) -> Ints:
    """The inverse of `CountBins.extract_output`."""
    rows = json.loads(text)
    counts = np.zeros((len(rows), BINS), np.int64)
    for row, found in zip(counts, rows, strict=True):
        row[[int(place) for place in found]] = list(found.values())
    return counts


class TakeRows(beam.DoFn):
    """A batch → (shard, placed row) for every copy; rows on the border as (class, (hash, row)) under `BORDER`."""

    BORDER = "border"

    def __init__(self, column: ClassColumn, seed: int, selections: Sequence[Selection], shards: int) -> None:
        self._column, self._seed, self._selections, self._shards = column, seed, selections, shards

    def process(self, batch: pa.RecordBatch) -> Iterator[Any]:
        """See the class."""
        records, classes, hashes = taken_apart(batch, self._column, self._seed)
        for index in np.unique(classes).tolist():
            rows = np.flatnonzero(classes == index)
            selection = self._selections[index]
            taken = copies(hashes[rows], selection)
            for copy in range(int(taken.max())):
                chosen = rows[taken > copy]
                places = place_of_copy(hashes[chosen], copy)
                for row, place in zip(chosen.tolist(), places.tolist(), strict=True):
                    yield place % self._shards, (place, records[row])
            for row in rows[on_border(hashes[rows], selection)].tolist():
                yield beam.pvalue.TaggedOutput(self.BORDER, (index, (int(hashes[row]), records[row])))


class TakeFromBorder(beam.DoFn):
    """A class's rows on the border → one more copy of those with the smallest hashes."""

    def __init__(self, selections: Sequence[Selection], shards: int) -> None:
        self._selections, self._shards = selections, shards

    def process(self, element: tuple[int, Iterable[Placed]]) -> Iterator[tuple[int, Placed]]:
        """See the class."""
        index, rows = element
        selection = self._selections[index]
        for row_hash, record in sorted(rows)[: selection.rest]:
            place = int(place_of_copy(np.array([row_hash], np.uint64), selection.every)[0])
            yield place % self._shards, (place, record)


class WriteShard(beam.DoFn):
    """A shard's rows → its file, in their new order; the same rows make the same bytes."""

    def __init__(self, folder: str, shards: int) -> None:
        self._folder, self._shards = folder, shards

    def process(self, element: tuple[int, Iterable[Placed]]) -> None:
        """See the class."""
        shard, rows = element
        data = gzip.compress(frame([record for _, record in sorted(rows)]), _GZIP_LEVEL, mtime=0)
        path = os.path.join(self._folder, f"transformed_examples-{shard:05d}-of-{self._shards:05d}.gz")
        # A worker that is started again writes the same bytes; half a file must never be taken for one.
        unfinished = os.path.join(self._folder, f".unfinished-{shard:05d}")
        with fileio.open(unfinished, "wb") as file:
            file.write(data)
        fileio.rename(unfinished, path, overwrite=True)


def write_selected(
    beam_pipeline: Any,
    pattern: str,
    folder: str,
    column: ClassColumn,
    seed: int,
    selections: Sequence[Selection],
    rows_after: int,
) -> None:
    """Adds the second pass to a Beam pipeline: writes the selected rows of the files as a split of `rows_after` rows.

    Args:
      beam_pipeline: the pipeline.
      pattern: the split's files.
      folder: where the files are written.
      column: whose values are balanced.
      seed: of the hashes.
      selections: one per class, the last for rows without a class.
      rows_after: decides the number of files.
    """
    shards = max(1, -(-rows_after // SHARD_ROWS))
    take = TakeRows(column, seed, selections, shards)
    taken = beam_pipeline | ReadRows(pattern) | "Take" >> beam.ParDo(take).with_outputs(TakeRows.BORDER, main="main")
    border = (
        taken[TakeRows.BORDER]
        | "ByClass" >> beam.GroupByKey()
        | "TakeFromBorder" >> beam.ParDo(TakeFromBorder(selections, shards))
    )
    _ = (
        (taken["main"], border)
        | "Both" >> beam.Flatten()
        | "ByShard" >> beam.GroupByKey()
        | "Write" >> beam.ParDo(WriteShard(folder, shards))
    )
