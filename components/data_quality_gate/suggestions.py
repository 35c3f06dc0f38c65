"""Constraints that the data keeps to, proposed with the reason; a person chooses (rules in the spirit of Deequ's)."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from components.data_quality_gate.profile import ColumnProfile, TableProfile
from components.data_quality_gate.settings import Constraint

MAX_ALLOWED_VALUES = 20
MIN_ROWS_PER_VALUE = 20
"""A column whose values each occur about this often has, most likely, no others."""

_MIN_ROWS = 100


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """A constraint with what was seen, and why it may hold for the next rows too."""

    constraint: Constraint
    seen: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {"constraint": self.constraint.to_json(), "seen": self.seen, "reason": self.reason}


def suggest(profile: TableProfile) -> list[Suggestion]:
    """What might be demanded of tables like this one; nothing of a table too small to say."""
    if profile.rows < _MIN_ROWS:
        return []
    half = Constraint("size", min=_rounded_down(profile.rows / 2))
    found = [Suggestion(half, f"{profile.rows:,} rows", "half as many rows would be a delivery cut short")]
    for name in sorted(profile.columns):
        found += _of_column(name, profile.columns[name])
    return found


def _of_column(name: str, column: ColumnProfile) -> Iterator[Suggestion]:
    if column.completeness == 1.0:
        yield Suggestion(Constraint("completeness", column=name), "no row lacks it", "it was never missing")
    elif column.completeness is not None and column.completeness >= 0.5:
        share = _lower_bound(column.completeness, column.rows)
        yield Suggestion(
            Constraint("completeness", column=name, min=share),
            f"{column.completeness:.2%} of the rows have it",
            "a smaller share would be more than chance (three standard errors below what was seen)",
        )
    if column.is_unique and column.completeness == 1.0:
        unique = Constraint("uniqueness", columns=(name,))
        yield Suggestion(unique, f"each of the first {column.firsts_seen:,} occurs once", "it looks like an identifier")
    if _is_enumeration(column):
        values = sorted(column.values or (), key=lambda value: (-(column.values or {})[value], str(value)))
        yield Suggestion(
            Constraint("allowed_values", column=name, values=tuple(values)),
            f"{len(values)} values in {column.rows - column.missing:,} rows",
            f"each occurs often (at least {min((column.values or {}).values()):,} times), so others are unlikely",
        )
    elif column.numbers.rows and column.numbers.low >= 0:
        yield Suggestion(
            Constraint("minimum", column=name, min=0), f"smallest {column.numbers.low:g}", "never negative"
        )


def _is_enumeration(column: ColumnProfile) -> bool:
    if not column.values or column.kind == "number" or len(column.values) > MAX_ALLOWED_VALUES:
        return False
    return len(column.values) > 1 and min(column.values.values()) >= MIN_ROWS_PER_VALUE


def _lower_bound(share: float, rows: int) -> float:
    """Three standard errors of a share below it, in whole percent."""
    return max(0.0, math.floor(100 * (share - 3 * math.sqrt(share * (1 - share) / rows))) / 100)


def _rounded_down(rows: float) -> int:
    """With two digits, such as 9_900 for 9_987."""
    scale = 10 ** max(0, math.floor(math.log10(rows)) - 1)
    return int(rows // scale * scale)
