"""What counts as drift. Pure data, no TensorFlow: it travels as JSON in the node's exec_properties."""

import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from components.gate.waiver import Waiver

Measure = Literal["psi", "jensen_shannon", "l_infinity", "kolmogorov_smirnov", "unseen_words", "missing"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

Severity = Literal["error", "warning", "ignore"]

DEFAULT_WARN: Mapping[Measure, float] = types.MappingProxyType(
    {
        "psi": 0.1,
        "jensen_shannon": 0.02,
        "l_infinity": 0.1,
        "kolmogorov_smirnov": 0.1,
        "unseen_words": 0.05,
        "missing": 0.05,
    }
)
"""PSI's are the bounds of credit scoring (N. Siddiqi, Credit Risk Scorecards, 2006: below 0.1 no change, above 0.25 a
large one). A small change has a Jensen-Shannon divergence of PSI / (8 ln 2), so its bounds mean the same. The others
are shares of rows: a model's figures hardly move while less than one row in ten (of words one in twenty) is another."""

DEFAULT_REFUSE: Mapping[Measure, float] = types.MappingProxyType(
    {
        "psi": 0.25,
        "jensen_shannon": 0.05,
        "l_infinity": 0.2,
        "kolmogorov_smirnov": 0.2,
        "unseen_words": 0.15,
        "missing": 0.2,
    }
)
"""See `DEFAULT_WARN`."""


@dataclasses.dataclass(frozen=True)
class FeatureDrift:
    """How far one column may move.

    Attributes:
      warn: bounds by measure over those for all columns; None: this measure never warns.
      refuse: the same for refusing.
      severity: `error` may refuse, `warning` never does, `ignore` is only reported; None: `ignore` for dates and
        identifiers, whose values always move, `error` for others.
    """

    warn: Mapping[Measure, float | None] = dataclasses.field(default_factory=dict)
    refuse: Mapping[Measure, float | None] = dataclasses.field(default_factory=dict)
    severity: Severity | None = None

    def __post_init__(self) -> None:
        problems = [*_bound_problems("warn", self.warn), *_bound_problems("refuse", self.refuse)]
        if problems:
            raise ValueError("\n".join(problems))


def _bound_problems(key: str, bounds: Mapping[Measure, float | None]) -> Iterator[str]:
    for measure, bound in bounds.items():
        if measure not in MEASURES:
            yield f"{key}: {measure!r} is not one of {', '.join(MEASURES)}."
        elif bound is not None and (bound < 0 or (bound > 1 and measure != "psi")):
            yield f"{key}: {measure} is {bound:g}, expected {'0 or more' if measure == 'psi' else '0 to 1'}."


@dataclasses.dataclass(frozen=True)
class DistributionSettings:
    """The DistributionValidator.

    Attributes:
      enabled: false: the pipeline has no such node.
      serving_path: one file of logged requests to compare the training data with (skew); None: no such comparison.
      alpha: share of false discoveries allowed among the columns that are said to have moved (Benjamini-Hochberg).
      min_rows: fewer values than this on either side decide nothing.
      warn: by measure, from where on a column is told to have moved.
      refuse: by measure, from where on the run stops.
      features: by column, what differs from that; a column that is named here is compared though the model ignores it.
      waivers: leave to go on in spite of single findings.
    """

    enabled: bool = True
    serving_path: str | None = None
    alpha: float = 0.01
    min_rows: int = 100
    warn: Mapping[Measure, float | None] = dataclasses.field(default_factory=lambda: dict(DEFAULT_WARN))
    refuse: Mapping[Measure, float | None] = dataclasses.field(default_factory=lambda: dict(DEFAULT_REFUSE))
    features: Mapping[str, FeatureDrift] = dataclasses.field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        problems = [*_bound_problems("warn", self.warn), *_bound_problems("refuse", self.refuse)]
        if not 0 < self.alpha < 1:
            problems.append(f"alpha is {self.alpha:g}, expected a share above 0 and below 1.")
        if self.min_rows < 2:
            problems.append(f"min_rows is {self.min_rows}, expected 2 or more.")
        if problems:
            raise ValueError("\n".join(problems))

    def bounds(self, column: str, measure: Measure) -> tuple[float | None, float | None]:
        """From where on this measure of the column warns, and from where on it refuses; None: never."""
        own = self.features.get(column, FeatureDrift())
        warn = own.warn.get(measure, self.warn.get(measure, DEFAULT_WARN[measure]))
        return warn, own.refuse.get(measure, self.refuse.get(measure, DEFAULT_REFUSE[measure]))

    def severity(self, column: str, *, always_moves: bool) -> Severity:
        """What a column's drift can lead to; `always_moves`: it holds dates or identifiers."""
        own = self.features.get(column, FeatureDrift()).severity
        return own or ("ignore" if always_moves else "error")

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and booleans."""
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "warn": dict(self.warn),
            "refuse": dict(self.refuse),
            "features": {
                name: {"warn": dict(own.warn), "refuse": dict(own.refuse), "severity": own.severity}
                for name, own in self.features.items()
            },
            "waivers": [waiver.to_json() for waiver in self.waivers],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DistributionSettings":
        """The inverse of `to_json`."""
        return cls(
            **{
                **data,
                "features": {name: FeatureDrift(**own) for name, own in data["features"].items()},
                "waivers": tuple(map(Waiver.from_json, data["waivers"])),
            }
        )
