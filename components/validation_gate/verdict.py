"""The gate's decision: every anomaly with its severity, who waives it and what would accept it.

Protos in, words out.
"""

import dataclasses
import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.gate.verdict import Finding as CheckFinding
from components.gate.verdict import Verdict
from components.gate.waiver import Waiver as NamedWaiver
from components.validation_gate.policy import DATASET, GatePolicy, Severity, Waiver
from components.validation_gate.schema_change import changes_for


@dataclasses.dataclass(frozen=True)
class SplitEvidence:
    """What is known about one split.

    Attributes:
      split: its name.
      examples: number of rows the statistics are of.
      anomalies: TFDV's findings, None if there are none on file.
      accepting: the schema that would accept the split (`tfdv.update_schema`), None if it was not asked for.
    """

    split: str
    examples: int
    anomalies: anomalies_pb2.Anomalies | None
    accepting: schema_pb2.Schema | None = None


@dataclasses.dataclass(frozen=True)
class Finding:
    """One anomaly and what becomes of it.

    Attributes:
      split: where it was found.
      feature: the feature's name, `(dataset)` for anomalies of the whole.
      anomaly: its type, a name of `AnomalyInfo.Type`.
      description: TFDV's words.
      severity: what the policy makes of it, waivers aside.
      waiver: the waiver that holds, None if none does.
      expired: a waiver that would, had it not expired.
      schema_changes: what to change in the schema to accept it; empty if no change is known.
    """

    split: str
    feature: str
    anomaly: str
    description: str
    severity: Severity
    waiver: Waiver | None
    expired: Waiver | None
    schema_changes: tuple[str, ...]

    @property
    def stops(self) -> bool:
        """True if it stops the run."""
        return self.severity == "error" and self.waiver is None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and booleans."""
        return {
            **dataclasses.asdict(self),
            "schema_changes": list(self.schema_changes),
            "waiver": self.waiver and self.waiver.to_json(),
            "expired": self.expired and self.expired.to_json(),
            "stops": self.stops,
        }

    @property
    def check(self) -> str:
        """Its name among all gates' findings."""
        return f"{self.anomaly}({self.feature})"

    def as_check(self) -> CheckFinding:
        """It in the form that all gates share; `details` holds what is ours."""
        return CheckFinding(
            check=self.check,
            passed=self.severity == "ignore",
            severity="error" if self.severity == "error" else "warning",
            sentence=f"{self.split}: {self.description}",
            advice=" or ".join(self.schema_changes),
            where=self.split,
            details=self.to_json(),
            waiver=_named(self.check, self.waiver),
            expired=_named(self.check, self.expired),
        )

    def sentence(self) -> str:
        """All of it in words, over several lines."""
        lines = [f'{self.split}: feature "{self.feature}": {self.description} ({self.anomaly})']
        if self.expired is not None:
            lines.append(f"  Its waiver expired on {self.expired.expires}: {self.expired.reason}")
        changes = self.schema_changes or ("none is known; fix the data, or waive it",)
        lines += [f"  Schema change that accepts it: {change}" for change in changes]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class GateDecision:
    """Whether the run may train.

    Attributes:
      findings: every anomaly, those that stop the run first.
      missing: what evidence is missing, one sentence each; any stops the run.
    """

    findings: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """True if nothing stops the run."""
        return not self.missing and not any(finding.stops for finding in self.findings)

    def as_verdict(self) -> Verdict:
        """The decision in the form that all gates share; what the policy ignores has passed there."""
        checks = tuple(finding.as_check() for finding in self.findings)
        return Verdict("ValidationGate", "the data", "validation", checks, self.missing)

    def refusal(self) -> str:
        """Why the run stops and what to do, in words."""
        stopping = [finding for finding in self.findings if finding.stops]
        found = f"{len(stopping)} anomalies stop it" if stopping else "the evidence is incomplete"
        lines = [f"The data did not pass validation: {found}.", *self.missing]
        lines += [finding.sentence() for finding in stopping]
        if stopping:
            lines.append(
                "Fix the data, or accept it by changing the schema as said, or add a waiver (feature, anomaly, reason, "
                "expires) under validation.waivers, or another severity for the anomaly under validation.severities."
            )
        return "\n".join(lines)


