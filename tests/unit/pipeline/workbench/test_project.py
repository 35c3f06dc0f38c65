import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import RunFolder

from pipeline.errors import ConfigError, NotFound
from pipeline.workbench import Missing, open_project

PARTS = [
    "config",
    "provenance",
    "examples",
    "statistics",
    "schema",
    "anomalies",
    "transform",
    "tuning",
    "training",
    "model",
    "evaluation",
    "serving",
]
CONFIG = "pipeline: {name: churn, root: %s}\ndata: {path: data.csv}\nlabel: {column: left}\n"


@pytest.fixture
def failed(tmp_path):
    run = RunFolder(tmp_path / "root", state="FAILED", node_ids=("ArrowExampleGen", "Trainer"))
    run.add_node("ArrowExampleGen", "FAILED", "<script>alert(1)</script> line 7 has 3 columns")
    run.add_node("Trainer", "NOT_RUN", "ArrowExampleGen failed")
    return run


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_a_failed_run_says_of_every_part_why_it_is_not_there(failed):
    run = open_project(failed.store.root).run("latest")
    for name in PARTS:
        part = getattr(run, name)
        assert isinstance(part, Missing), name
        assert part.reason
        assert part.reason.split()[0] in part._repr_html_()
        assert part.frame.empty
    assert "line 7 has 3 columns" in run.examples.reason
    assert run.evaluated_split == "eval"
    assert run.frame["state"].tolist() == ["FAILED", "NOT_RUN"]


def test_a_failed_run_shows_itself_and_its_failure_inert(failed):
    run = open_project(failed.store.root).run("latest")
    for shown in (run, run.nodes, run.artifacts, run.lineage, open_project(failed.store.root)):
        assert "<script" not in shown._repr_html_()
        assert repr(shown)
    assert "&lt;script&gt;alert(1)" in run._repr_html_()


def test_nothing_is_written_by_looking(failed, monkeypatch):
    before = snapshot(failed.store.root)
    project = open_project(failed.store.root)
    for shown in (project, project.run(), *(getattr(project.run(), name) for name in [*PARTS, "lineage", "artifacts"])):
        shown._repr_html_()
    project.compare("run-1", "run-1")._repr_html_()
    assert snapshot(failed.store.root) == before


def test_a_project_is_opened_by_its_configuration(failed, tmp_path):
    config = tmp_path / "churn.yaml"
    config.write_text(CONFIG % failed.store.root)
    assert open_project(config).frame["run_id"].tolist() == ["run-1"]
    assert "churn: 1 runs" in repr(open_project(str(config)))


def test_runs_of_another_pipeline_are_not_taken_for_this_ones(failed, tmp_path):
    config = tmp_path / "other.yaml"
    config.write_text((CONFIG % failed.store.root).replace("churn", "other"))
    project = open_project(config)
    assert project.frame.empty
    with pytest.raises(NotFound, match="is of pipeline 'churn'"):
        project.run("run-1")
    with pytest.raises(NotFound, match="There are no runs of pipeline 'other'"):
        project.run()


def test_the_latest_and_the_previous_run_are_found_by_their_time(failed):
    earlier = dataclasses.replace(failed.record, run_id="older", started_at="2025-01-02T03:04:05+00:00")
    failed.store.write(earlier)
    project = open_project(failed.store.root)
    assert (project.run("latest").run_id, project.run("previous").run_id) == ("run-1", "older")


def test_what_cannot_be_compared_says_so(failed):
    project = open_project(failed.store.root)
    assert "only one run" in project.compare().reason
    comparison = project.compare("run-1", "run-1")
    assert "ArrowExampleGen failed" not in comparison.title
    assert isinstance(comparison.drift(), Missing)
    assert isinstance(comparison.training, Missing)
    for shown in (comparison, comparison.data, comparison.config, comparison.schema, comparison.slices):
        assert shown.frame.empty
        assert "<script" not in shown._repr_html_()


def test_a_damaged_record_is_named_and_does_not_hide_the_others(failed):
    (failed.store.root / "runs" / "broken").mkdir()
    (failed.store.root / "runs" / "broken" / "run.json").write_text("{")
    runs = open_project(failed.store.root).runs
    assert runs.frame["run_id"].tolist() == ["run-1"]
    assert "broken" in runs._repr_html_()


def test_what_is_not_a_project_is_said_so(tmp_path):
    with pytest.raises(NotFound, match="holds no runs"):
        open_project(tmp_path)
    with pytest.raises(ConfigError, match="no such configuration file"):
        open_project(tmp_path / "none.yaml")


def test_an_unreadable_evaluation_is_missing_with_its_reason(tmp_path):
    run = RunFolder(tmp_path / "root", node_ids=("Evaluator",))
    run.add_node("Evaluator")
    (run.add_artifact("Evaluator", "blessing", "ModelBlessing") / "decision.json").write_text("[1]")
    part = open_project(run.store.root).run().evaluation
    assert isinstance(part, Missing)
    assert "decision.json" in part.reason


def test_an_evaluation_is_shown_with_hostile_slices_inert(tmp_path):
    run = RunFolder(tmp_path / "root", node_ids=("Evaluator",))
    run.add_node("Evaluator")
    metrics = {"example_count": 10, "accuracy": 0.9}
    part = {"metrics": {"example_count": 4, "accuracy": 0.5}, "examples": 4, "too_small": True}
    decision = {
        "blessed": False,
        "reasons": ["<img src=x onerror=alert(1)>"],
        "checks": [],
        "metrics": metrics,
        "slices": [{"slice": {"</td><script>": "\u202ex"}, **part}],
        "baseline_model": None,
    }
    folder = run.add_artifact("Evaluator", "blessing", "ModelBlessing")
    (folder / "decision.json").write_text(json.dumps(decision))
    evaluation = open_project(run.store.root).run().evaluation
    assert not evaluation.blessed
    assert evaluation.metrics["accuracy"] == 0.9
    assert evaluation.slices.frame["harm"].tolist() == pytest.approx([0.4 * 4])
    for shown in (evaluation, evaluation.slices, evaluation.checks, evaluation.confusion, evaluation.calibration):
        html = shown._repr_html_()
        assert "<script" not in html
        assert "<img" not in html
        assert "\u202e" not in html


def test_opening_a_project_imports_no_tensorflow(failed):
    code = (
        "import sys; from pipeline.workbench import open_project;"
        f"open_project({str(failed.store.root)!r}).run()._repr_html_();"
        "print(sorted({'tensorflow', 'tfx'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[4]
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert found.stdout.strip() == "[]"
