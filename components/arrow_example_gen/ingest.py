"""Files to tf.Examples: survey, then encode, split and write, then prove that no row was lost."""

import collections
import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from components.arrow_example_gen import split, writers
from components.arrow_example_gen.encode import encode_examples
from components.arrow_example_gen.judge import JudgedBatch, judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.raw_batch import Source
from components.arrow_example_gen.sources import open_sources
from components.arrow_example_gen.survey import Survey, survey
from components.arrow_example_gen.telling import RowTeller
from components.errors import BadData
from models.tabular_text.features import DType

ENCODED_AHEAD = 2  # batches; each is a few times its part of the file


class RowsLost(RuntimeError):
    """Rows in and rows out differ: a defect of ours or of the disk, never of the data."""


@dataclasses.dataclass(frozen=True)
class SplitPlan:
    """How rows are told into splits.

    Attributes:
      weights: names and weights, in order; the order matters for which row goes where.
      split_by: the column whose value decides; None for the whole row.
    """

    weights: Mapping[str, int]
    split_by: str | None = None

    def assign(self, columns: Mapping[str, pa.Array]) -> split.Assignment:
        """The index of each row's split, int64 [rows]."""
        ends = split.bucket_ends(self.weights)
        if self.split_by is None:
            return split.assign_by_row(columns, ends)
        return split.assign_by_value(self.split_by, columns, ends)


@dataclasses.dataclass(frozen=True)
class IngestReport:
    """What came of the input.

    Attributes:
      rows_in: rows of all files.
      rows_out: rows per split.
      rows_quarantined: rows set aside.
      dtypes: the type of every column.
    """

    rows_in: int
    rows_out: Mapping[str, int]
    rows_quarantined: int
    dtypes: Mapping[str, DType]


def ingest(
    files: Sequence[str],
    options: ReadOptions,
    plan: SplitPlan,
    *,
    split_folder: Callable[[str], str],
    quarantine_folder: str,
) -> IngestReport:
    """Writes every usable row to its split and every other one to the quarantine.

    Args:
      split_folder: the folder of a split, by its name; made here.
      quarantine_folder: made with the first bad row.

    Raises:
      BadData: the data cannot be used as it stands; nothing has been written then, or a split remained empty.
      RowsLost: the counts of rows read and written do not agree.
    """
    sources = open_sources(files, options)
    found = survey(sources, options, plan.split_by)
    rows_out, quarantined = _write(sources, options, plan, found, split_folder, quarantine_folder)
    empty = [name for name, rows in rows_out.items() if not rows]
    if empty:
        raise BadData(
            f"No row fell into split {', '.join(map(repr, empty))}: {found.rows_in} rows, weights {dict(plan.weights)}"
            f"{f', split by {plan.split_by!r}' if plan.split_by else ''}. Add rows, or give the split more weight."
        )
    check_conservation(found, rows_out, quarantined, writers.count_quarantined(quarantine_folder))
    return IngestReport(found.rows_in, rows_out, quarantined, found.dtypes)


def _write(
    sources: Sequence[Source],
    options: ReadOptions,
    plan: SplitPlan,
    found: Survey,
    split_folder: Callable[[str], str],
    quarantine_folder: str,
) -> tuple[dict[str, int], int]:
    """The second pass: rows written per split, and rows set aside."""
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(writers.SplitWriter(split_folder(name))) for name in plan.weights]
        quarantine = stack.enter_context(writers.QuarantineWriter(quarantine_folder))
        rows = RowTeller("second pass, writes the splits", found.rows_in)
        for batch, examples in _encoded(_judged(sources, options, found)):
            quarantine.write(batch.bad)
            assignment = plan.assign(batch.columns)
            for index, output in enumerate(outputs):
                output.write([examples[row] for row in (assignment == index).nonzero()[0]])
            rows.add(batch.rows + len(batch.bad))
        rows.end()
    return {name: output.rows for name, output in zip(plan.weights, outputs, strict=True)}, quarantine.rows


def _judged(sources: Sequence[Source], options: ReadOptions, found: Survey) -> Iterator[JudgedBatch]:
    for source in sources:
        for batch in source.batches():
            yield judge(batch, found.dtypes, options)


def _encoded(batches: Iterable[JudgedBatch]) -> Iterator[tuple[JudgedBatch, list[bytes]]]:
    """Each batch with its tf.Examples, in order; a few are encoded ahead in threads, the encoder lets go of the GIL."""
    with concurrent.futures.ThreadPoolExecutor(ENCODED_AHEAD) as pool:
        pending: collections.deque[tuple[JudgedBatch, concurrent.futures.Future[list[bytes]]]] = collections.deque()
        for batch in batches:
            pending.append((batch, pool.submit(encode_examples, batch.columns)))
            if len(pending) > ENCODED_AHEAD:
                first, examples = pending.popleft()
                yield first, examples.result()
        for last, examples in pending:
            yield last, examples.result()


def check_conservation(found: Survey, rows_out: Mapping[str, int], quarantined: int, quarantine_lines: int) -> None:
    """Compares counts that were made apart: by the first pass from the input, by the writers, and on disk.

    Raises:
      RowsLost: they differ.
    """
    conserved = found.rows_in == sum(rows_out.values()) + quarantined
    if conserved and found.rows_bad == quarantined == quarantine_lines:
        return
    raise RowsLost(
        f"Rows do not add up: the first pass saw {found.rows_in} rows, {found.rows_bad} of them bad; written were "
        f"{dict(rows_out)} and {quarantined} to the quarantine, which holds {quarantine_lines}. Did an input file "
        "change while it was read? If not, this is a defect: keep the input and report it."
    )
