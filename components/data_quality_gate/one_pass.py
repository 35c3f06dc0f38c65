"""The one pass over the examples, on Beam: measures every constraint, profiles every column, counts the keys."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from components.data_quality_gate.keys import (
    Hashes,
    columns_of,
    count_referenced,
    count_unique,
    dealt_out,
    key_hashes,
    references_of,
)
from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suite import SuiteState
from components.example_batches import ReadBatches

KEPT_HASHES = 100
"""Hashes of keys at fault that each partition hands on, to find their rows by."""

SplitBatch = tuple[str, pa.RecordBatch]
Place = tuple[int, int]
"""A constraint's index and a partition."""


class Measure(beam.CombineFn):
    """Batches of rows → one SuiteState."""

    def __init__(self, constraints: Sequence[Constraint], sample_rows: int) -> None:
        self._constraints = json.dumps([constraint.to_json() for constraint in constraints])
        self._sample_rows = sample_rows

    def create_accumulator(self) -> SuiteState:
        """Before any row."""
        constraints = [Constraint.from_json(item) for item in json.loads(self._constraints)]
        return SuiteState.empty(constraints, self._sample_rows)

    def add_input(self, state: SuiteState, element: SplitBatch) -> SuiteState:
        """Takes one batch."""
        state.add(*element)
        return state

    def merge_accumulators(self, states: Iterable[SuiteState]) -> SuiteState:
        """Joins what several workers measured."""
        merged = self.create_accumulator()
        for state in states:
            merged.join(state)
        return merged

    def extract_output(self, state: SuiteState) -> SuiteState:
        """The state itself."""
        return state


class KeyHashes(beam.DoFn):
    """A batch → its keys' hashes for each constraint on keys, by place."""

    def __init__(self, constraints: Mapping[int, Constraint], *, references: bool) -> None:
        self._constraints = {index: constraint.to_json() for index, constraint in constraints.items()}
        self._references = references

    def process(self, element: SplitBatch) -> Iterator[tuple[Place, bytes]]:
        """See the class."""
        _, batch = element
        for index, data in self._constraints.items():
            constraint = Constraint.from_json(data)
            columns = (references_of if self._references else columns_of)(constraint, batch)
            hashes, _ = key_hashes(columns)
            for place, found in dealt_out(hashes):
                yield (index, place), found.tobytes()


def _hashes(chunks: Iterable[bytes]) -> Hashes:
    return np.frombuffer(b"".join(chunks), np.uint64).reshape(-1, 2)


def _count(element: tuple[Place, Mapping[str, Iterable[bytes]]]) -> tuple[int, tuple[int, int, bytes]]:
    """Of one place: keys, keys that keep to the constraint, a few hashes of others."""
    (index, _), found = element
    if "references" in found:
        keys, kept, wrong = count_referenced(_hashes(found["keys"]), _hashes(found["references"]))
    else:
        keys, kept, wrong = count_unique(_hashes(found["keys"]))
    return index, (keys, kept, wrong[:KEPT_HASHES].tobytes())


def _total(counts: Iterable[tuple[int, int, bytes]]) -> tuple[int, int, bytes]:
    parts = list(counts)
    wrong = b"".join(sorted(part[2] for part in parts))
    return sum(part[0] for part in parts), sum(part[1] for part in parts), wrong[: KEPT_HASHES * 16]


def measure_examples(
    beam_pipeline: Any, patterns: Mapping[str, str], constraints: Sequence[Constraint], sample_rows: int
) -> tuple[Any, Any]:
    """Adds the pass to a Beam pipeline.

    Args:
      beam_pipeline: the pipeline.
      patterns: the files of each split.
      constraints: what is measured.
      sample_rows: rows kept of those that break a constraint.

    Returns:
      PCollections: of the one SuiteState; and, for constraints on keys, of (constraint's index, (keys, keys that keep
      to it, hashes of others)).
    """
    batches = [
        beam_pipeline | f"Read {split}" >> ReadBatches(pattern) | f"Name {split}" >> beam.Map(_named, split)
        for split, pattern in patterns.items()
    ] | "AllSplits" >> beam.Flatten(pipeline=beam_pipeline)
    state = batches | "Measure" >> beam.CombineGlobally(Measure(constraints, sample_rows))
    return state, _keys(beam_pipeline, batches, constraints)


def _named(batch: pa.RecordBatch, split: str) -> SplitBatch:
    return split, batch


def _keys(beam_pipeline: Any, batches: Any, constraints: Sequence[Constraint]) -> Any:
    unique = {index: item for index, item in enumerate(constraints) if item.kind == "uniqueness"}
    foreign = {index: item for index, item in enumerate(constraints) if item.kind == "foreign_key"}
    counts = []
    if unique:
        keys = batches | "UniqueKeys" >> beam.ParDo(KeyHashes(unique, references=False))
        counts.append({"keys": keys} | "ByUniqueKey" >> beam.CoGroupByKey() | "CountUnique" >> beam.Map(_count))
    if foreign:
        keys = batches | "ForeignKeys" >> beam.ParDo(KeyHashes(foreign, references=False))
        references = batches | "References" >> beam.ParDo(KeyHashes(foreign, references=True))
        both = {"keys": keys, "references": references}
        counts.append(both | "ByForeignKey" >> beam.CoGroupByKey() | "CountForeign" >> beam.Map(_count))
    if not counts:
        return beam_pipeline | "NoKeys" >> beam.Create([])
    return counts | "AllKeys" >> beam.Flatten() | "Total" >> beam.CombinePerKey(_total)
