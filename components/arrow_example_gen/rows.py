"""The rows that `ingest` would write, with their splits, without writing anything."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from components.arrow_example_gen.columns import first_values
from components.arrow_example_gen.ingest import SplitPlan
from components.arrow_example_gen.judge import judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.shares import Share
from components.arrow_example_gen.sources import open_sources
from components.arrow_example_gen.survey import survey


def split_rows(files: Sequence[str], options: ReadOptions, plan: SplitPlan) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Split and rows, a batch at a time; a plain column for each feature, of several values the first.

    Raises:
      BadData: the data cannot be used as it stands.
    """
    sources = open_sources(files, options)
    found = survey([Share(0, tuple(sources))], options, plan.split_by)
    for source in sources:
        for batch in source.batches():
            columns = judge(batch, found.dtypes, options).columns
            assignment = plan.assign(columns)
            rows = pa.RecordBatch.from_arrays(
                [first_values(columns[name]) for name in found.dtypes], names=list(found.dtypes)
            )
            for index, split in enumerate(plan.weights):
                yield split, rows.filter(pa.array(np.equal(assignment, index)))
