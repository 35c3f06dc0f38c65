"""What the gate makes of what was measured. Pure."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.data_quality_gate.settings import KINDS, Constraint
from components.gate.verdict import Finding, Verdict

_SHOWN_ROWS = 3
_SHOWN_TEXT = 160


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured for one constraint.

    Attributes:
      constraint: the constraint.
      value: None if there was nothing to measure; of `freshness` the newest moment in seconds since 1970.
      rows: rows that it was measured on.
      sample: a few rows that break it, each with `split` and `row`.
      remark: what else a reader should know.
    """

    constraint: Constraint
    value: float | None
    rows: int
    sample: Sequence[Mapping[str, Any]] = ()
    remark: str = ""


def verdict_of(
    measured: Sequence[Measured], rows: Mapping[str, int], columns: Sequence[str], now: datetime.datetime
) -> Verdict:
    """The verdict on what was measured, waivers aside.

    Args:
      measured: one item a constraint.
      rows: by split.
      columns: that any row has.
      now: with zone; for freshness.
    """
    missing = [] if sum(rows.values()) else ["The examples have no rows. Look at data.path and data.on_bad_rows."]
    findings = [_finding(item, columns, now) for item in measured]
    remarks = [] if measured else ["No constraints are set; `penstock quality suggest` proposes some from the data."]
    return Verdict("DataQualityGate", "the data", "quality", tuple(findings), tuple(missing), tuple(remarks))


def _finding(item: Measured, columns: Sequence[str], now: datetime.datetime) -> Finding:
    constraint = item.constraint
    absent = [name for name in constraint.used_columns if name not in columns]
    value = item.value
    if constraint.kind == "freshness" and value is not None:
        value = (now.timestamp() - value) / 86_400
    passed, sentence = _outcome(item, value, absent)
    return Finding(
        check=constraint.name,
        passed=passed,
        severity=constraint.severity,
        sentence=" ".join([sentence, *_examples(item, failed=passed is False)]),
        advice=_advice(constraint) if passed is False else "",
        measured=value,
        demanded=demanded(constraint),
        rows=item.rows,
        details={"constraint": constraint.to_json()},
    )


def _outcome(item: Measured, value: float | None, absent: Sequence[str]) -> tuple[bool | None, str]:
    constraint = item.constraint
    if absent:
        return False, f"No row has the column {' or '.join(absent)}, so nothing could be measured."
    if value is None:
        if constraint.kind == "row_count_change":
            return None, item.remark
        return False, f"There was nothing to measure: none of the rows looked at has a value. {item.remark}".strip()
    passed = all([constraint.lower is None or value >= constraint.lower, _below_upper(constraint, value)])
    return passed, f"{_measured_words(item, value)}; {demanded(constraint)} is demanded. {item.remark}".strip()


def _below_upper(constraint: Constraint, value: float) -> bool:
    upper = constraint.max_age_days if constraint.kind == "freshness" else constraint.max
    return upper is None or value <= upper


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
    return f"It is {value:.6g} on {rows}{where}"


def _examples(item: Measured, *, failed: bool) -> Iterator[str]:
    if failed and item.sample:
        shown = [_row_words(item.constraint, row) for row in item.sample[:_SHOWN_ROWS]]
        yield f"Such as: {'; '.join(shown)}."


def _row_words(constraint: Constraint, row: Mapping[str, Any]) -> str:
    names = [name for name in constraint.used_columns if name in row["row"]] or list(row["row"])
    values = ", ".join(f"{name} = {row['row'][name]!r}" for name in names)
    values = values if len(values) <= _SHOWN_TEXT else f"{values[:_SHOWN_TEXT]}…"
    times = f" ({row['times']} times)" if "times" in row else ""
    return f"{values}{times} in split {row['split']}"


def _advice(constraint: Constraint) -> str:
    key = "max_age_days" if constraint.kind == "freshness" else "min or max"
    return (
        "The rows are in the node's output offending_rows. Fix the data, or change "
        if constraint.is_of_rows
        else "Fix the data, or change "
    ) + f"{key} of {constraint.name} under quality.constraints."
