"""What the gate makes of the comparisons: a finding for each column, and the verdict. Pure."""

import dataclasses
from collections.abc import Iterator, Sequence

from components.distribution_validator.comparison import ColumnComparison, Measured, level_of
from components.distribution_validator.words import three_most_drifted, what_moved
from components.gate.verdict import Finding, Severity, Verdict

SECTION = "distribution"


@dataclasses.dataclass(frozen=True)
class Question:
    """What two tables are compared for.

    Attributes:
      check: first part of a finding's name: `drift` or `skew`.
      between: in words, such as `between span 1 and span 2`.
    """

    check: str
    between: str


def verdict_of(
    compared: Sequence[tuple[Question, Sequence[ColumnComparison]]],
    missing: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> Verdict:
    """The verdict on all comparisons, waivers aside; its first remarks tell the three columns that moved most.

    Args:
      compared: each question with its answers.
      missing: evidence that should be there and is not, whole sentences; any refuses.
      remarks: what else a reader should know.
    """
    findings = [finding for question, found in compared for item in found for finding in findings_of(question, item)]
    told = [remark for question, found in compared for remark in three_most_drifted(found, question.between)]
    return Verdict("DistributionValidator", "the data", SECTION, tuple(findings), tuple(missing), (*told, *remarks))


def findings_of(question: Question, found: ColumnComparison) -> Iterator[Finding]:
    """The finding on the column's values, and that on its missing values where there are any."""
    yield _finding(_name(question, found), question, found, found.values)
    if found.missing is not None:
        prefix = "missing" if question.check == "drift" else f"{question.check}_missing"
        yield _finding(f"{prefix}({found.column.name})", question, found, [found.missing])


def _name(question: Question, found: ColumnComparison) -> str:
    is_label = found.column.is_label and question.check == "drift"
    return f"{'label_shift' if is_label else question.check}({found.column.name})"


def _finding(check: str, question: Question, found: ColumnComparison, items: Sequence[Measured]) -> Finding:
    passed, severity = _outcome(found, items)
    worst = max(items, key=lambda item: (item.level != "none", item.size), default=None)
    is_of_missing = bool(items) and items[0].measure == "missing"
    rows = (found.after.rows if is_of_missing else found.after.values) if items else found.after.values
    return Finding(
        check=check,
        passed=passed,
        severity=severity,
        sentence=_sentence(question, found, items, passed),
        advice=_advice(found, items) if passed is False else "",
        measured=worst.value if worst is not None else None,
        demanded=_demanded(worst) if worst is not None else "",
        where=found.column.name,
        rows=rows,
        details={"question": dataclasses.asdict(question)} | ({} if is_of_missing else {"comparison": found.to_json()}),
    )


def _outcome(found: ColumnComparison, items: Sequence[Measured]) -> tuple[bool | None, Severity]:
    """Whether it passed, and what a failure does."""
    if not items or found.severity_of(items[0]) == "ignore":
        return None, "warning"
    level = level_of(items)
    severity: Severity = "error" if level == "refuse" and found.severity_of(items[0]) == "error" else "warning"
    return level == "none", severity


def _sentence(question: Question, found: ColumnComparison, items: Sequence[Measured], passed: bool | None) -> str:
    name = found.column.name
    if not items:
        return f"{name} was not compared {question.between}. {found.undecided}"
    is_of_missing = items[0].measure == "missing"
    told = _missing_words(found) if is_of_missing else what_moved(found)
    figures = ", ".join(_figure(item) for item in items)
    rows = f"{found.before.rows:,} and {found.after.rows:,} rows"
    said = f"{name} {question.between}: {told}. {figures}, on {rows}."
    return (
        said if passed is not None else f"{said} It is reported only: its values always move, or it is to be ignored."
    )


def _missing_words(found: ColumnComparison) -> str:
    return f"{found.before.missing:.2%} of the rows had no value, now {found.after.missing:.2%} have none"


def _figure(item: Measured) -> str:
    by_chance = f" (chance alone gives {item.chance:.2g})" if item.chance > 0 else ""
    reached = {"none": "", "warn": " ≥ warn", "refuse": " ≥ refuse"}[item.level]
    bound = {"none": "", "warn": f" {item.warn:g}" if item.warn is not None else ""}.get(item.level)
    bound = f" {item.refuse:g}" if item.level == "refuse" and item.refuse is not None else bound
    return f"{item.measure} {item.value:.3g}{by_chance}{reached}{bound or ''} ({item.test}, p {_p(item.adjusted_p)})"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.2g}"


def _demanded(item: Measured) -> str:
    told = [f"{word} from {bound:g}" for word, bound in (("warns", item.warn), ("refuses", item.refuse)) if bound]
    beyond = " beyond chance" if item.chance else ""
    return f"{item.measure}{beyond} {', '.join(told)}" if told else ""


def _advice(found: ColumnComparison, items: Sequence[Measured]) -> str:
    key = f"{SECTION}.features.{found.column.name}"
    level = level_of(items)
    bounds = " and ".join(f"{key}.{level}.{item.measure}" for item in items if item.level == level)
    wanted = f"raise {bounds}" + (f", or set {key}.severity to warning" if level == "refuse" else "")
    return f"Look at where the data comes from. If the change is real and wanted, {wanted}."
