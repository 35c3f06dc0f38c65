"""Leave to go on in spite of a finding: by its name, with a reason and an end. Pure data, no TensorFlow."""

import dataclasses
import datetime
import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Leave to go on in spite of a gate's finding.

    Attributes:
      check: the finding's name as the gate reports it; `*` stands for any text.
      reason: why this is acceptable; stands in the gate's decision.
      expires: the last day (UTC) on which it holds.
    """

    check: str
    reason: str
    expires: datetime.date

    def __post_init__(self) -> None:
        needed = {"check": "which finding it is for", "reason": "why it is acceptable"}
        problems = [f"waiver: {key} is empty; say {what}." for key, what in needed.items() if not self._has(key)]
        if self.check.strip("* ") == "" and self._has("check"):
            problems.append(f"waiver: check {self.check!r} would waive everything; name what it is for.")
        if problems:
            raise ValueError("\n".join(problems))

    def _has(self, key: str) -> bool:
        return bool(getattr(self, key).strip())

    def covers(self, check: str) -> bool:
        """True if it is for a finding of this name, expired or not."""
        if "*" not in self.check:
            return check == self.check
        # Only the star is special: names hold brackets.
        return fnmatch.fnmatchcase(check, self.check.replace("[", "[[]").replace("?", "[?]"))

    def to_json(self) -> dict[str, Any]:
        """Plain strings; the date as ISO 8601."""
        return {**dataclasses.asdict(self), "expires": self.expires.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Waiver":
        """The inverse of `to_json`."""
        return cls(**{**data, "expires": datetime.date.fromisoformat(data["expires"])})


def waiver_for(check: str, waivers: Iterable[Waiver], today: datetime.date) -> tuple[Waiver | None, Waiver | None]:
    """The waiver that holds for a finding, and one that would have, had it not expired."""
    covering = [waiver for waiver in waivers if waiver.covers(check)]
    holds = next((waiver for waiver in covering if waiver.expires >= today), None)
    expired = next((waiver for waiver in covering if waiver.expires < today), None)
    return holds, expired


_AGES = ("max_age_days", "expires_days")


def depends_on_day(settings: Any) -> bool:
    """True if an answer to these settings may change with time: they hold waivers, or bound an age.

    Ages are bounded by `max_age_days` (of data) and `expires_days` (of approvals).

    Args:
      settings: plain JSON, as it travels in exec_properties or stands in a configuration.
    """
    if isinstance(settings, Mapping):
        return (
            bool(settings.get("waivers"))
            or any(settings.get(key) is not None for key in _AGES)
            or any(depends_on_day(value) for value in settings.values())
        )
    return isinstance(settings, list | tuple) and any(depends_on_day(item) for item in settings)
