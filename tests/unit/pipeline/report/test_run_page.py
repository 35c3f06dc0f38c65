"""The page of a run, whatever became of it: every part is there, or says why not."""

import dataclasses
import json
import re
import subprocess
import sys

import pytest
from run_folders import RunFolder
from whole_run import UPSTREAM, fail, whole_run

from pipeline.errors import NotFound
from pipeline.readers.approval import read_approval
from pipeline.readers.run_view import RunView
from pipeline.report.approval_parts import approval_view
from pipeline.report.page import content_policy, source
from pipeline.report.run_page import page_sections, upstream_of
from pipeline.report.statistics import statistics_view
from pipeline.report.write import write_report
from pipeline.run_store import NodeRecord

TITLES = [
    "Pipeline",
    "Gates",
    "Blessing",
    "Metrics",
    "Slices",
    "Confusion matrix",
    "Calibration",
    "Serving check",
    "Bias",
    "Approval",
    "Registry",
    "Model card",
    "Training",
    "Search for hyperparameters",
    "Model",
    "Explanation",
    "Rows for people",
    "Transform",
    "Rows",
    "Data quality",
    "Statistics",
    "Drift",
    "Schema",
    "Anomalies and gate",
    "Balance",
    "Artifacts",
    "Environment and lock",
    "Configuration",
]


def view(run):
    return RunView.open(run.store, run.record.run_id)


def page(run):
    return write_report(run.store, run.record.run_id).read_text(encoding="utf-8")


def sections(run):
    return {section.title: section for section in page_sections(view(run))}


def test_a_complete_run_has_every_part(tmp_path):
    found = sections(whole_run(tmp_path, ("no", "yes")))
    assert list(found) == TITLES
    assert {title: section.absence for title, section in found.items() if section.body is None} == {}


def test_the_page_lies_in_the_runs_folder_and_is_written_whole(tmp_path):
    run = whole_run(tmp_path)
    path = write_report(run.store, "run-1")
    assert path == tmp_path / "runs" / "run-1" / "report" / "index.html"
    assert [item.name for item in path.parent.iterdir()] == ["index.html"]
    assert path.read_text().rstrip().endswith("</html>")


def test_the_head_says_what_came_of_it_where_the_model_is_and_what_next(tmp_path):
    text = page(whole_run(tmp_path, ("because",)))
    assert "The model was trained, blessed and pushed." in text
    assert "<li>because</li>" in text
    assert re.search(r"Model: <code>[^<]*pushed/churn/17</code>", text)
    assert "penstock lineage 17" in text


def test_the_page_names_no_folder_above_the_store(tmp_path):
    root = tmp_path / "root"
    assert str(tmp_path) not in page(whole_run(root))


def test_metrics_have_their_intervals_and_slices_their_harm(tmp_path):
    found = sections(whole_run(tmp_path, ("no", "yes")))
    assert "0.85 to 0.94" in found["Metrics"].body
    assert "no: -0.01 to 0.05" in found["Metrics"].body
    assert "worse than all rows, beyond noise" in found["Slices"].body


def test_the_explanation_has_every_feature_with_its_interval_and_rows_in_full(tmp_path):
    body = sections(whole_run(tmp_path, ("shop", "text")))["Explanation"].body
    assert "98.0% of 50 rows" in body
    assert "1.5 to 2.5" in body
    assert "Rank agreement (Spearman): 0.90" in body
    assert re.search(r'<th scope="row"><span class="pn-whole">text = text</span></th>', body)
    # The stronger word is shaded the most, the one that lowers the output is underlined.
    assert re.search(r'--shade-right\),0\.600\)" title="\+0\.7500">text<', body)
    assert re.search(r'--shade-wrong\),0\.200\);text-decoration:underline dotted" title="-0\.2500">text<', body)