def decide(
    evidence: Sequence[SplitEvidence], schema: schema_pb2.Schema | None, policy: GatePolicy, today: datetime.date
) -> GateDecision:
    """The decision on these splits; whatever is missing stops the run.

    Args:
      evidence: one item for each split of the examples.
      schema: what the data was held to, None if there is none.
      policy: severities and waivers.
      today: the day (UTC) on which waivers are looked at.
    """
    missing = list(_missing(evidence, schema))
    schema = schema or schema_pb2.Schema()
    findings = [finding for split in evidence for finding in _findings(split, schema, policy, today)]
    findings.sort(key=lambda finding: (not finding.stops, finding.severity != "warning", finding.feature))
    return GateDecision(tuple(findings), tuple(missing))


def _named(check: str, waiver: Waiver | None) -> NamedWaiver | None:
    return None if waiver is None else NamedWaiver(check, waiver.reason, waiver.expires)


def _missing(evidence: Sequence[SplitEvidence], schema: schema_pb2.Schema | None) -> Iterator[str]:
    if schema is None or not schema.feature:
        yield "There is no schema, or it names no feature. Give one under schema.path, or run SchemaGen."
    if not evidence:
        yield "There are no statistics of any split. Run StatisticsGen."
    for item in evidence:
        if item.examples == 0:
            yield f"Split {item.split!r} has no rows. Give it a larger share under data.splits, or more data."
        if item.anomalies is None:
            yield f"Split {item.split!r} was not validated. Run ExampleValidator on all splits."
        elif item.anomalies.data_missing and item.examples:
            yield f"Split {item.split!r}: TFDV found no data to validate. Run StatisticsGen again."


def _findings(
    split: SplitEvidence, schema: schema_pb2.Schema, policy: GatePolicy, today: datetime.date
) -> Iterator[Finding]:
    anomalies = split.anomalies or anomalies_pb2.Anomalies()
    for key, info in sorted(anomalies.anomaly_info.items()):
        steps = tuple(info.path.step) or (key,)
        yield from _of_feature(split, ".".join(steps), steps, info, schema, policy, today)
    if anomalies.HasField("dataset_anomaly_info"):
        yield from _of_feature(split, DATASET, (), anomalies.dataset_anomaly_info, schema, policy, today)


def _of_feature(
    split: SplitEvidence,
    feature: str,
    steps: tuple[str, ...],
    info: anomalies_pb2.AnomalyInfo,
    schema: schema_pb2.Schema,
    policy: GatePolicy,
    today: datetime.date,
) -> Iterator[Finding]:
    changes = () if split.accepting is None else tuple(changes_for(steps, schema, split.accepting))
    tfdv_severity: Severity = "warning" if info.severity == anomalies_pb2.AnomalyInfo.WARNING else "error"
    # An anomaly without a reason still is one.
    for reason in info.reason or [anomalies_pb2.AnomalyInfo.Reason()]:
        anomaly = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
        waivers = [waiver for waiver in policy.waivers if waiver.covers(feature, anomaly)]
        yield Finding(
            split=split.split,
            feature=feature,
            anomaly=anomaly,
            description=_description(reason, info),
            severity=policy.severity_of(anomaly, tfdv_severity),
            waiver=next((waiver for waiver in waivers if waiver.expires >= today), None),
            expired=next((waiver for waiver in waivers if waiver.expires < today), None),
            schema_changes=changes,
        )


def _description(reason: anomalies_pb2.AnomalyInfo.Reason, info: anomalies_pb2.AnomalyInfo) -> str:
    short = reason.short_description or info.short_description
    full = (reason.description or info.description).strip()
    return full if not short or short in full else f"{short}: {full}"
