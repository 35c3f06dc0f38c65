"""What the gate decides."""

import datetime
import json

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.validation_gate.policy import DATASET, GatePolicy, Waiver
from components.validation_gate.verdict import GateDecision, SplitEvidence, decide

TODAY = datetime.date(2026, 3, 1)
SCHEMA = text_format.Parse('feature { name: "vine" string_domain { value: "Y" } }', schema_pb2.Schema())
ACCEPTING = text_format.Parse('feature { name: "vine" string_domain { value: "Y" value: "X" } }', schema_pb2.Schema())

UNEXPECTED = """
anomaly_info {
  key: "vine"
  value {
    path { step: "vine" }
    severity: ERROR
    short_description: "Unexpected string values"
    description: "Examples contain values missing from the schema: X (~33%)."
    reason {
      type: ENUM_TYPE_UNEXPECTED_STRING_VALUES
      short_description: "Unexpected string values"
      description: "Examples contain values missing from the schema: X (~33%)."
    }
  }
}
"""
NEW_COLUMN = """
anomaly_info {
  key: "extra"
  value { path { step: "extra" } severity: ERROR description: "New column" reason { type: SCHEMA_NEW_COLUMN } }
}
"""


def evidence(text: str = "", examples: int = 10, split: str = "train") -> SplitEvidence:
    return SplitEvidence(split, examples, text_format.Parse(text, anomalies_pb2.Anomalies()), ACCEPTING)


def decided(*splits: SplitEvidence, policy: GatePolicy | None = None) -> GateDecision:
    return decide(splits, SCHEMA, policy or GatePolicy(), TODAY)


def test_clean_data_passes() -> None:
    decision = decided(evidence(), evidence(split="eval"))
    assert decision.passed
    assert (decision.findings, decision.missing) == ((), ())


def test_an_error_stops_and_the_refusal_says_what_where_and_how_to_accept_it() -> None:
    decision = decided(evidence(), evidence(UNEXPECTED, split="eval"))
    assert not decision.passed
    assert decision.refusal().splitlines()[:3] == [
        "The data did not pass validation: 1 anomalies stop it.",
        'eval: feature "vine": Unexpected string values: Examples contain values missing from the schema: X (~33%). '
        "(ENUM_TYPE_UNEXPECTED_STRING_VALUES)",
        '  Schema change that accepts it: feature "vine": add "X" to string_domain.value',
    ]


def test_a_warning_passes_and_is_on_record() -> None:
    decision = decided(evidence(NEW_COLUMN))
    assert decision.passed
    assert [(item.anomaly, item.severity) for item in decision.findings] == [("SCHEMA_NEW_COLUMN", "warning")]


def test_each_reason_of_an_anomaly_is_judged_by_itself() -> None:
    two = NEW_COLUMN.replace("} }\n}", "} reason { type: FEATURE_TYPE_NO_VALUES } }\n}")
    policy = GatePolicy(severities={"FEATURE_TYPE_NO_VALUES": "error"})
    decision = decided(evidence(two), policy=policy)
    assert [(item.anomaly, item.stops) for item in decision.findings] == [
        ("FEATURE_TYPE_NO_VALUES", True),
        ("SCHEMA_NEW_COLUMN", False),
    ]


def test_an_anomaly_that_gives_no_reason_stops_all_the_same() -> None:
    text = 'anomaly_info { key: "vine" value { severity: ERROR description: "odd" } }'
    (finding,) = decided(evidence(text)).findings
    assert (finding.feature, finding.anomaly, finding.stops) == ("vine", "UNKNOWN_TYPE", True)


@pytest.mark.parametrize(("expires", "passes"), [(TODAY, True), (TODAY - datetime.timedelta(days=1), False)])
def test_a_waiver_holds_to_the_end_of_its_last_day(expires: datetime.date, passes: bool) -> None:
    policy = GatePolicy(waivers=(Waiver("vine", "agreed", expires, "ENUM_TYPE_UNEXPECTED_STRING_VALUES"),))
    decision = decided(evidence(UNEXPECTED), policy=policy)
    assert decision.passed is passes
    if not passes:
        assert f"Its waiver expired on {expires}: agreed" in decision.refusal()


def test_a_waiver_for_another_anomaly_does_not_hold() -> None:
    policy = GatePolicy(waivers=(Waiver("vine", "agreed", TODAY, "SCHEMA_NEW_COLUMN"),))
    assert not decided(evidence(UNEXPECTED), policy=policy).passed


def test_an_anomaly_of_the_whole_dataset_is_waived_under_its_own_name() -> None:
    text = 'dataset_anomaly_info { severity: ERROR description: "few" reason { type: DATASET_LOW_NUM_EXAMPLES } }'
    assert not decided(evidence(text)).passed
    assert decided(evidence(text), policy=GatePolicy(waivers=(Waiver(DATASET, "small on purpose", TODAY),))).passed


@pytest.mark.parametrize(
    ("splits", "schema", "words"),
    [
        ([], SCHEMA, "There are no statistics"),
        ([evidence()], None, "There is no schema"),
        ([evidence()], schema_pb2.Schema(), "There is no schema"),
        ([evidence(examples=0)], SCHEMA, "Split 'train' has no rows"),
        ([evidence(), SplitEvidence("eval", 10, None)], SCHEMA, "Split 'eval' was not validated"),
        ([evidence("data_missing: true")], SCHEMA, "TFDV found no data"),
    ],
)
def test_missing_evidence_stops(splits: list[SplitEvidence], schema: schema_pb2.Schema | None, words: str) -> None:
    decision = decide(splits, schema, GatePolicy(), TODAY)
    assert not decision.passed
    assert words in decision.refusal()


def test_the_decision_is_plain_json() -> None:
    policy = GatePolicy(waivers=(Waiver("vine", "agreed", TODAY),))
    document = json.loads(json.dumps(decided(evidence(UNEXPECTED), policy=policy).as_verdict().to_json()))
    assert document["passed"]
    assert document["findings"][0]["waiver"]["check"] == "ENUM_TYPE_UNEXPECTED_STRING_VALUES(vine)"
    details = document["findings"][0]["details"]
    assert details["waiver"] == {
        "feature": "vine",
        "reason": "agreed",
        "expires": "2026-03-01",
        "anomaly": None,
    }
    assert details["schema_changes"] == ['feature "vine": add "X" to string_domain.value']
