"""The one pass over the examples, on Beam: every constraint, every column's profile and all keys."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suite import SuiteState
from components.example_batches import ReadBatches

SplitBatch = tuple[str, pa.RecordBatch]


class Measure(beam.CombineFn):
    """Batches of rows with their split → one SuiteState; the keys' hashes stay in `key_folder`."""

    def __init__(self, constraints: Sequence[Constraint], sample_rows: int, key_folder: str) -> None:
        self._constraints = json.dumps([constraint.to_json() for constraint in constraints])
        self._sample_rows, self._key_folder = sample_rows, key_folder

    def create_accumulator(self) -> SuiteState:
        """Before any row."""
        constraints = [Constraint.from_json(item) for item in json.loads(self._constraints)]
        return SuiteState.empty(constraints, self._sample_rows, self._key_folder)

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

    def compact(self, state: SuiteState) -> SuiteState:
        """Leaves the keys behind in files before the state travels."""
        state.keys.spill()
        return state

    def extract_output(self, state: SuiteState) -> SuiteState:
        """The state itself."""
        return self.compact(state)


def measure_split(beam_pipeline: Any, split: str, pattern: str, measure: Measure) -> Any:
    """Adds the pass over one split to a Beam pipeline: a PCollection of its one SuiteState, of none without rows.

    The splits are not flattened before they are measured: runners put a step between, which holds every row.
    """
    return (
        beam_pipeline
        | f"Read {split}" >> ReadBatches(pattern)
        | f"Name {split}" >> beam.Map(_named, split)
        | f"Measure {split}" >> beam.CombinePerKey(measure)
        | f"State {split}" >> beam.Values()
    )


def _named(batch: pa.RecordBatch, split: str) -> tuple[None, SplitBatch]:
    return None, (split, batch)
