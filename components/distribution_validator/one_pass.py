"""The one pass over the examples, on Beam: every split's batches into one summary."""

import json
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

    def extract_output(self, summary: TableSummary) -> str:
        """The summary as a line of JSON."""
        return json.dumps(summary.to_json(), ensure_ascii=False, allow_nan=False)


def summarise_examples(beam_pipeline: Any, patterns: Iterable[str], columns: Sequence[ComparedColumn]) -> Any:
    """One line of JSON: the summary of all files that the patterns name."""
    batches = [
        beam_pipeline | f"Read {index}" >> ReadBatches(pattern) for index, pattern in enumerate(sorted(patterns))
    ] | "AllSplits" >> beam.Flatten(pipeline=beam_pipeline)
    return batches | "Summarise" >> beam.CombineGlobally(Summarise(columns))
