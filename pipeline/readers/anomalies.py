"""What ExampleValidator found and what ValidationGate made of it, per split."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.validation_gate.policy import DATASET
from pipeline.errors import NotFound
from pipeline.readers.documents import SPLIT_PREFIX, read_object, read_proto, split_names

ANOMALIES_FILE = "SchemaDiff.pb"
GATE_FILE = "decision.json"


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """One finding of TFDV.

    Attributes:
      feature: its name, `(dataset)` for the whole.
      type: a name of `AnomalyInfo.Type`.
      severity: TFDV's, `error` or `warning`; the gate's policy may see it otherwise.
      summary: a few words.
      description: TFDV's sentence.
    """

    feature: str
    type: str
    severity: str
    summary: str
    description: str


@dataclasses.dataclass(frozen=True)
class SplitAnomalies:
    """The findings of one split; none if the data keeps to the schema."""

    split: str
    anomalies: tuple[Anomaly, ...]
    data_missing: bool = False


@dataclasses.dataclass(frozen=True)
class Anomalies:
    """The findings of one ExampleValidator artifact."""

    splits: tuple[SplitAnomalies, ...]

    @property
    def count(self) -> int:
        """Findings in all splits together."""
        return sum(len(split.anomalies) for split in self.splits)


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Leave to train in spite of an anomaly; `expires` is an ISO 8601 date."""

    feature: str
    reason: str
    expires: str
    anomaly: str | None = None


@dataclasses.dataclass(frozen=True)
class GateFinding:
    """One anomaly and what the gate made of it.

    Attributes:
      severity: `error`, `warning` or `ignore`, by the policy.
      stops: True if it stops the run.
      waiver: the waiver that holds, None if none does.
      expired: a waiver that would, had it not expired.
      schema_changes: what would make the schema accept it.
    """

    split: str
    feature: str
    anomaly: str
    description: str
    severity: str
    stops: bool
    waiver: Waiver | None
    expired: Waiver | None
    schema_changes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class GateDecision:
    """Whether the data may be trained on; `missing` says what evidence is missing, one sentence each."""

    passed: bool
    missing: tuple[str, ...]
    findings: tuple[GateFinding, ...]


def read_anomalies(folder: Path) -> Anomalies:
    """The findings in an ExampleValidator artifact.

    Raises:
      NotFound: there are none on file, or they cannot be read.
    """
    return Anomalies(tuple(_split(folder, name) for name in split_names(folder)))


def _split(folder: Path, split: str) -> SplitAnomalies:
    found = read_proto(folder / f"{SPLIT_PREFIX}{split}" / ANOMALIES_FILE, anomalies_pb2.Anomalies())
    return split_anomalies(split, found)


def split_anomalies(split: str, found: anomalies_pb2.Anomalies) -> SplitAnomalies:
    """The findings of one split from TFDV's proto, errors first."""
    items = [item for key, info in found.anomaly_info.items() for item in _of_info(key, info)]
    if found.HasField("dataset_anomaly_info"):
        items += _of_info(DATASET, found.dataset_anomaly_info)
    items.sort(key=lambda item: (item.severity != "error", item.feature, item.type))
    return SplitAnomalies(split, tuple(items), found.data_missing)


def _of_info(key: str, info: anomalies_pb2.AnomalyInfo) -> Iterator[Anomaly]:
    severity = "warning" if info.severity == anomalies_pb2.AnomalyInfo.WARNING else "error"
    for reason in info.reason or [anomalies_pb2.AnomalyInfo.Reason()]:  # an anomaly without a reason still is one
        yield Anomaly(
            feature=".".join(info.path.step) or key,
            type=anomalies_pb2.AnomalyInfo.Type.Name(reason.type),
            severity=severity,
            summary=reason.short_description or info.short_description,
            description=reason.description or info.description,
        )


def read_gate(folder: Path) -> GateDecision:
    """The decision in a ValidationGate artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    path = folder / GATE_FILE
    data = read_object(path)
    try:
        return GateDecision(
            data["passed"], tuple(data["missing"]), tuple(_finding(item["details"]) for item in data["findings"])
        )
    except (KeyError, TypeError) as error:
        raise NotFound(f"{path}: not a decision of ValidationGate ({error!r}).") from error


def _finding(data: Mapping[str, Any]) -> GateFinding:
    changes = tuple(data["schema_changes"])
    waivers = {name: Waiver(**data[name]) if data[name] else None for name in ("waiver", "expired")}
    return GateFinding(**{**data, **waivers, "schema_changes": changes})
