"""The pass over the examples, on Beam: the batches of a split into one summary."""

from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from components.distribution_validator.columns import ComparedColumn
from components.distribution_validator.summary import TableSummary
from components.example_batches import ReadBatches


class Summarise(beam.CombineFn):
    """Batches of rows → one TableSummary."""

    def __init__(self, columns: Sequence[ComparedColumn]) -> None:
        self._columns = [column.to_json() for column in columns]

    def create_accumulator(self) -> TableSummary:
        """Before any row."""
        return TableSummary.empty([ComparedColumn(**item) for item in self._columns])

    def add_input(self, summary: TableSummary, batch: pa.RecordBatch) -> TableSummary:
        """Takes one batch."""
        summary.add(batch)
        return summary

    def merge_accumulators(self, summaries: Iterable[TableSummary]) -> TableSummary:
        """Joins what several workers found."""
        merged = self.create_accumulator()
        for summary in summaries:
            merged.join(summary)
        return merged

    def extract_output(self, summary: TableSummary) -> TableSummary:
        """The summary itself."""
        return summary


def summarise_split(beam_pipeline: Any, split: str, pattern: str, columns: Sequence[ComparedColumn]) -> Any:
    """The summary of one split, as one element.

    Splits are joined outside of Beam: in its pipeline a Flatten of batches would keep them all in memory.
    """
    batches = beam_pipeline | f"Read {split}" >> ReadBatches(pattern)
    return batches | f"Summarise {split}" >> beam.CombineGlobally(Summarise(columns))
