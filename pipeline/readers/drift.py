"""How the columns moved from span to span, and from training to serving: DistributionValidator's verdict, by column."""

import dataclasses
from pathlib import Path

from components.distribution_validator.comparison import ColumnComparison
from components.gate.verdict import Finding, Verdict
from pipeline.errors import NotFound
from pipeline.readers.gates import VERDICT_FILE, read_verdict


@dataclasses.dataclass(frozen=True)
class ColumnDrift:
    """One column: how it was compared, and the findings on its values and on its missing values (None: none)."""

    comparison: ColumnComparison
    values: Finding
    missing: Finding | None = None


@dataclasses.dataclass(frozen=True)
class DriftOf:
    """One question, such as `drift` (between, in words: `from span 1 to span 2`), and its columns."""

    check: str
    between: str
    columns: tuple[ColumnDrift, ...]


@dataclasses.dataclass(frozen=True)
class DriftReport:
    """The verdict, and what it rests on by question."""

    verdict: Verdict
    questions: tuple[DriftOf, ...]


def read_drift(folder: Path) -> DriftReport:
    """The verdict in DistributionValidator's artifact, by question and column, those that failed first.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    verdict = read_verdict(folder)
    try:
        keys = dict.fromkeys(_question(finding) for finding in verdict.findings)
        questions = tuple(DriftOf(*key, tuple(_columns(verdict, key))) for key in keys)
    except (KeyError, TypeError, ValueError) as error:
        raise NotFound(f"{folder / VERDICT_FILE}: not the decision of DistributionValidator ({error!r}).") from error
    return DriftReport(verdict, questions)


def _question(finding: Finding) -> tuple[str, str]:
    question = finding.details["question"]
    return question["check"], question["between"]


def _columns(verdict: Verdict, question: tuple[str, str]) -> list[ColumnDrift]:
    findings = [finding for finding in verdict.findings if _question(finding) == question]
    missing = {finding.where: finding for finding in findings if "comparison" not in finding.details}
    return [
        ColumnDrift(ColumnComparison.from_json(finding.details["comparison"]), finding, missing.get(finding.where))
        for finding in findings
        if "comparison" in finding.details
    ]
