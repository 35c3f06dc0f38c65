import dataclasses
import json

import pytest
from ir_by_hand import ir_of, node
from kubeflow_node import EndedNode

from pipeline.kubeflow_task import farewell, run_report
from pipeline.launch.packed_ir import pack
from pipeline.metadata import Snapshot
from pipeline.node_reports import NodeReport
from pipeline.run_store import NodeRecord
from pipeline.storage.errors import StorageError

AT = "2026-01-01T10:00:00+00:00"
TRAINED = NodeRecord("Trainer", "COMPLETE", 7, started_at=AT, ended_at="2026-01-01T10:01:00+00:00", wall_s=60.0)
FAILED = NodeRecord("Judge", "FAILED", started_at=AT, ended_at="2026-01-01T10:02:00+00:00", failure="it is <b>bad</b>")


@pytest.fixture
def last(tmp_path, monkeypatch):
    """Runs the last task of a run whose nodes left that word; gives its exit code, and the report if it made one."""
    monkeypatch.setenv("PENSTOCK_SCRATCH", str(tmp_path / "scratch"))
    made = EndedNode("Trainer", tmp_path, monkeypatch)
    told = []
    monkeypatch.setattr(farewell.notification, "main", lambda words, _: told.append(words) or 1)

    def run(state, *records, lineage=None):
        reports = [NodeReport("tiny", "run-1", "", item, lineage or Snapshot({}, {}, ())) for item in records]
        monkeypatch.setattr(run_report, "read_reports", lambda *_: reports)
        return run_again(state)

    def run_again(state):
        status = json.dumps({"state": state, "error": {}})
        own = ["--pipeline", "tiny", "--run-id", "run-1", "--status", status, "--url-from", "URL"]
        ir = pack(ir_of(node("Trainer"), node("Judge", "Trainer")))
        shown = ["--executor-input", json.dumps(made.executor_input("card")), "--show", f"card={made.file('card')}"]
        code = farewell.main([*own, "--ir", ir, "--root", str(tmp_path), *shown])
        assert told.pop() == own
        return code, made.file("card").read_text() if made.file("card").exists() else None

    run.again = run_again
    return run


def test_the_last_task_leaves_the_report_of_a_run_that_failed_with_the_reason(last):
    code, page = last("FAILED", TRAINED, FAILED)
    assert code == 1, "telling decides about the exit code"
    assert "The run failed in Judge, so nothing was pushed." in page
    assert "it is &lt;b&gt;bad&lt;/b&gt;" in page
    assert "penstock resume run-1 --runner kubeflow" in page
    assert "in 2 min 00 s" in page


def test_a_run_that_ended_with_a_node_that_waits_for_a_person_says_so(last):
    waiting = dataclasses.replace(FAILED, state="AWAITING_APPROVAL", failure="two people must say yes")
    _, page = last("SUCCEEDED", TRAINED, waiting)
    assert "waits for a person&#39;s approval" in page
    assert "two people must say yes" in page


def test_a_run_that_left_no_word_has_a_report_too(last):
    _, page = last("FAILED")
    assert "Trainer" in page


def test_a_report_that_cannot_be_made_is_told_and_changes_nothing(last, monkeypatch, capsys):
    def refused(*_):
        raise StorageError("S3 refused to list")

    monkeypatch.setattr(run_report, "read_reports", refused)
    assert last.again("SUCCEEDED") == (1, None)
    said = capsys.readouterr().err
    assert "because of this: StorageError: S3 refused to list" in said
    assert "penstock report run-1 --runner kubeflow" in said


def test_a_report_that_is_too_long_for_the_ui_is_told(last, monkeypatch, capsys):
    monkeypatch.setattr(farewell, "MOST_BYTES", 100)
    assert last("SUCCEEDED", TRAINED) == (1, None)
    assert "and at most 100 are shown" in capsys.readouterr().err
