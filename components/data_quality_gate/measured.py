"""What was measured for each constraint, ready to be judged: the measures, the counts of keys, the span before."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from components.data_quality_gate.measures import Newest
from components.data_quality_gate.offenders import rows_of_keys
from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suite import SuiteState


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured for one constraint.

    Attributes:
      constraint: the constraint.
      value: None if there was nothing to measure; of `freshness` the newest moment in seconds since 1970.
      rows: rows that it was measured on.
      sample: a few rows that break it, each with `split` and `row`.
      remark: what else a reader should know, a whole sentence.
      problem: why it cannot be measured, a whole sentence.
    """

    constraint: Constraint
    value: float | None
    rows: int
    sample: Sequence[Mapping[str, Any]] = ()
    remark: str = ""
    problem: str = ""


def measured_of(
    state: SuiteState, rows_before: int | None, read_again: Callable[[], Iterable[tuple[str, pa.RecordBatch]]]
) -> list[Measured]:
    """One item a constraint.

    Args:
      state: of all rows.
      rows_before: of the span before, None without one.
      read_again: all rows once more with their splits; called only to show the keys that a constraint fails for.
    """
    return [_measured(state, index, rows_before, read_again) for index in range(len(state.constraints))]


def _measured(
    state: SuiteState,
    index: int,
    rows_before: int | None,
    read_again: Callable[[], Iterable[tuple[str, pa.RecordBatch]]],
) -> Measured:
    constraint, measure = state.constraints[index], state.measures[index]
    if index in state.problems:
        return Measured(constraint, None, sum(state.rows.values()), problem=state.problems[index])
    if measure is not None:
        unreadable = measure.unreadable if isinstance(measure, Newest) else 0
        remark = f"{unreadable:,} of its values are no dates." if unreadable else ""
        return Measured(constraint, measure.value, measure.rows, state.sample(index), remark)
    if constraint.kind == "row_count_change":
        return _change(constraint, sum(state.rows.values()), rows_before)
    count, kept, wrong = state.keys.count(index, references=constraint.kind == "foreign_key")
    if not count:
        return Measured(constraint, None, 0)
    shown = wrong[: state.sample_rows]
    if constraint.allows(kept / count) or not len(shown):
        return Measured(constraint, kept / count, count)
    return Measured(constraint, kept / count, count, rows_of_keys(read_again(), constraint, shown))


def _change(constraint: Constraint, rows: int, before: int | None) -> Measured:
    if before is None:
        return Measured(constraint, None, rows, remark="There is no earlier span to compare the number of rows with.")
    if not before:
        return Measured(constraint, None, rows, remark="The span before has no rows to compare the number with.")
    return Measured(constraint, rows / before - 1, rows, remark=f"The span before has {before:,}.")