def test_the_approval_says_who_decided_when_why_and_on_what(tmp_path):
    body = sections(whole_run(tmp_path, ("ann", "looks right")))["Approval"].body
    assert "✓ approved" in body
    assert re.search(r"A person was asked because:</p><ul><li>looks right</li>", body)
    assert re.search(r"<td>approved</td><td>ann</td><td>2026-01-02T03:06:00Z</td>", body)
    assert "aaaaaaaaaaaa" in body, "the report that was there to be seen"
    assert "d" * 64 in body


def test_a_model_that_waits_shows_why_and_no_decision(tmp_path):
    run = whole_run(tmp_path, ("ann", "looks right"))
    record = tmp_path / "approvals/churn.jsonl"
    record.write_text(record.read_text().splitlines(keepends=True)[0])
    body = approval_view(read_approval(None, record, run.record.run_id))
    assert "awaiting approval" in body
    assert "looks right" in body
    assert "Decisions on record" not in body


def test_a_record_of_approvals_that_was_tampered_with_is_told_and_the_page_is_written(tmp_path):
    run = whole_run(tmp_path, ("ann",))
    record = tmp_path / "approvals/churn.jsonl"
    record.write_text(record.read_text().replace("run-1", "run-9"))
    assert "tampered with" in sections(run)["Approval"].body


def test_the_registered_version_stands_with_its_stage_signature_and_changes(tmp_path):
    body = sections(whole_run(tmp_path, ("ann", "looks right")))["Registry"].body
    assert "staging" in body
    assert "unsigned: signing.mode is unsigned" in body
    assert "promoted to staging by ann on 2026-01-02T03:06:00Z: looks right" in body


def test_a_registry_that_was_tampered_with_is_told_and_the_page_is_written(tmp_path):
    run = whole_run(tmp_path, ("ann",))
    record = tmp_path / "registry/churn/registry.jsonl"
    record.write_text(record.read_text().replace("run-1", "run-9"))
    body = sections(run)["Registry"].body
    assert "tampered with" in body
    assert str(tmp_path) not in body


def test_every_facet_stands_with_its_metrics_their_intervals_and_how_they_were_judged(tmp_path):
    body = sections(whole_run(tmp_path, ("men", "women")))["Bias"].body
    assert "! 0.25 (0.2 to 0.3)" in body
    assert "✓ 0.1 (0 to 0.2)" in body
    assert "+0.05 (-0.1 to 0.2)" in body
    assert re.search(r'<th scope="row">women</th>', body)
    assert "60 of 100" in body


def test_data_quality_has_constraints_offending_rows_columns_and_suggestions(tmp_path):
    body = sections(whole_run(tmp_path, ("no", "yes")))["Data quality"].body
    assert "<dt>rows in train</dt><dd>80</dd>" in body
    assert "1 row that break <code>no</code>" in body
    assert "no: no" in body
    assert "95" in body
    assert "{kind: completeness, column: yes}" in body


def test_splits_stand_side_by_side(tmp_path):
    body = sections(whole_run(tmp_path, ("no", "yes")))["Statistics"].body
    for split in ("train", "eval"):
        assert f"Distribution in {split}" in body
        assert f'<th scope="row">{split}</th>' in body


def test_a_failed_run_says_where_why_and_shows_the_end_of_the_log(tmp_path):
    run = whole_run(tmp_path, ("no", "yes"))
    fail(run, "Trainer", "loss is not a number")
    run.store.log_path("run-1", "Trainer", 1).write_text("\n".join(f"line {n}" for n in range(1000)))
    text = page(run)
    assert "The run failed in Trainer, so nothing was pushed." in text
    assert "Trainer: loss is not a number" in text
    assert "line 999" in text
    assert "line 900" not in text
    assert "penstock run --resume run-1" in text


def test_parts_whose_node_failed_or_did_not_run_say_why(tmp_path):
    run = RunFolder(tmp_path, node_ids=tuple(UPSTREAM), state="FAILED")
    run.add_node("ArrowExampleGen", "FAILED", "data.csv: no such file")
    found = sections(run)
    assert found["Rows"].absence == "ArrowExampleGen failed: data.csv: no such file"
    assert all(section.absence for section in found.values() if section.body is None)
    assert "ended before it" in found["Metrics"].absence


