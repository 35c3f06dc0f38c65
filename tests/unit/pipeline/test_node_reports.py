"""What jobs leave of nodes on S3: read back as it was, put together as the lineage store has it."""

import dataclasses
import json
from pathlib import Path

import pytest
from ir_by_hand import ir_of, node

from pipeline.ir import digest
from pipeline.launch import NodeOutcome
from pipeline.launch import node_report as leaving
from pipeline.launch.packed_ir import pack
from pipeline.launch.request import LaunchRequest
from pipeline.metadata import ArtifactRecord, EventRecord, ExecutionRecord, Snapshot
from pipeline.node_reports import NodeReport, merged, read_reports, root_of
from pipeline.run_store import NodeRecord
from pipeline.storage.errors import Damaged, StorageError

MODEL = ArtifactRecord(5, "Model", "s3://b/m/5", "Trainer", "model", {"fingerprint": "f", "epochs": 3})


def execution(number, run_id, state="COMPLETE", node_id="Trainer"):
    return ExecutionRecord(number, node_id, node_id, "reviews", (run_id,), state, 1000 * number, 1000 * number + 1, {})


def report(number, run_id, kind, artifact=MODEL, **more):
    made = execution(number, run_id, **more)
    lineage = Snapshot({5: artifact}, {number: made}, (EventRecord(number, 5, "model", kind),))
    return NodeReport("reviews", run_id, "s3://b/ir/0.json", NodeRecord(made.node_id, made.state, number), lineage)


def test_a_report_comes_back_as_it_was_written():
    written = report(1, "r1", "output")
    assert NodeReport.from_json(written.to_json(), "s3://b/x") == written


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"format": 2})])
def test_what_is_no_report_is_refused_with_its_place(text):
    with pytest.raises(Damaged, match=r"s3://b/x: not what a job leaves of a node"):
        NodeReport.from_json(text, "s3://b/x")


def test_an_artifact_is_of_the_node_that_wrote_it_first_whoever_is_read_first():
    made = report(1, "r1", "output")
    cached = report(7, "r2", "output", dataclasses.replace(MODEL, node_id="Renamed"), state="CACHED", node_id="Renamed")
    reader = report(3, "r1", "input", dataclasses.replace(MODEL, node_id="", key=""), node_id="Evaluator")
    for order in ((made, cached, reader), (reader, cached, made), (cached, reader, made)):
        found = merged(order)
        assert found.artifacts == {5: MODEL}
        assert list(found.executions) == [1, 3, 7]
        assert [event.execution_id for event in found.events] == [1, 3, 7]


def test_only_a_pipeline_on_s3_has_a_root():
    assert root_of("s3://bucket/a/ir/0.json") == "s3://bucket/a"
    assert root_of("/tmp/ir/0.json") is None
    assert root_of("s3://bucket/pipeline.json") is None


def test_a_pipeline_that_came_in_a_word_is_kept_beside_the_report_which_names_its_place(monkeypatch, tmp_path):
    monkeypatch.setattr(leaving, "lineage_of", lambda *_: Snapshot({}, {}, ()))
    text = ir_of(node("Trainer"), name="reviews")
    request = LaunchRequest(pack(text), ("Trainer",), "r1", "sqlite:////x", root=str(tmp_path))
    leaving.leave_report(request, NodeOutcome("Trainer", "COMPLETE", 1))
    (found,) = read_reports(str(tmp_path), "reviews", "r1")
    assert (found.node.node_id, found.run_id) == ("Trainer", "r1")
    assert found.ir == f"{tmp_path}/ir/{digest(text)}.json"
    assert Path(found.ir).read_text() == text


def test_a_report_that_cannot_be_left_is_told_and_harms_nothing(monkeypatch, capsys):
    def refused(*_):
        raise StorageError("S3 refused to write")

    monkeypatch.setattr(leaving, "read_ir", lambda _: ir_of(node("Trainer"), name="reviews"))
    monkeypatch.setattr(leaving, "lineage_of", lambda *_: Snapshot({}, {}, ()))
    monkeypatch.setattr(leaving, "write_report", refused)
    request = LaunchRequest("s3://b/ir/0.json", ("Trainer",), "r1", "sqlite:////x")
    leaving.leave_report(request, NodeOutcome("Trainer", "COMPLETE", 1))
    assert "Trainer: what it did is in the lineage store, and could not be noted down below s3://b/runs" in (
        capsys.readouterr().err
    )
