"""A gate's verdict: every check with what was measured, against what, on which rows, and what the user can do. Pure."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from components.gate.waiver import Waiver, waiver_for

Severity = Literal["error", "warning"]

FORMAT = 1
"""Of `Verdict.to_json`; a reader of another number says so."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One check and what came of it.

    Attributes:
      check: its name, stable from run to run, by which it is waived, such as `completeness(review_id)` or
        `DPL(product_category=Gift Card)`.
      passed: True, False, or None if it was not decided (too few rows, nothing to compare with); `sentence` says why.
      severity: what a failure does: `error` refuses, `warning` is told.
      sentence: what was measured, against what, on which rows or slice; one or more whole sentences.
      advice: what to do about a failure, apart from waiving it; empty for a check that did not fail.
      measured: the number, None if it is none (NaN is not allowed).
      demanded: the bound in words, such as `at least 0.95`.
      where: split, slice or feature that it is about.
      rows: number of rows that it was measured on.
      details: further evidence, plain JSON, documented by the gate.
      waiver: the waiver that holds; `expired`: one that would, had it not expired. Put in by `judge`.
    """

    check: str
    passed: bool | None
    severity: Severity
    sentence: str
    advice: str = ""
    measured: float | None = None
    demanded: str = ""
    where: str = ""
    rows: int | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    waiver: Waiver | None = None
    expired: Waiver | None = None

    @property
    def refuses(self) -> bool:
        """True if the gate refuses because of it."""
        return self.passed is False and self.severity == "error" and self.waiver is None

    def words(self) -> str:
        """The failure with what can be done about it, over several lines."""
        lines = [f"{self.check}: {self.sentence}"]
        if self.expired is not None:
            lines.append(f"  Its waiver expired on {self.expired.expires}: {self.expired.reason}")
        if self.advice:
            lines.append(f"  {self.advice}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and booleans."""
        return {
            **dataclasses.asdict(self),
            "details": dict(self.details),
            "waiver": self.waiver and self.waiver.to_json(),
            "expired": self.expired and self.expired.to_json(),
            "refuses": self.refuses,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Finding":
        """The inverse of `to_json`."""
        waivers = {key: data[key] and Waiver.from_json(data[key]) for key in ("waiver", "expired")}
        return cls(**{**{key: value for key, value in data.items() if key != "refuses"}, **waivers})


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a gate decided.

    Attributes:
      gate: the component, such as `DataQualityGate`.
      subject: what it judged, in words that follow a name, such as `the data` or `the model`.
      section: the configuration's section, where waivers and thresholds are.
      findings: every check, those that refuse first.
      missing: what evidence is missing, whole sentences; any refuses.
      remarks: what a reader should know besides, whole sentences.
    """

    gate: str
    subject: str
    section: str
    findings: tuple[Finding, ...]
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True if nothing refuses."""
        return not self.missing and not any(finding.refuses for finding in self.findings)

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return tuple(finding for finding in self.findings if finding.refuses)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The failed checks that are only told."""
        return tuple(item for item in self.findings if item.passed is False and item.severity == "warning")

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The failed checks that would refuse, but for a waiver."""
        failed = (item for item in self.findings if item.passed is False and item.severity == "error")
        return tuple(item for item in failed if item.waiver is not None)

    def refusal(self) -> str:
        """Why it refuses and what to do, in words."""
        count = len(self.refusing)
        found = f"{count} {'check' if count == 1 else 'checks'} failed" if count else "the evidence is incomplete"
        lines = [f"{self.gate} refuses {self.subject}: {found}.", *self.missing]
        lines += [finding.words() for finding in self.refusing]
        if count:
            lines.append(
                f"Or accept it for a while: a waiver (check: {self.refusing[0].check!r}, reason, expires) under "
                f"{self.section}.waivers."
            )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings, numbers and booleans."""
        return {
            "format": FORMAT,
            "gate": self.gate,
            "subject": self.subject,
            "section": self.section,
            "passed": self.passed,
            "missing": list(self.missing),
            "remarks": list(self.remarks),
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Verdict":
        """The inverse of `to_json`.

        Raises:
          ValueError: the document is of another format.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"a gate's decision of format {data.get('format')!r}; this program reads {FORMAT}")
        return cls(
            gate=data["gate"],
            subject=data["subject"],
            section=data["section"],
            findings=tuple(Finding.from_json(item) for item in data["findings"]),
            missing=tuple(data["missing"]),
            remarks=tuple(data["remarks"]),
        )


def judge(verdict: Verdict, waivers: Sequence[Waiver], today: datetime.date) -> Verdict:
    """The verdict with the waivers laid over its findings, those that refuse first, then what else failed.

    Args:
      verdict: as measured.
      waivers: of the gate's section; one that no failure is for is told as a remark.
      today: the day (UTC) on which waivers are looked at.
    """
    findings = []
    for finding in verdict.findings:
        holds, expired = waiver_for(finding.check, waivers, today) if finding.passed is False else (None, None)
        findings.append(dataclasses.replace(finding, waiver=holds, expired=expired))
    findings.sort(key=lambda item: (not item.refuses, item.passed is not False, item.severity != "error"))
    used = {id(item.waiver) for item in findings} | {id(item.expired) for item in findings}
    idle = tuple(
        f"The waiver of {waiver.check!r} is for no check that failed; remove it from {verdict.section}.waivers."
        for waiver in waivers
        if id(waiver) not in used
    )
    return dataclasses.replace(verdict, findings=tuple(findings), remarks=(*verdict.remarks, *idle))
