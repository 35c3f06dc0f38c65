"""Which rows of a batch can be used, and their columns in the types of their features."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from components.arrow_example_gen import columns
from components.arrow_example_gen.bad_rows import BadRow
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.raw_batch import RawBatch
from models.tabular_text.features import DType

LABEL_MISSING = "the label is missing"


@dataclasses.dataclass(frozen=True)
class JudgedBatch:
    """A batch, sorted into rows that can be used and rows that cannot.

    Attributes:
      columns: one array [rows] per column without the bad rows: converted where a type was given, else canonical.
      rows: number of rows in `columns`.
      bad: the bad rows.
      kept: indexes of the good rows in the raw batch; None if all are good.
      fits: columns with at least one value, in a good or bad row, that has the type given for the column.
      misfits: columns with at least one that has not.
    """

    columns: Mapping[str, pa.Array]
    rows: int
    bad: Sequence[BadRow]
    kept: pa.Array | None
    fits: frozenset[str]
    misfits: frozenset[str]


def judge(batch: RawBatch, dtypes: Mapping[str, DType], options: ReadOptions) -> JudgedBatch:
    """Converts the columns in `dtypes` and sorts out rows with values that do not fit, or without a label.

    Columns of `dtypes` that the batch lacks (only TFRecord batches do) are all missing.
    """
    bad: dict[int, tuple[str, str]] = {}
    fits: set[str] = set()
    misfits: set[str] = set()
    converted = dict(batch.columns)
    for name, dtype in dtypes.items():
        source = batch.columns.get(name, pa.nulls(batch.rows))
        column = columns.convert(source, dtype, options)
        converted[name] = column.values
        if columns.has_values(column.values):
            (fits if columns.may_hold(source.type, dtype) else misfits).add(name)
        if column.bad:
            misfits.add(name)
        origin = f" ({_origin(options)})" if options.is_expected(name) else ""
        for index, reason in column.bad.items():
            bad.setdefault(index, (name, reason + origin))
    if options.label is not None:
        for index in _rows_without(converted.get(options.label, pa.nulls(batch.rows)), options):
            bad.setdefault(index, (options.label, LABEL_MISSING))
    rows = [*batch.bad, *(batch.bad_row(index, *bad[index]) for index in sorted(bad))]
    kept = pa.array(np.delete(np.arange(batch.rows), list(bad))) if bad else None
    if kept is not None:
        converted = {name: array.take(kept) for name, array in converted.items()}
    return JudgedBatch(converted, batch.rows - len(bad), rows, kept, frozenset(fits), frozenset(misfits))


def _origin(options: ReadOptions) -> str:
    """Where the expected types come from."""
    if options.planned_rows is None:
        return "the type is the schema's"
    return f"the type was planned from the first {options.planned_rows:,} rows"


def _rows_without(label: pa.Array, options: ReadOptions) -> Sequence[int]:
    """Indexes of the rows without a label."""
    values = columns.single_values(label)
    if pa.types.is_string(values.type):
        values = columns.without_words(values, options.null_values)
    elif pa.types.is_floating(values.type):
        values = columns.canonical_text(values)
    indexes: list[int] = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)).tolist()
    return indexes
