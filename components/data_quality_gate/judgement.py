"""What the gate makes of what was measured. Pure."""

import datetime
import difflib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from components.data_quality_gate.measured import Measured
from components.data_quality_gate.settings import KINDS, Constraint
from components.gate.verdict import Finding, Verdict

_DAY_S = 86_400

_DAYS_AHEAD = 1
"""A date may lie this far ahead of the clock: without a time of day it may be another zone's tomorrow."""

_SHOWN_ROWS = 3
_SHOWN_TEXT = 160


def verdict_of(
    measured: Sequence[Measured], rows: Mapping[str, int], columns: Collection[str], now: datetime.datetime
) -> Verdict:
    """The verdict on what was measured, waivers aside.

    Args:
      measured: one item a constraint.
      rows: by split.
      columns: that any row has.
      now: with zone; for freshness.
    """
    empty = [split for split, count in rows.items() if not count]
    missing = [f"Split {split!r} has no rows. Look at data.path, data.splits and data.on_bad_rows." for split in empty]
    if not rows:
        missing = ["The examples have no splits, so nothing was measured."]
    findings = [_finding(item, columns, now) for item in measured]
    remarks = [] if measured else ["No constraints are set; `penstock quality suggest` proposes some from the data."]
    return Verdict("DataQualityGate", "the data", "quality", tuple(findings), tuple(missing), tuple(remarks))


def _finding(item: Measured, columns: Collection[str], now: datetime.datetime) -> Finding:
    constraint, value = item.constraint, item.value
    if constraint.kind == "freshness" and value is not None:
        value = (now.timestamp() - value) / _DAY_S
    passed, sentence = _outcome(item, value, columns)
    return Finding(
        check=constraint.name,
        passed=passed,
        severity=constraint.severity,
        sentence=" ".join([sentence, *_examples(item, failed=passed is False)]),
        advice=_advice(item, columns) if passed is False else "",
        measured=value if value is not None and math.isfinite(value) else None,
        demanded=demanded(constraint),
        rows=item.rows,
        details={"constraint": constraint.to_json()},
    )


def _outcome(item: Measured, value: float | None, columns: Collection[str]) -> tuple[bool | None, str]:
    """Whether it holds, and the sentence that says why."""
    constraint = item.constraint
    absent = _absent(constraint, columns)
    if absent:
        return False, f"No row has a column {' or '.join(map(repr, absent))}, so nothing could be measured."
    if item.problem:
        return False, f"It could not be measured. {item.problem}"
    if value is None:
        if constraint.kind == "row_count_change":
            return None, item.remark
        return False, f"There was nothing to measure: {_nothing_words(constraint)}. {item.remark}".strip()
    if constraint.kind == "freshness" and value < -_DAYS_AHEAD:
        return False, f"The newest {constraint.column} lies {-value:.1f} days ahead, which hides how old the data are."
    return constraint.allows(
        value
    ), f"{_measured_words(item, value)}; {demanded(constraint)} is demanded. {item.remark}".strip()


def _nothing_words(constraint: Constraint) -> str:
    where = f" where {constraint.where}" if constraint.where else ""
    if constraint.kind == "correlation":
        return f"fewer than two rows{where} have both columns, or one of them does not vary"
    if constraint.kind == "standard_deviation":
        return f"fewer than two rows{where} have a value"
    return f"no row{where} has a value that it can be asked of"


def demanded(constraint: Constraint) -> str:
    """The bounds in words."""
    if constraint.kind == "freshness":
        return f"at most {constraint.max_age_days:g} days"
    words = []
    if constraint.lower is not None:
        words.append(f"at least {constraint.lower:.6g}")
    if constraint.max is not None:
        words.append(f"at most {constraint.max:.6g}")
    return " and ".join(words)


def _measured_words(item: Measured, value: float) -> str:
    constraint, rows = item.constraint, f"{item.rows:,} rows"
    where = f" where {constraint.where}" if constraint.where else ""
    if KINDS[constraint.kind].is_share:
        broken = round((1 - value) * item.rows)
        return f"{broken:,} of {rows}{where} break it (the share that keeps to it is {value:.6g})"
    if constraint.kind == "size":
        return f"There are {rows}{where}"
    if constraint.kind == "freshness":
        return f"The newest {constraint.column} of {rows}{where} is {value:.1f} days old"
    if constraint.kind == "row_count_change":
        return f"The number of rows changed by {value:+.1%} to {item.rows:,}"
    if not math.isfinite(value):
        return f"It is no finite number, because some of {rows}{where} are infinite"
    return f"It is {value:.6g} on {rows}{where}"


def _examples(item: Measured, *, failed: bool) -> Iterator[str]:
    if failed and item.sample:
        shown = [_row_words(item.constraint, row) for row in item.sample[:_SHOWN_ROWS]]
        yield f"Such as: {'; '.join(shown)}."


def _row_words(constraint: Constraint, row: Mapping[str, Any]) -> str:
    used = [f"{name} = {row['row'].get(name)!r}" for name in constraint.used_columns]
    others = [f"{name} = {value!r}" for name, value in row["row"].items() if name not in constraint.used_columns]
    values = ", ".join([*used, *(others if constraint.kind == "completeness" else [])])
    values = values if len(values) <= _SHOWN_TEXT else f"{values[:_SHOWN_TEXT]}…"
    times = f" ({row['times']} times)" if "times" in row else ""
    return f"{values}{times} in split {row['split']}"


def _absent(constraint: Constraint, columns: Collection[str]) -> list[str]:
    return [name for name in constraint.used_columns if name not in columns]


def _advice(item: Measured, columns: Collection[str]) -> str:
    name = item.constraint.name
    absent = _absent(item.constraint, columns)
    if absent:
        near = difflib.get_close_matches(absent[0], columns, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"Bring the column back, or correct {name} under quality.constraints.{hint}"
    if item.problem:
        return f"Correct {name} under quality.constraints, or the column's type under data.column_types."
    rows = "The rows are in the node's output offending_rows. " if item.sample else ""
    key = "max_age_days" if item.constraint.kind == "freshness" else "min or max"
    return f"{rows}Fix the data, or change {key} of {name} under quality.constraints."
