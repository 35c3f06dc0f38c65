"""Who approves a model. Pure data, no TensorFlow: the configuration holds it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from components.evaluator.metric_names import direction_of, unknown_metrics

Mode = Literal["auto", "conditional", "required"]
MODES: tuple[Mode, ...] = ("auto", "conditional", "required")


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
    """

    mode: Mode = "auto"
    max_drop: Mapping[str, float] = dataclasses.field(default_factory=dict)
    ask_on_warnings: bool = True
    approvers: int = 1
    allowed_approvers: tuple[str, ...] = ()
    expires_days: float | None = None

    def __post_init__(self) -> None:
        problems = unknown_metrics(self.max_drop)
        if self.mode not in MODES:
            problems.append(f"mode {self.mode!r} is not one of {', '.join(MODES)}.")
        for metric, drop in self.max_drop.items():
            if drop < 0:
                problems.append(f"max_drop of {metric} is {drop}, expected 0 or more.")
            elif not unknown_metrics([metric]) and direction_of(metric) is None:
                problems.append(f"max_drop of {metric}: neither way is better by itself; name another metric.")
        if self.approvers < 1:
            problems.append(f"approvers is {self.approvers}, expected 1 or more; no person at all is mode: auto.")
        if self.allowed_approvers and len(set(self.allowed_approvers)) < self.approvers:
            problems.append(
                f"approvers is {self.approvers}, but allowed_approvers names only {len(set(self.allowed_approvers))}."
            )
        if self.expires_days is not None and self.expires_days <= 0:
            problems.append(f"expires_days is {self.expires_days}, expected more than 0.")
        if problems:
            raise ValueError("\n".join(problems))

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        data = dataclasses.asdict(self)
        return {**data, "max_drop": dict(self.max_drop), "allowed_approvers": list(self.allowed_approvers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ApprovalSettings":
        """The inverse of `to_json`."""
        return cls(**{**data, "allowed_approvers": tuple(data["allowed_approvers"])})
