"""`--to`, `--resume`, `--from`, `--only` and `penstock try` as a user gives them."""

import pytest
from projects import completed, make_project
from tables import FEWER_NODES, write_rents

pytestmark = pytest.mark.integration

CONFIG = (
    FEWER_NODES
    + """
pipeline: {name: rents}
data: {path: rents.parquet, splits: {train: 7, eval: 1, test: 2}}
label: {column: rent}
training: {epochs: 6, batch_size: 32, learning_rate: 0.002}
evaluation: {thresholds: [{metric: r2, lower: -1.0}]}
"""
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a run that was stopped after Transform and then completed, in two commands."""
    folder = tmp_path_factory.mktemp("parts")
    write_rents(folder / "rents.parquet")
    project = make_project(folder, CONFIG)
    stopped = completed(project.penstock("run", "--to", "Transform"), 0)
    assert project.latest()["state"] == "PARTIAL"
    assert "run --resume" in stopped, "it should say how to go on"
    completed(project.penstock("run", "--resume"), 0)
    return project


def contents(folder):
    """Path, size and time of every file."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_run_stopped_at_a_node_is_completed_without_repeating_anything(project):
    (record,) = [project.latest()]
    assert record["state"] == "COMPLETE"
    assert {node["attempt"] for node in record["nodes"]} == {1}
    assert len(project.pushed_versions("rents")) == 1


def test_trying_a_node_changes_no_run_store_or_pushed_model(project):
    watched = [project.root / name for name in ("runs", "artifacts", "pushed")]
    before = [contents(folder) for folder in watched], (project.root / "metadata.sqlite").read_bytes()
    said = completed(project.penstock("try", "Trainer", overrides=["training.epochs=1"]), 0)
    assert "Trainer" in said
    assert "/tries/try-" in said
    assert ([contents(folder) for folder in watched], (project.root / "metadata.sqlite").read_bytes()) == before
    (history,) = (project.root / "tries").rglob("history.json")
    assert history.read_text().count('"epoch":') == 1


def test_trying_to_push_pushes_beside_the_real_models(project):
    completed(project.penstock("try", "Pusher"), 0)
    assert len(project.pushed_versions("rents")) == 1
    (pushed,) = (project.root / "tries").glob("*/pushed/rents/*/saved_model.pb")
    assert pushed.is_file()


def test_an_unknown_node_is_refused_before_anything_runs(project):
    said = project.penstock("try", "Trianer")
    assert said.returncode == 2
    assert "Did you mean 'Trainer'?" in said.stderr


def test_only_one_node_runs_and_the_rest_is_taken_from_the_newest_run(project):
    base = project.latest()["run_id"]
    completed(project.penstock("run", "--only", "Evaluator"), 0)
    record = project.latest()
    states = {node["node_id"]: node["state"] for node in record["nodes"]}
    assert record["base_run_id"] == base
    assert states["Evaluator"] == "COMPLETE"
    assert states["Trainer"] == "REUSED"
    assert states["Pusher"] == "NOT_RUN"
