"""All constraints at once: one state that takes batches of any split, and joins those of other workers."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.measures import Measure, Share, looked_at, measure_of, plain_row, row_answers
from components.data_quality_gate.profile import TableProfile
from components.data_quality_gate.settings import Constraint


@dataclasses.dataclass(frozen=True, order=True)
class Offender:
    """A row that breaks a constraint; `order` decides which are kept, whatever the order of the rows."""

    order: str
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
      rows: by split.
      profile: of every column.
    """

    constraints: tuple[Constraint, ...]
    sample_rows: int
    measures: list[Measure | None]
    offenders: list[list[Offender]]
    rows: dict[str, int]
    profile: TableProfile

    @classmethod
    def empty(cls, constraints: Sequence[Constraint], sample_rows: int) -> Self:
        """Before any row."""
        measures = [measure_of(constraint) for constraint in constraints]
        return cls(tuple(constraints), sample_rows, measures, [[] for _ in constraints], {}, TableProfile())

    def add(self, split: str, batch: pa.RecordBatch) -> None:
        """Takes the rows of a batch.

        Raises:
          ExpressionError: an expression does not fit the columns' types.
        """
        self.rows[split] = self.rows.get(split, 0) + batch.num_rows
        self.profile.add(batch)
        for index, (constraint, measure) in enumerate(zip(self.constraints, self.measures, strict=True)):
            if measure is None:
                continue
            rows = looked_at(constraint, batch)
            measure.add(rows)
            if isinstance(measure, Share):
                broken = pc.fill_null(pc.invert(row_answers(constraint, rows)), False)
                self.offend(index, split, rows, np.flatnonzero(broken.to_numpy(zero_copy_only=False)).tolist())

    def offend(self, index: int, split: str, batch: pa.RecordBatch, rows: Sequence[int]) -> None:
        """Keeps a few of these rows of the batch as breaking the constraint at `index`."""
        for row in rows[: 10 * self.sample_rows]:
            text = json.dumps(plain_row(batch, row), ensure_ascii=False, sort_keys=True)
            order = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
            self.offenders[index].append(Offender(order, split, text))
        self.offenders[index] = sorted(set(self.offenders[index]))[: self.sample_rows]

    def join(self, other: Self) -> None:
        """Takes what another state measured on other rows."""
        for split, rows in other.rows.items():
            self.rows[split] = self.rows.get(split, 0) + rows
        self.profile.join(other.profile)
        for mine, others in zip(self.measures, other.measures, strict=True):
            if mine is not None and others is not None:
                mine.join(others)
        for index, others_rows in enumerate(other.offenders):
            self.offenders[index] = sorted({*self.offenders[index], *others_rows})[: self.sample_rows]

    def sample(self, index: int) -> list[dict[str, Any]]:
        """The rows kept of the constraint at `index`, with their splits."""
        return [{"split": item.split, "row": json.loads(item.row)} for item in self.offenders[index]]
