"""A gate's verdict as it is read, and as it is shown."""

import datetime
import json

import pytest
from run_folders import RunFolder

from components.gate.verdict import Finding, Verdict, judge
from components.gate.waiver import Waiver
from pipeline.errors import NotFound
from pipeline.readers.gates import read_verdict
from pipeline.readers.run_view import Reading, RunView
from pipeline.report.gate_parts import gates_view, verdict_view

BROKEN = Finding("unique(id)", False, "error", "3 rows share <id> 7.", "Remove them.", 0.97, "exactly 1", "train", 100)
FINE = Finding("size", True, "error", "1,000 rows.")
OPEN = Finding("mean(price)", None, "error", "Only 3 rows, too few.")
WAIVER = Waiver("unique(id)", "known & agreed", datetime.date(2030, 1, 1))


def verdict(*findings, waivers=()):
    return judge(Verdict("DataQualityGate", "the data", "quality", findings), waivers, datetime.date(2026, 1, 1))


def test_a_verdict_comes_back_as_it_was_written(tmp_path):
    written = verdict(BROKEN, FINE, waivers=(WAIVER,))
    (tmp_path / "decision.json").write_text(json.dumps(written.to_json()))
    assert read_verdict(tmp_path) == written


@pytest.mark.parametrize("text", ["{}", "[]", '{"format": 1}', '{"format": 2, "findings": []}', "{"])
def test_another_document_is_no_verdict(tmp_path, text):
    (tmp_path / "decision.json").write_text(text)
    with pytest.raises(NotFound, match=r"decision\.json"):
        read_verdict(tmp_path)


def test_a_run_shows_its_gates_in_the_order_of_the_pipeline(tmp_path):
    run = RunFolder(tmp_path, node_ids=("DataQualityGate", "Trainer", "BiasEvaluator"))
    for node_id in ("BiasEvaluator", "DataQualityGate"):
        folder = run.add_artifact(node_id, "result", "PenstockGateResult")
        (folder / "decision.json").write_text(json.dumps(verdict(FINE).to_json()))
    run.add_artifact("Trainer", "model", "Model")
    gates = RunView(run.store, run.record).gates
    assert list(gates) == ["DataQualityGate", "BiasEvaluator"]
    assert gates["BiasEvaluator"].get() == verdict(FINE)


def test_what_refuses_stands_open_with_its_advice_and_what_is_waived_with_its_reason():
    page = gates_view(
        {
            "DataQualityGate": Reading(verdict(BROKEN, FINE)),
            "Other": Reading(verdict(BROKEN, waivers=(WAIVER,))),
            "Gone": Reading(reason="Gone did not run."),
        }
    )
    assert "3 rows share &lt;id&gt; 7. Remove them." in page
    assert "DataQualityGate refuses" in page
    assert "known &amp; agreed" in page
    assert "Gone did not run." in page


def test_every_check_of_a_gate_is_shown_with_what_came_of_it():
    page = verdict_view(verdict(BROKEN, FINE, OPEN))
    assert [word in page for word in ("✕ refuses", "✓ passed", "not decided", "exactly 1")] == [True] * 4
    assert "3 checks: 1 that refuse, 1 not decided." in page
