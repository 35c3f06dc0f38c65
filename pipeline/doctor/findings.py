"""What a check of the machine or the environment found."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Status(enum.StrEnum):
    """`warning`: things work, but slower or differently than one may expect. `problem`: runs will fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One check's answer.

    Attributes:
      check: what was looked at, in a word or two.
      status: how bad it is.
      seen: what was found, in plain words.
      advice: what to do; empty only where the status is `ok`.
    """

    check: str
    status: Status
    seen: str
    advice: str = ""

    def __post_init__(self) -> None:
        if self.status is not Status.OK and not self.advice:
            raise ValueError(f"Finding {self.check!r} is a {self.status} without advice; say what to do about it.")


def has_problem(findings: Iterable[Finding]) -> bool:
    """True if something will keep runs from working."""
    return any(finding.status is Status.PROBLEM for finding in findings)


def render(findings: Iterable[Finding]) -> str:
    """The findings as text, one a line with its advice below, and a last line that sums them up.

    >>> print(render([Finding("cpus", Status.OK, "2"), Finding("disk", Status.PROBLEM, "full", "Free some.")]))
    ok       cpus         2
    problem  disk         full
                          -> Free some.
    1 problem, 0 warnings.
    """
    listed = list(findings)
    lines = [line for finding in listed for line in _lines(finding)]
    problems, warnings = (sum(each.status is status for each in listed) for status in (Status.PROBLEM, Status.WARNING))
    return "\n".join([*lines, f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}."])


def _lines(finding: Finding) -> list[str]:
    lines = [f"{finding.status:<8} {finding.check:<12} {finding.seen}"]
    if finding.advice:
        lines.append(f"{'':<22}-> {finding.advice}")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