@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "INTERRUPTED", "COMPLETE", "PARTIAL"])
def test_a_run_without_a_single_node_has_a_page(tmp_path, state):
    assert "<h1>churn</h1>" in page(RunFolder(tmp_path, state=state))


def test_an_interrupted_run_says_how_far_it_got(tmp_path):
    run = RunFolder(tmp_path, node_ids=("A", "B"), state="INTERRUPTED")
    run.add_node("A")
    text = page(run)
    assert "The run was interrupted after 1 of 2 nodes" in text
    assert "penstock run --resume run-1" in text


def test_a_run_that_was_not_blessed_says_so_with_its_reasons(tmp_path):
    text = page(whole_run(tmp_path, ("too bad",), blessed=False))
    assert "The model was not blessed, so it was not pushed." in text
    assert "<li>too bad</li>" in text
    assert "Model: <code>" not in text


def test_a_record_of_the_older_layout_has_a_page_without_times(tmp_path):
    run = RunFolder(tmp_path, node_ids=("A", "B"))
    run.record = run.record.with_node(NodeRecord("A", "COMPLETE", wall_s=3.0)).with_node(NodeRecord("B", "CACHED"))
    old = json.loads(json.dumps(dataclasses.asdict(run.record)))
    for name in ("upstream", "base_run_id"):
        del old[name]
    for node in old["nodes"]:
        for name in ("attempt", "started_at", "ended_at"):
            del node[name]
    (run.folder / "run.json").write_text(json.dumps(old))
    nodes = [
        {"pipelineNode": {"nodeInfo": {"id": "A"}}},
        {"pipelineNode": {"nodeInfo": {"id": "B"}, "upstreamNodes": ["A"]}},
    ]
    (run.folder / "pipeline.json").write_text(json.dumps({"nodes": nodes}))
    assert upstream_of(view(run)) == {"A": (), "B": ["A"]}
    text = page(run)
    assert "what feeds what: A to B" in text
    assert "holds no start times" in text


def test_damaged_artifacts_are_named_in_their_part_and_the_rest_is_there(tmp_path):
    run = whole_run(tmp_path)
    for path in tmp_path.glob("artifacts/**/*"):
        if path.is_file() and "StatisticsGen" not in str(path):
            path.write_bytes(b"\xff\x00{")
    found = sections(run)
    assert found["Statistics"].body is not None
    assert "damaged" in found["Training"].absence
    assert "damaged" in found["Schema"].absence


def test_a_run_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFound, match="no run 'gone'"):
        write_report(whole_run(tmp_path).store, "gone")
    assert not whole_run(tmp_path / "other").store.report_path("gone").exists()


def test_the_page_asks_for_nothing_and_its_policy_allows_nothing(tmp_path):
    text = page(whole_run(tmp_path))
    assert not re.search(r"""(src|href|action|srcset|poster)\s*=\s*["']?\s*(https?:|//)""", text)
    assert "@import" not in text
    assert not re.search(r"url\(", text)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src &#39;none&#39;")
    assert "unsafe-eval" not in policy
    assert "connect-src" not in policy
    assert "script-src &#39;unsafe" not in policy


def test_the_policy_names_the_very_script_of_the_page(tmp_path):
    import base64
    import hashlib

    text = page(whole_run(tmp_path))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in text
    assert "connect-src 'self'" in content_policy(source("page.js"), connects=True)


def test_a_hundred_features_are_folded_and_can_be_filtered(tmp_path):
    body = statistics_view(view(whole_run(tmp_path, [f"feature {n}" for n in range(100)])).statistics.get())
    assert body.count('<details class="feature"') == 101  # with the numeric one
    assert "<details open" not in body
    assert 'data-for="features"' in body


def test_writing_imports_no_tensorflow():
    heavy = "{'tensorflow', 'tfx', 'apache_beam', 'keras', 'pandas'}"
    program = f"import sys, pipeline.report.write; print(*({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == ""
