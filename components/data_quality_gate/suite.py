"""All constraints at once: one state that takes batches of any split, and joins those of other workers."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa

from components.data_quality_gate.columns import DoesNotFit, readable
from components.data_quality_gate.expression import parse
from components.data_quality_gate.key_store import KeyStore
from components.data_quality_gate.keys import key_hashes, keys_of, references_of
from components.data_quality_gate.measures import Measure, Share, measure_of, plain_row
from components.data_quality_gate.profile import TableProfile
from components.data_quality_gate.settings import Constraint


@dataclasses.dataclass(frozen=True, order=True)
class Offender:
    """A row that breaks a constraint; `order` is a hash of its values, which decides what rows are kept."""

    order: int
    split: str
    row: str


@dataclasses.dataclass
class SuiteState:
    """What is measured so far.

    Attributes:
      constraints: the same in every state.
      sample_rows: rows kept of those that break a constraint.
      measures: one a constraint, None for those that are counted apart.
      offenders: by constraint.
      problems: by constraint's index why it cannot be measured, such as a text where it needs numbers.
      rows: by split.
      profile: of every column.
      keys: of the constraints on keys.
    """

    constraints: tuple[Constraint, ...]
    sample_rows: int
    measures: list[Measure | None]
    offenders: list[list[Offender]]
    problems: dict[int, str]
    rows: dict[str, int]
    profile: TableProfile
    keys: KeyStore

    @classmethod
    def empty(cls, constraints: Sequence[Constraint], sample_rows: int, key_folder: str) -> Self:
        """Before any row; `key_folder` is for the keys' hashes, and is the caller's to remove."""
        measures = [measure_of(constraint) for constraint in constraints]
        offenders: list[list[Offender]] = [[] for _ in constraints]
        keys = KeyStore(key_folder)
        return cls(tuple(constraints), sample_rows, measures, offenders, {}, {}, TableProfile(), keys)

    def add(self, split: str, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch, as the examples hold them."""
        text = readable(batch)
        self.rows[split] = self.rows.get(split, 0) + batch.num_rows
        self.profile.add(text)
        for index, constraint in enumerate(self.constraints):
            try:
                mask = rows_looked_at(constraint, text)
                self._measure(index, split, text if mask is None else text.filter(mask))
                self._note_keys(index, batch, mask)
            except DoesNotFit as problem:
                self._note_problem(index, str(problem))

    def _measure(self, index: int, split: str, rows: pa.RecordBatch) -> None:
        measure = self.measures[index]
        if isinstance(measure, Share):
            broken = measure.broken(rows)
            if broken:
                self._keep(index, _smallest(split, rows.take(pa.array(broken)), self.sample_rows))
        elif measure is not None:
            measure.add(rows)

    def _note_keys(self, index: int, batch: pa.RecordBatch, mask: pa.Array | None) -> None:
        constraint = self.constraints[index]
        if constraint.kind in ("uniqueness", "foreign_key"):
            rows = batch if mask is None else batch.filter(mask)
            self.keys.add((index, "keys"), key_hashes(keys_of(constraint, rows))[0])
        if constraint.kind == "foreign_key":
            self.keys.add((index, "references"), key_hashes(references_of(constraint, batch))[0])

    def _note_problem(self, index: int, problem: str) -> None:
        self.problems[index] = min(problem, self.problems.get(index, problem))

    def _keep(self, index: int, offenders: Sequence[Offender]) -> None:
        self.offenders[index] = sorted({*self.offenders[index], *offenders})[: self.sample_rows]

    def join(self, other: Self) -> None:
        """Takes what another state measured on other rows."""
        for split, rows in other.rows.items():
            self.rows[split] = self.rows.get(split, 0) + rows
        self.profile.join(other.profile)
        self.keys.join(other.keys)
        for mine, others in zip(self.measures, other.measures, strict=True):
            if mine is not None and others is not None:
                mine.join(others)
        for index, offenders in enumerate(other.offenders):
            self._keep(index, offenders)
        for index, problem in other.problems.items():
            self._note_problem(index, problem)

    def sample(self, index: int) -> list[dict[str, Any]]:
        """The rows kept of the constraint at `index`, with their splits."""
        return [{"split": item.split, "row": json.loads(item.row)} for item in self.offenders[index]]


def measure_here(
    batches: Iterable[tuple[str, pa.RecordBatch]], constraints: Sequence[Constraint], sample_rows: int, key_folder: str
) -> SuiteState:
    """The state of rows that this process has at hand; arguments as of `SuiteState.empty`."""
    state = SuiteState.empty(constraints, sample_rows, key_folder)
    for split, batch in batches:
        state.add(split, batch)
    return state


def rows_looked_at(constraint: Constraint, batch: pa.RecordBatch) -> pa.Array | None:
    """Which rows of a readable batch fulfil the constraint's `where`; None for all of them."""
    if constraint.where is None:
        return None
    return parse(constraint.where).holds(batch).fill_null(False)


def _smallest(split: str, rows: pa.RecordBatch, wanted: int) -> list[Offender]:
    """The different rows with the smallest hashes."""
    orders, firsts = np.unique(_row_hashes(rows), return_index=True)
    chosen = zip(orders[:wanted].tolist(), firsts[:wanted].tolist(), strict=True)
    return [Offender(order, split, _as_json(rows, first)) for order, first in chosen]


def _as_json(rows: pa.RecordBatch, index: int) -> str:
    return json.dumps(plain_row(rows, index), ensure_ascii=False, sort_keys=True)


def _row_hashes(rows: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A hash of each row, uint64 [rows]; a column that is absent counts as one that is missing."""
    total = np.zeros(rows.num_rows, np.uint64)
    for name, hashes, present in _column_hashes(rows):
        seed, _ = key_hashes([pa.array([name])])
        total[present] += hashes * (seed[0, 0] | np.uint64(1))  # odd, so that no bit is lost
    return total


def _column_hashes(rows: pa.RecordBatch) -> Iterator[tuple[str, Any, Any]]:
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if not pa.types.is_null(column.type):
            hashes, present = key_hashes([column])
            yield name, hashes[:, 0], present
