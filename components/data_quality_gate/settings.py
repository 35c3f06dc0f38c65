"""What the data must keep to. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.expression import ExpressionError, parse
from components.gate.verdict import Severity
from components.gate.waiver import Waiver

Kind = Literal[
    "size",
    "completeness",
    "uniqueness",
    "compliance",
    "allowed_values",
    "pattern",
    "foreign_key",
    "minimum",
    "maximum",
    "mean",
    "standard_deviation",
    "quantile",
    "correlation",
    "freshness",
    "row_count_change",
]


@dataclasses.dataclass(frozen=True)
class _Keys:
    """What a kind of constraint needs, besides what every kind takes; `is_share` = measured as a share of rows."""

    needs: tuple[str, ...] = ()
    is_share: bool = False


KINDS: Mapping[Kind, _Keys] = {
    "size": _Keys(),
    "completeness": _Keys(("column",), is_share=True),
    "uniqueness": _Keys(("columns",), is_share=True),
    "compliance": _Keys(("expression",), is_share=True),
    "allowed_values": _Keys(("column", "values"), is_share=True),
    "pattern": _Keys(("column", "regex"), is_share=True),
    "foreign_key": _Keys(("column", "references"), is_share=True),
    "minimum": _Keys(("column",)),
    "maximum": _Keys(("column",)),
    "mean": _Keys(("column",)),
    "standard_deviation": _Keys(("column",)),
    "quantile": _Keys(("column", "quantile")),
    "correlation": _Keys(("columns",)),
    "freshness": _Keys(("column", "max_age_days")),
    "row_count_change": _Keys(),
}

_OWN_KEYS = ("column", "columns", "expression", "values", "regex", "references", "quantile", "max_age_days")


@dataclasses.dataclass(frozen=True)
class Constraint:
    """One thing that the data must keep to.

    Attributes:
      kind: what is measured; docs/gates.md explains each.
      column: the column that is measured.
      columns: the columns of a key (`uniqueness`), or the two of a `correlation`.
      expression: of `compliance`: what each row must fulfil, such as `total_votes >= helpful_votes`.
      values: of `allowed_values`.
      regex: of `pattern`: must match the whole value (RE2 syntax).
      references: of `foreign_key`: the column in which each value of `column` must occur.
      quantile: which one, above 0 and below 1.
      max_age_days: of `freshness`: how old the newest date of the column may be.
      where: only rows that fulfil this expression are looked at.
      min: smallest value that passes; for shares of rows 1.0 where neither bound is given.
      max: largest value that passes.
      severity: `error` stops the run, `warning` is told.
    """

    kind: Kind
    column: str | None = None
    columns: tuple[str, ...] = ()
    expression: str | None = None
    values: tuple[str | int | float | bool, ...] = ()
    regex: str | None = None
    references: str | None = None
    quantile: float | None = None
    max_age_days: float | None = None
    where: str | None = None
    min: float | None = None
    max: float | None = None
    severity: Severity = "error"

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def lower(self) -> float | None:
        """The smallest value that passes; every row, where a share has no bound."""
        is_share = KINDS[self.kind].is_share
        return 1.0 if is_share and self.min is None and self.max is None else self.min

    def allows(self, value: float) -> bool:
        """True if the value lies within the bounds; of `freshness` it is an age in days."""
        upper = self.max_age_days if self.kind == "freshness" else self.max
        return (self.lower is None or value >= self.lower) and (upper is None or value <= upper)

    @property
    def name(self) -> str:
        """By which it is waived and reported, such as `completeness(review_id)`."""
        inside = {
            "compliance": self.expression,
            "uniqueness": ", ".join(self.columns),
            "correlation": ", ".join(self.columns),
            "foreign_key": f"{self.column} in {self.references}",
            "quantile": f"{self.column}, {self.quantile:g}" if self.quantile is not None else "",
        }.get(self.kind, self.column)
        parts = [part for part in (inside, f"where {self.where}" if self.where else None) if part]
        return f"{self.kind}({' '.join(parts)})" if parts else self.kind

    @property
    def used_columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        named = [self.column, self.references, *self.columns]
        texts = [text for text in (self.expression, self.where) if text is not None]
        return tuple(
            dict.fromkeys([name for name in named if name is not None] + [c for t in texts for c in parse(t).columns])
        )

    def _problems(self) -> Iterator[str]:
        if self.kind not in KINDS:
            yield f"kind {self.kind!r} is not one of {', '.join(KINDS)}."
            return
        needs = KINDS[self.kind].needs
        missing = [key for key in needs if getattr(self, key) in (None, ())]
        if missing:
            yield f"{self.kind} needs {', '.join(needs)}; not there: {', '.join(missing)}."
        other = [key for key in _OWN_KEYS if key not in needs and getattr(self, key) not in (None, ())]
        if other:
            yield f"{self.kind} takes no {', '.join(other)}."
        yield from self._bound_problems()
        yield from self._value_problems()

    def _bound_problems(self) -> Iterator[str]:
        keys = KINDS[self.kind]
        if not keys.is_share and self.kind != "freshness" and self.min is None and self.max is None:
            yield f"{self.kind} needs min, max or both."
        if self.kind == "freshness" and (self.min is not None or self.max is not None):
            yield "freshness takes max_age_days in place of min and max."
        if self.min is not None and self.max is not None and self.min > self.max:
            yield f"{self.kind}: min {self.min:g} is above max {self.max:g}."
        outside = [f"{bound:g}" for bound in (self.min, self.max) if bound is not None and not 0 <= bound <= 1]
        if keys.is_share and outside:
            yield f"{self.kind} is a share of rows, from 0 to 1; found {', '.join(outside)}."

    def _value_problems(self) -> Iterator[str]:
        if self.kind == "correlation" and len(set(self.columns)) not in (0, 2):
            yield f"correlation needs two different columns, found {', '.join(self.columns)}."
        if self.quantile is not None and not 0 < self.quantile < 1:
            yield f"quantile {self.quantile:g} is not above 0 and below 1."
        if self.max_age_days is not None and self.max_age_days < 0:
            yield f"max_age_days is {self.max_age_days:g}, expected 0 or more."
        if self.where is not None and self.kind == "row_count_change":
            yield "row_count_change counts all rows and takes no where."
        if self.regex is not None:
            yield from _regex_problem(self.regex)
        for text in (self.expression, self.where):
            if text is not None:
                yield from _expression_problem(text)

    def to_json(self) -> dict[str, Any]:
        """What differs from the defaults, in plain dictionaries, lists, strings and numbers."""
        found: dict[str, Any] = {"kind": self.kind}
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = list(value) if isinstance(value, tuple) else value
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Constraint":
        """The inverse of `to_json`."""
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**arguments)


def _regex_problem(regex: str) -> Iterator[str]:
    try:
        pc.match_substring_regex(pa.array([""]), whole(regex))
    except pa.ArrowInvalid as error:
        yield f"regex {regex!r} is not understood (RE2 syntax): {error}."


def whole(regex: str) -> str:
    """A pattern that matches only where `regex` matches the whole value."""
    return f"\\A(?:{regex})\\z"


def _expression_problem(text: str) -> Iterator[str]:
    try:
        parse(text)
    except ExpressionError as error:
        yield str(error)


@dataclasses.dataclass(frozen=True)
class QualitySettings:
    """The DataQualityGate.

    Attributes:
      enabled: false: the pipeline has no such node.
      constraints: what the data must keep to.
      suggestions: writes constraints that the data keeps to, for a person to choose from.
      sample_rows: rows kept of those that break a constraint.
      waivers: leave to go on in spite of single findings.
    """

    enabled: bool = True
    constraints: tuple[Constraint, ...] = ()
    suggestions: bool = True
    sample_rows: int = 10
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        names = [constraint.name for constraint in self.constraints]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems = [f"constraint {name} is there more than once; keep one." for name in twice]
        if not 0 <= self.sample_rows <= 1000:
            problems.append(f"sample_rows is {self.sample_rows}, expected 0 to 1000.")
        if problems:
            raise ValueError("\n".join(problems))

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and booleans."""
        return {
            "enabled": self.enabled,
            "constraints": [constraint.to_json() for constraint in self.constraints],
            "suggestions": self.suggestions,
            "sample_rows": self.sample_rows,
            "waivers": [waiver.to_json() for waiver in self.waivers],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "QualitySettings":
        """The inverse of `to_json`."""
        return cls(
            **{
                **data,
                "constraints": tuple(map(Constraint.from_json, data["constraints"])),
                "waivers": tuple(map(Waiver.from_json, data["waivers"])),
            }
        )
