"""What a policy makes of anomalies, and what it refuses to be."""

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.validation_gate.policy import DEFAULT_SEVERITIES, SEVERITIES, GatePolicy, Waiver, unknown_anomalies

TYPES = list(anomalies_pb2.AnomalyInfo.Type.keys())
FAR = datetime.date(2100, 1, 1)


def test_every_default_names_an_anomaly_of_tfdv() -> None:
    assert unknown_anomalies(list(DEFAULT_SEVERITIES)) == []


def test_an_unknown_anomaly_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Did you mean 'SCHEMA_NEW_COLUMN'"):
        GatePolicy(severities={"SCHEMA_NEW_COL": "error"})
    with pytest.raises(ValueError, match="Did you mean 'ENUM_TYPE_UNEXPECTED_STRING_VALUES'"):
        Waiver("vine", "because", FAR, anomaly="enum_type_unexpected_string_value")


def test_all_findings_of_a_policy_are_reported_together() -> None:
    severities: Any = {"NO_SUCH": "error", "SCHEMA_NEW_COLUMN": "fatal"}
    with pytest.raises(ValueError, match=r"(?s)NO_SUCH.*fatal"):
        GatePolicy(severities=severities)


@pytest.mark.parametrize("empty", [{"feature": " "}, {"reason": ""}])
def test_a_waiver_must_say_what_for_and_why(empty: dict[str, str]) -> None:
    arguments: Any = {"feature": "vine", "reason": "because", "expires": FAR, **empty}
    with pytest.raises(ValueError, match="is empty"):
        Waiver(**arguments)


def test_the_users_severity_goes_before_ours_and_ours_before_tfdvs() -> None:
    assert GatePolicy().severity_of("SCHEMA_NEW_COLUMN", "error") == "warning"
    assert GatePolicy(severities={"SCHEMA_NEW_COLUMN": "error"}).severity_of("SCHEMA_NEW_COLUMN", "warning") == "error"
    assert GatePolicy().severity_of("FLOAT_TYPE_HAS_NAN", "warning") == "warning"
    assert GatePolicy(default_severity="error").severity_of("FLOAT_TYPE_HAS_NAN", "warning") == "error"
    assert GatePolicy(default_severity="error").severity_of("SCHEMA_NEW_COLUMN", "warning") == "warning"


def test_a_waiver_without_an_anomaly_covers_all_of_its_feature_and_nothing_else() -> None:
    waiver = Waiver("vine", "because", FAR)
    assert waiver.covers("vine", "FLOAT_TYPE_HAS_NAN")
    assert not waiver.covers("wine", "FLOAT_TYPE_HAS_NAN")
    assert not Waiver("vine", "because", FAR, "SCHEMA_NEW_COLUMN").covers("vine", "FLOAT_TYPE_HAS_NAN")


words = st.text(min_size=1).filter(str.strip)
waivers = st.builds(Waiver, words, words, st.dates(), st.none() | st.sampled_from(TYPES))
policies = st.builds(
    GatePolicy,
    st.dictionaries(st.sampled_from(TYPES), st.sampled_from(SEVERITIES)),
    st.sampled_from(["tfdv", *SEVERITIES]),
    st.lists(waivers, max_size=3).map(tuple),
)


@given(policies)
def test_a_policy_survives_json(policy: GatePolicy) -> None:
    assert GatePolicy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
