"""A file of logged requests as a summary: read as ArrowExampleGen reads data, with the types of the training data."""

import os

import pyarrow as pa

from components.arrow_example_gen.columns import single_values
from components.arrow_example_gen.judge import judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.sources import open_sources
from components.distribution_validator.columns import compared_columns
from components.distribution_validator.summary import TableSummary
from components.errors import BadData
from models.tabular_text.features import FeatureSpec


def summarise_requests(path: str, features: FeatureSpec, named: list[str]) -> tuple[TableSummary, int]:
    """The summary of the logged rows, and how many could not be read.

    Args:
      path: CSV, TSV, Parquet or TFRecord with the columns of the training data; the label may lack.
      features: every column's part in the model.
      named: columns that are compared though the model ignores them.

    Raises:
      BadData: there is no such file, or it cannot be read at all.
    """
    if not os.path.isfile(path):
        raise BadData(f"distribution.serving_path: there is no file {path}. Log requests there, or remove the key.")
    columns = [column for column in compared_columns(features, named) if not column.is_label]
    types = {feature.name: feature.dtype for feature in features.features}
    wanted = {column.name: types[column.name] for column in columns}
    summary, unreadable = TableSummary.empty(columns), 0
    (source,) = open_sources([path], ReadOptions(expected_types=wanted))
    for batch in source.batches():
        judged = judge(batch, wanted, ReadOptions(expected_types=wanted))
        arrays = [single_values(judged.columns[name]) for name in wanted]
        summary.add(pa.RecordBatch.from_arrays(arrays, names=list(wanted)))
        unreadable += len(judged.bad)
    return summary, unreadable
