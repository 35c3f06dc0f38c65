"""Finds answered rows in files: where each stands, what its label says there, and its values as text."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

import pyarrow as pa

from components.arrow_example_gen.columns import canonical, canonical_text, convert, single_values
from components.arrow_example_gen.judge import judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.raw_batch import RawBatch
from components.arrow_example_gen.sources import open_sources
from components.human_review.questions import label_texts
from components.human_review.queue import Origin
from components.human_review.row_ids import row_ids
from models.tabular_text.features import DType


@dataclasses.dataclass(frozen=True)
class Place:
    """One row in a file.

    Attributes:
      row: its id.
      file: the file's path.
      number: where the row begins, from 1: the line (CSV, TSV, the header counts) or the row (Parquet).
      label: the class that the file says, None if it says none.
      values: column → text, None where the file has no value (never for CSV and TSV).
    """

    row: str
    file: str
    number: int
    label: str | None
    values: Mapping[str, str | None]


def find_rows(files: Sequence[str], origin: Origin, wanted: Collection[str], *, any_format: bool) -> Iterator[Place]:
    """Every row of the files whose id is wanted; rows that are equal but for the label are all found.

    Args:
      files: of one format, with the same columns.
      origin: how ids were made.
      wanted: ids.
      any_format: the files' format goes by their names, not by what the run read.

    Raises:
      BadData: a file cannot be read.
    """
    options = _options(origin, any_format=any_format)
    types = {name: DType(dtype) for name, dtype in origin.column_types.items() if name != origin.label}
    for source in open_sources(files, options):
        for raw in source.batches():
            judged = judge(raw, types, options)
            ids = row_ids(judged.columns, origin.label, types)
            chosen = [index for index, row in enumerate(ids) if row in wanted]
            if not chosen:
                continue
            at = chosen if judged.kept is None else judged.kept.take(pa.array(chosen)).to_pylist()
            yield from _places(raw, at, [ids[index] for index in chosen], origin, options)


def _options(origin: Origin, *, any_format: bool) -> ReadOptions:
    """As the run read, but a row without a label is a row."""
    options = ReadOptions.from_json(origin.reading)
    return dataclasses.replace(options, label=None, format="auto" if any_format else options.format)


def _places(
    raw: RawBatch, at: Sequence[int], ids: Sequence[str], origin: Origin, options: ReadOptions
) -> Iterator[Place]:
    rows = pa.array(at, pa.int64())
    taken = {name: array.take(rows) for name, array in raw.columns.items()}
    texts = {name: _texts(array, name) for name, array in taken.items()}
    labels = _labels(taken, origin, options)
    for index, row in enumerate(ids):
        values = {name: column[index] for name, column in texts.items()}
        yield Place(row, raw.file, raw.locate(at[index])[0], labels[index], values)


def _labels(columns: Mapping[str, pa.Array], origin: Origin, options: ReadOptions) -> list[str | None]:
    """The label of each row by the name of its class."""
    if origin.label not in columns:
        return [None] * len(next(iter(columns.values())))
    converted = convert(columns[origin.label], DType(origin.column_types[origin.label]), options).values
    return label_texts({origin.label: converted}, origin.label)


def _texts(array: pa.Array, name: str) -> list[str | None]:
    values = single_values(canonical(array, name))
    if pa.types.is_list(values.type):
        return [None if value is None else str(value) for value in values.to_pylist()]
    texts = canonical_text(values).to_pylist()
    return [text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text for text in texts]
