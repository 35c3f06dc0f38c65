"""Files to tf.Examples: survey, then encode, split and write, then prove that no row was lost."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from components.arrow_example_gen import split, writers
from components.arrow_example_gen.encode import encode_examples
from components.arrow_example_gen.judge import JudgedBatch, judge
from components.arrow_example_gen.options import ReadOptions
from components.arrow_example_gen.shares import IN_THIS_PROCESS, Share, Tell, Workers
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
    shares: Sequence[Share],
    options: ReadOptions,
    plan: SplitPlan,
    *,
    split_folder: Callable[[str], str],
    quarantine_folder: str,
    workers: Workers = IN_THIS_PROCESS,
) -> IngestReport:
    """Writes every usable row to its split and every other one to the quarantine.

    Args:
      shares: the input, see `shares.shares_of`; each has its own shards in every split.
      split_folder: the folder of a split, by its name; made here.
      quarantine_folder: made with the first bad row.
      workers: who reads; what is written does not depend on it.

    Raises:
      BadData: the data cannot be used as it stands; nothing has been written then, or a split remained empty.
      RowsLost: the counts of rows read and written do not agree.
    """
    found = survey(shares, options, plan.split_by, workers)
    folders = {name: split_folder(name) for name in plan.weights}
    written = _write(_ShareWriter(options, plan, found, folders, quarantine_folder), shares, workers)
    rows_out = {name: sum(part.rows_out[name] for part in written) for name in plan.weights}
    empty = [name for name, rows in rows_out.items() if not rows]
    if empty:
        raise BadData(
            f"No row fell into split {', '.join(map(repr, empty))}: {found.rows_in} rows, weights {dict(plan.weights)}"
            f"{f', split by {plan.split_by!r}' if plan.split_by else ''}. Add rows, or give the split more weight."
        )
    for name, folder in folders.items():
        writers.name_shards(folder, [path for part in written for path in part.shards[name]])
    writers.join_quarantines(quarantine_folder, [part.quarantine for part in written if part.quarantined])
    quarantined = sum(part.quarantined for part in written)
    check_conservation(found, rows_out, quarantined, writers.count_quarantined(quarantine_folder))
    return IngestReport(found.rows_in, rows_out, quarantined, found.dtypes)


def _write(write: "_ShareWriter", shares: Sequence[Share], workers: Workers) -> list["_Written"]:
    """The second pass: what was written of every share."""
    rows = RowTeller("second pass, writes the splits", write.found.rows_in)
    written = list(workers.each(write, shares, rows.add))
    rows.end()
    return written


@dataclasses.dataclass(frozen=True)
class _Written:
    """What was written of a share: rows per split and shards per split, rows set aside and their file."""

    rows_out: Mapping[str, int]
    shards: Mapping[str, Sequence[str]]
    quarantined: int
    quarantine: str

    @property
    def rows(self) -> int:
        """Rows that were read, good and bad."""
        return sum(self.rows_out.values()) + self.quarantined


@dataclasses.dataclass(frozen=True)
class _ShareWriter:
    """Writes the rows of a share; the second pass, in whatever process."""

    options: ReadOptions
    plan: SplitPlan
    found: Survey
    split_folders: Mapping[str, str]
    quarantine_folder: str

    def __call__(self, share: Share, tell: Tell) -> _Written:
        """What was written, in files of this call's own: a worker may do a share twice, and only one result counts."""
        own = f"{share.number:05d}-{uuid.uuid4().hex}"
        with contextlib.ExitStack() as stack:
            folders = self.split_folders.items()
            outputs = {name: stack.enter_context(writers.SplitWriter(folder, own)) for name, folder in folders}
            quarantine = stack.enter_context(writers.QuarantineWriter(self.quarantine_folder, own))
            for batch, examples in _encoded(self._judged(share)):
                quarantine.write(batch.bad)
                assignment = self.plan.assign(batch.columns)
                for index, output in enumerate(outputs.values()):
                    output.write([examples[row] for row in (assignment == index).nonzero()[0]])
                tell(batch.rows + len(batch.bad))
        return _Written(
            {name: output.rows for name, output in outputs.items()},
            {name: output.shards for name, output in outputs.items()},
            quarantine.rows,
            quarantine.path,
        )

    def _judged(self, share: Share) -> Iterator[JudgedBatch]:
        for source in share.sources:
            for batch in source.batches():
                yield judge(batch, self.found.dtypes, self.options)


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
