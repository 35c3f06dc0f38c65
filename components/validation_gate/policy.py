"""What the gate makes of an anomaly: severities by anomaly type, and waivers by feature with an expiry date.

Pure data, no TensorFlow: the configuration holds it, and it travels as JSON in the node's exec_properties.
"""

import dataclasses
import datetime
import difflib
from collections.abc import Collection, Mapping
from typing import Any, Literal

Severity = Literal["error", "warning", "ignore"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "ignore")

#: Whole-dataset anomalies carry this in place of a feature's name, and a waiver names it so.
DATASET = "(dataset)"

#: Where the policy departs from TFDV, which calls nearly everything an error. A column that the schema does not
#: know never reaches the model. The comparators ask whether the distribution moved, which is no fault of the data.
DEFAULT_SEVERITIES: Mapping[str, Severity] = {
    "SCHEMA_NEW_COLUMN": "warning",
    "COMPARATOR_L_INFTY_HIGH": "warning",
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": "warning",
    "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH": "warning",
    "COMPARATOR_CONTROL_DATA_MISSING": "warning",
}


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Leave to train in spite of an anomaly, for one feature, with a reason and an end.

    Attributes:
      feature: the feature's name as TFDV reports it, or `(dataset)`.
      reason: why this is acceptable; stands in the gate's decision.
      expires: the last day (UTC) on which it holds.
      anomaly: the anomaly type it is for; None = every anomaly of the feature.
    """

    feature: str
    reason: str
    expires: datetime.date
    anomaly: str | None = None

    def __post_init__(self) -> None:
        problems = [f"waiver: {key} is empty; say {what}." for key, what in self._empty()]
        problems += unknown_anomalies([] if self.anomaly is None else [self.anomaly])
        if problems:
            raise ValueError("\n".join(problems))

    def _empty(self) -> list[tuple[str, str]]:
        needed = {"feature": "which feature it is for", "reason": "why the anomaly is acceptable"}
        return [(key, what) for key, what in needed.items() if not getattr(self, key).strip()]

    def covers(self, feature: str, anomaly: str) -> bool:
        """True if it is for this anomaly, expired or not."""
        return self.feature == feature and self.anomaly in (None, anomaly)

    def to_json(self) -> dict[str, Any]:
        """Plain strings; the date as ISO 8601."""
        return {**dataclasses.asdict(self), "expires": self.expires.isoformat()}


@dataclasses.dataclass(frozen=True)
class GatePolicy:
    """What stops a run.

    Attributes:
      severities: anomaly type (a name of tensorflow_metadata's `AnomalyInfo.Type`) → `error` (stops the run),
        `warning` (recorded) or `ignore`; laid over `DEFAULT_SEVERITIES`.
      default_severity: for all other types; `tfdv` = as TFDV says.
      waivers: leave for single features.
    """

    severities: Mapping[str, Severity] = dataclasses.field(default_factory=dict)
    default_severity: Literal["tfdv", "error", "warning", "ignore"] = "tfdv"
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        problems = unknown_anomalies(self.severities)
        for name, severity in self.severities.items():
            if severity not in SEVERITIES:
                problems.append(f"severity {severity!r} of {name} is not one of {', '.join(SEVERITIES)}.")
        if self.default_severity not in ("tfdv", *SEVERITIES):
            problems.append(f"default_severity {self.default_severity!r} is not tfdv, {', '.join(SEVERITIES)}.")
        if problems:
            raise ValueError("\n".join(problems))

    def severity_of(self, anomaly: str, tfdv_severity: Severity) -> Severity:
        """What an anomaly of this type does, waivers aside."""
        fallback = tfdv_severity if self.default_severity == "tfdv" else self.default_severity
        return {**DEFAULT_SEVERITIES, **self.severities}.get(anomaly, fallback)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and strings."""
        return {
            "severities": dict(self.severities),
            "default_severity": self.default_severity,
            "waivers": [waiver.to_json() for waiver in self.waivers],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "GatePolicy":
        """The inverse of `to_json`."""
        waivers = (
            Waiver(**{**item, "expires": datetime.date.fromisoformat(item["expires"])}) for item in data["waivers"]
        )
        return cls(**{**data, "waivers": tuple(waivers)})


def unknown_anomalies(names: Collection[str]) -> list[str]:
    """One sentence for each name that is no anomaly type of TFDV, with the nearest that is."""
    if not names:
        return []
    # Light, but not free (0.2 s), so only where a policy names a type.
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    known = anomalies_pb2.AnomalyInfo.Type.keys()
    return [f"{name!r} is not an anomaly type of TFDV.{_nearest(name, known)}" for name in names if name not in known]


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.4)
    return f" Did you mean {near[0]!r}?" if near else " They are listed in tensorflow_metadata's anomalies.proto."
