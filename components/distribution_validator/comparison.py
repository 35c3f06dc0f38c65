"""Compares two summaries column by column: the one logic behind the gate and behind monitoring. Pure."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from scipy import stats

from components.distribution_validator.columns import ComparedColumn
from components.distribution_validator.kinds import Moved, compare_values
from components.distribution_validator.settings import DistributionSettings, Measure, Severity
from components.distribution_validator.significance import two_shares
from components.distribution_validator.summary import ColumnSummary, TableSummary

Level = Literal["none", "warn", "refuse"]
_LEVELS: tuple[Level, ...] = ("none", "warn", "refuse")


@dataclasses.dataclass(frozen=True)
class Measured:
    """One measure of one column.

    Attributes:
      measure: its name.
      value: as defined.
      chance: what two samples of one distribution have in the mean; taken off before the bounds are looked at.
      test: by which p was found.
      p: of the test that nothing moved.
      adjusted_p: the same, adjusted for the number of columns (Benjamini-Hochberg).
      warn: bound for `value - chance`, None for none.
      refuse: bound for refusing.
      level: `warn` or `refuse` if the bound is reached and `adjusted_p` is at most alpha.
    """

    measure: Measure
    value: float
    chance: float
    test: str
    p: float
    adjusted_p: float = 1.0
    warn: float | None = None
    refuse: float | None = None
    level: Level = "none"

    @property
    def size(self) -> float:
        """How far it moved, as a multiple of the bound for warning; 0 without one."""
        return max(self.value - self.chance, 0.0) / self.warn if self.warn else 0.0


@dataclasses.dataclass(frozen=True)
class Side:
    """One of the two tables, for one column: rows, rows with a value, and what can be said of numbers."""

    rows: int
    values: int
    quartiles: tuple[float, float, float] | None = None

    @property
    def missing(self) -> float:
        """The share of rows without a value."""
        return 1 - self.values / self.rows if self.rows else 0.0


@dataclasses.dataclass(frozen=True)
class ColumnComparison:
    """How one column moved.

    Attributes:
      column: name, kind, and whether it is the label.
      severity: what drift of its values can lead to.
      missing_severity: what a change of the share of missing values can lead to.
      before: the baseline's.
      after: the other's.
      measures: all that could be taken, `missing` last.
      moved: values, words or places in the numbers that moved most, with shares before and after.
      bars: the shares to draw, in their order.
      undecided: why the values could not be compared, a sentence; empty if they could.
    """

    column: ComparedColumn
    severity: Severity
    missing_severity: Severity
    before: Side
    after: Side
    measures: tuple[Measured, ...] = ()
    moved: tuple[Moved, ...] = ()
    bars: tuple[Moved, ...] = ()
    undecided: str = ""

    @property
    def values(self) -> tuple[Measured, ...]:
        """The measures of the values."""
        return tuple(item for item in self.measures if item.measure != "missing")

    @property
    def missing(self) -> Measured | None:
        """The measure of the missing values."""
        return next((item for item in self.measures if item.measure == "missing"), None)

    @property
    def size(self) -> float:
        """How far what is judged of it moved, as a multiple of the bound for warning."""
        return max((item.size for item in self.judged), default=0.0)

    @property
    def judged(self) -> tuple[Measured, ...]:
        """The measures that may warn or refuse."""
        return tuple(item for item in self.measures if self.severity_of(item) != "ignore")

    def severity_of(self, item: Measured) -> Severity:
        """What a measure can lead to."""
        return self.missing_severity if item.measure == "missing" else self.severity

    @property
    def has_drifted(self) -> bool:
        """True if it warns or refuses."""
        return level_of(self.judged) != "none"

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ColumnComparison":
        """The inverse of `to_json`."""
        sides = {
            key: Side(**{**data[key], "quartiles": data[key]["quartiles"] and tuple(data[key]["quartiles"])})
            for key in ("before", "after")
        }
        return cls(
            **{
                **data,
                **sides,
                "column": ComparedColumn(**data["column"]),
                "measures": tuple(Measured(**item) for item in data["measures"]),
                "moved": tuple(Moved(**item) for item in data["moved"]),
                "bars": tuple(Moved(**item) for item in data["bars"]),
            }
        )


def level_of(items: Sequence[Measured]) -> Level:
    """The highest level of several measures."""
    return max((item.level for item in items), key=_LEVELS.index, default="none")


def compare(
    baseline: TableSummary, current: TableSummary, columns: Sequence[ComparedColumn], settings: DistributionSettings
) -> list[ColumnComparison]:
    """Every column, in order; tests are adjusted for each other among the columns that are judged.

    Args:
      baseline: what to compare with.
      current: what is asked about.
      columns: in both tables; one that a table lacks is missing in all of its rows.
      settings: bounds and alpha.
    """
    raw = [_compare_column(column, baseline, current, settings) for column in columns]
    return _decided(raw, settings)


def _compare_column(
    column: ComparedColumn, baseline: TableSummary, current: TableSummary, settings: DistributionSettings
) -> ColumnComparison:
    before, after = baseline.columns.get(column.name), current.columns.get(column.name)
    if before is None or after is None or before.kind != after.kind or not before.rows or not after.rows:
        one, other = (Side(item.rows, item.values) if item else Side(0, 0) for item in (before, after))
        judged, missing = _severities(column, settings)
        return ColumnComparison(column, judged, missing, one, other, undecided=_why_not(column, before, after))
    found = compare_values(before, after, settings.min_rows)
    measures = [
        Measured(measure, item.value, item.chance, item.tested.name, item.tested.p)
        for measure, item in found.measures.items()
    ]
    return ColumnComparison(
        column,
        *_severities(column, settings, is_identifier=found.is_identifier),
        _side(before),
        _side(after),
        (*measures, *_missing(before, after)),
        tuple(found.moved),
        tuple(found.bars),
        found.undecided,
    )


def _severities(
    column: ComparedColumn, settings: DistributionSettings, *, is_identifier: bool = False
) -> tuple[Severity, Severity]:
    """Of the values, and of the missing ones."""
    always_moves = is_identifier or column.kind == "dates"
    return (
        settings.severity(column.name, always_moves=always_moves),
        settings.severity(column.name, always_moves=False),
    )


def _why_not(column: ComparedColumn, before: ColumnSummary | None, after: ColumnSummary | None) -> str:
    if before is None or after is None:
        return f"{column.name} was not summarised {'in the baseline' if before is None else 'now'}."
    if before.kind != after.kind:
        return f"{column.name} was compared as {before.kind} and now is as {after.kind}."
    return f"There are no rows {'in the baseline' if not before.rows else 'now'}."


def _side(found: ColumnSummary) -> Side:
    numbers = found.numbers.values
    low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75]).tolist() if len(numbers) else (0.0, 0.0, 0.0)
    return Side(found.rows, found.values, (low, middle, high) if len(numbers) else None)


def _missing(before: ColumnSummary, after: ColumnSummary) -> list[Measured]:
    """The change of the share of missing values; nothing where none ever is."""
    if not before.missing and not after.missing:
        return []
    change = abs(before.missing / before.rows - after.missing / after.rows)
    tested = two_shares(before.missing, before.rows, after.missing, after.rows)
    return [Measured("missing", change, 0.0, tested.name, tested.p)]


def _decided(raw: Sequence[ColumnComparison], settings: DistributionSettings) -> list[ColumnComparison]:
    """The comparisons with adjusted p, bounds and levels.

    One test stands behind several measures of a column, so it counts once.
    """
    tests = {(index, item.test, item.p) for index, comparison in enumerate(raw) for item in comparison.judged}
    keys = sorted(tests)
    adjusted = stats.false_discovery_control([p for *_, p in keys]).tolist() if keys else []
    by_test = dict(zip(keys, adjusted, strict=True))
    return [
        dataclasses.replace(
            comparison,
            measures=tuple(
                _with_level(item, by_test.get((index, item.test, item.p), item.p), comparison.column.name, settings)
                for item in comparison.measures
            ),
        )
        for index, comparison in enumerate(raw)
    ]


def _with_level(item: Measured, adjusted_p: float, column: str, settings: DistributionSettings) -> Measured:
    warn, refuse = settings.bounds(column, item.measure)
    excess = item.value - item.chance
    level: Level = "none"
    if adjusted_p <= settings.alpha:
        level = "warn" if warn is not None and excess >= warn else level
        level = "refuse" if refuse is not None and excess >= refuse else level
    return dataclasses.replace(item, adjusted_p=adjusted_p, warn=warn, refuse=refuse, level=level)
