import datetime
import json

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.validation_gate.policy import GatePolicy, Waiver
from components.validation_gate.verdict import SplitEvidence, decide
from pipeline.errors import NotFound
from pipeline.readers.anomalies import read_anomalies, read_gate

FOUND = """
  anomaly_info { key: "b" value {
    path { step: "b" } severity: WARNING
    reason { type: SCHEMA_NEW_COLUMN short_description: "New column" description: "not in the schema" } } }
  anomaly_info { key: "a" value {
    path { step: "a" } severity: ERROR
    reason { type: ENUM_TYPE_UNEXPECTED_STRING_VALUES short_description: "Unexpected" description: "<script>" }
    reason { type: FEATURE_TYPE_LOW_FRACTION_PRESENT short_description: "Missing" description: "too few" } } }
  anomaly_info { key: "c" value { severity: ERROR short_description: "odd" description: "for no reason" } }
  dataset_anomaly_info { severity: ERROR reason { type: DATASET_LOW_NUM_EXAMPLES description: "too few rows" } }
"""


def anomalies(text):
    return text_format.Parse(text, anomalies_pb2.Anomalies())


def write(folder, **splits):
    for name, text in splits.items():
        (folder / f"Split-{name}").mkdir(parents=True)
        (folder / f"Split-{name}" / "SchemaDiff.pb").write_bytes(anomalies(text).SerializeToString())


def test_every_reason_is_an_anomaly_errors_first(tmp_path):
    write(tmp_path, eval="", train=FOUND)
    found = read_anomalies(tmp_path)
    assert found.count == 5
    train, evaluation = found.splits
    assert (train.split, evaluation.split, evaluation.anomalies) == ("train", "eval", ())
    assert [(item.feature, item.severity, item.type) for item in train.anomalies] == [
        ("(dataset)", "error", "DATASET_LOW_NUM_EXAMPLES"),
        ("a", "error", "ENUM_TYPE_UNEXPECTED_STRING_VALUES"),
        ("a", "error", "FEATURE_TYPE_LOW_FRACTION_PRESENT"),
        ("c", "error", "UNKNOWN_TYPE"),
        ("b", "warning", "SCHEMA_NEW_COLUMN"),
    ]
    assert train.anomalies[1].description == "<script>"
    assert train.anomalies[3].description == "for no reason"


def test_a_split_that_tfdv_found_no_data_for_is_marked(tmp_path):
    write(tmp_path, train="data_missing: true")
    assert read_anomalies(tmp_path).splits[0].data_missing


def test_a_split_that_was_not_validated_is_named(tmp_path):
    (tmp_path / "Split-train").mkdir()
    with pytest.raises(NotFound, match=r"Split-train/SchemaDiff\.pb"):
        read_anomalies(tmp_path)


def test_the_decision_of_the_gate_comes_back_as_it_was_made(tmp_path):
    schema = text_format.Parse('feature { name: "a" type: BYTES }', schema_pb2.Schema())
    waiver = Waiver("a", "known", datetime.date(2030, 1, 1), "FEATURE_TYPE_LOW_FRACTION_PRESENT")
    late = Waiver("a", "was known", datetime.date(2020, 1, 1), "ENUM_TYPE_UNEXPECTED_STRING_VALUES")
    decision = decide(
        [SplitEvidence("train", 10, anomalies(FOUND))],
        schema,
        GatePolicy(waivers=(waiver, late)),
        datetime.date(2026, 1, 1),
    )
    (tmp_path / "decision.json").write_text(json.dumps(decision.as_verdict().to_json()))
    gate = read_gate(tmp_path)
    assert not gate.passed
    assert [finding.sentence() for finding in decision.findings if finding.stops]
    assert len(gate.findings) == 5
    waived = next(finding for finding in gate.findings if finding.waiver)
    assert (waived.anomaly, waived.waiver.reason, waived.waiver.expires, waived.stops) == (
        "FEATURE_TYPE_LOW_FRACTION_PRESENT",
        "known",
        "2030-01-01",
        False,
    )
    expired = next(finding for finding in gate.findings if finding.expired)
    assert (expired.expired.reason, expired.stops, expired.severity) == ("was known", True, "error")


@pytest.mark.parametrize(
    "text", ["{}", '{"passed": true, "missing": [], "findings": [{"details": {"split": "train"}}]}']
)
def test_another_document_is_no_decision(tmp_path, text):
    (tmp_path / "decision.json").write_text(text)
    with pytest.raises(NotFound, match="not a decision of ValidationGate"):
        read_gate(tmp_path)
