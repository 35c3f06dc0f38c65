"""Who approves a model. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
import math
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from components.evaluator.metric_names import direction_of, unknown_metrics

Mode = Literal["auto", "conditional", "required"]
MODES: tuple[Mode, ...] = ("auto", "conditional", "required")

_LONGEST_DAYS = 36_500


def person(name: str) -> str:
    """By what one person is known, however the name is written: case, accents' encoding and spaces do not count.

    >>> person(" Ann  Lee ") == person("ann lee")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


@dataclasses.dataclass(frozen=True)
class ApprovalSettings:
    """When a person must approve, and what counts as an approval.

    Attributes:
      mode: `auto` = what every gate passed is approved, `required` = a person approves each model, `conditional` = a
        person approves unless every rule below holds.
      max_drop: metric → by how much it may get worse than the last blessed model's, in the metric's own unit, on all
        rows and (beyond chance) on every slice.
      ask_on_warnings: gates that warn, or whose findings are waived, ask for a person.
      approvers: how many different people must approve.
      allowed_approvers: names that count; empty = anybody's.
      expires_days: an approval older than this no longer counts when the model is pushed; None = it never expires.
      ask_on_flagged_slices: a slice that is worse than all rows, beyond chance, asks for a person.
    """

    mode: Mode = "auto"
    max_drop: Mapping[str, float] = dataclasses.field(default_factory=dict)
    ask_on_warnings: bool = True
    approvers: int = 1
    allowed_approvers: tuple[str, ...] = ()
    expires_days: float | None = None
    ask_on_flagged_slices: bool = True

    def __post_init__(self) -> None:
        problems = unknown_metrics(self.max_drop)
        if self.mode not in MODES:
            problems.append(f"mode {self.mode!r} is not one of {', '.join(MODES)}.")
        for metric, drop in self.max_drop.items():
            if not (math.isfinite(drop) and drop >= 0):
                problems.append(f"max_drop of {metric} is {drop}, expected 0 or more.")
            elif not unknown_metrics([metric]) and direction_of(metric) is None:
                problems.append(f"max_drop of {metric}: neither way is better by itself; name another metric.")
        if self.approvers < 1:
            problems.append(f"approvers is {self.approvers}, expected 1 or more; no person at all is mode: auto.")
        people = {person(name) for name in self.allowed_approvers}
        if "" in people:
            problems.append("allowed_approvers names nobody: one of the names is empty.")
        if people and len(people) < self.approvers:
            problems.append(f"approvers is {self.approvers}, but allowed_approvers names only {len(people)}.")
        if self.expires_days is not None and not 0 < self.expires_days <= _LONGEST_DAYS:
            problems.append(f"expires_days is {self.expires_days}, expected more than 0, at most {_LONGEST_DAYS}.")
        problems += self._without_effect()
        if problems:
            raise ValueError("\n".join(problems))

    def _without_effect(self) -> list[str]:
        """Settings that look like a safeguard and are none in this mode."""
        set_in_vain = {
            "max_drop": bool(self.max_drop),
            "approvers": self.approvers > 1,
            "allowed_approvers": bool(self.allowed_approvers),
            "expires_days": self.expires_days is not None,
        }
        if self.mode == "auto":
            return [
                f"{key} is set, but mode is auto, which asks nobody; set mode to conditional or required."
                for key, is_set in set_in_vain.items()
                if is_set
            ]
        has_rules = bool(self.max_drop) or self.ask_on_warnings or self.ask_on_flagged_slices
        if self.mode == "conditional" and not has_rules:
            return ["mode is conditional, but no rule would ever ask for a person; set max_drop, or mode to auto."]
        return []

    def may_approve(self, name: str) -> bool:
        """True if this person's approval counts."""
        return not self.allowed_approvers or person(name) in map(person, self.allowed_approvers)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        data = dataclasses.asdict(self)
        return {**data, "max_drop": dict(self.max_drop), "allowed_approvers": list(self.allowed_approvers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ApprovalSettings":
        """The inverse of `to_json`."""
        return cls(**{**data, "allowed_approvers": tuple(data["allowed_approvers"])})
