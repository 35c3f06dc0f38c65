import json
import shutil
from pathlib import Path

import pytest
from run_folders import RunFolder

from models.tabular_text.features import DType, FeatureSpec, Label, LabelKind
from pipeline.errors import NotFound
from pipeline.readers.run_view import Reading, RunView
from pipeline.run_store import RunStore

PARTS = [
    "examples",
    "statistics",
    "schema",
    "anomalies",
    "gate",
    "transform",
    "tuning",
    "training",
    "model",
    "evaluation",
    "serving_check",
    "pushed",
]
NODES = (
    "ArrowExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "ValidationGate",
    "Transform",
    "Tuner",
    "Trainer",
    "Evaluator",
    "ServingCheck",
    "Pusher",
)


def view(run):
    return RunView.open(run.store, run.record.run_id)


def test_a_run_that_left_nothing_says_so_of_every_part(tmp_path):
    run = view(RunFolder(tmp_path, state="FAILED", node_ids=NODES))
    for name in PARTS:
        reading = getattr(run, name)
        assert not reading
        assert "did not run: the run ended before it" in reading.reason
        with pytest.raises(NotFound, match="did not run"):
            reading.get()
    for name in ("config", "provenance", "ir", "features", "hyperparameters"):
        assert "did not write down" in getattr(run, name).reason
    assert run.events == ()
    assert run.artifacts == ()


def test_a_node_that_the_pipeline_does_not_have_is_said_so(tmp_path):
    assert view(RunFolder(tmp_path, node_ids=("Trainer",))).tuning.reason == "This pipeline has no Tuner."


@pytest.mark.parametrize(
    ("state", "failure", "reason"),
    [
        ("FAILED", "out of memory", "Trainer failed: out of memory"),
        ("NOT_RUN", "Transform failed", "Trainer did not run: Transform failed"),
        ("SKIPPED", "", "Trainer did not run."),
        ("RUNNING", "", "Trainer has not ended yet."),
        ("COMPLETE", "", "Trainer ended (complete) and published no model_run."),
    ],
)
def test_what_became_of_the_node_is_the_reason(tmp_path, state, failure, reason):
    run = RunFolder(tmp_path)
    run.add_node("Trainer", state, failure)
    assert view(run).training.reason == reason


def test_a_part_is_read_from_what_the_node_published(tmp_path):
    run = RunFolder(tmp_path)
    run.add_node("Trainer")
    folder = run.add_artifact("Trainer", "model_run", "ModelRun")
    history = {"epochs": [{"epoch": 1, "loss": 0.5, "val_loss": 0.25, "seconds": 1.0}], "best_epoch": 1}
    (folder / "history.json").write_text(json.dumps(history))
    assert view(run).training.get().curve("val_loss") == (0.25,)


def test_a_damaged_artifact_is_a_reason_and_no_crash(tmp_path):
    run = RunFolder(tmp_path)
    run.add_node("Trainer")
    folder = run.add_artifact("Trainer", "model_run", "ModelRun")
    (folder / "history.json").write_text("{")
    assert "history.json: damaged" in view(run).training.reason


def test_an_artifact_that_was_removed_since_is_a_reason(tmp_path):
    run = RunFolder(tmp_path)
    run.add_node("StatisticsGen")
    run.add_artifact("StatisticsGen", "statistics").rmdir()
    assert view(run).statistics.reason.endswith("node 'StatisticsGen' published it and it is not there any more.")


def test_blessings_of_two_nodes_are_not_mixed_up(tmp_path):
    run = RunFolder(tmp_path)
    for node_id in ("Evaluator", "ServingCheck"):
        run.add_node(node_id)
    decision = {"blessed": False, "reasons": [], "checks": [], "metrics": {}, "slices": [], "baseline_model": None}
    (run.add_artifact("Evaluator", "blessing") / "decision.json").write_text(json.dumps(decision))
    (run.add_artifact("ServingCheck", "blessing") / "report.json").write_text('{"blessed": true, "reasons": []}')
    found = view(run)
    assert not found.evaluation.get().blessed
    assert found.serving_check.get().blessed
    assert found.evaluation.get().analysis_missing == "The evaluation artifact is not there."


def test_what_a_search_chose_is_told_with_the_settings_it_replaces(tmp_path):
    run = RunFolder(tmp_path)
    settings = {"model": {"dropout": 0.1}, "training": {"epochs": 5}}
    run.write_ir(Tuner={"tuner": {"objective": "val_accuracy"}}, Trainer=settings)
    run.add_node("Tuner")
    (run.add_artifact("Tuner", "tuner_results") / "tuner_results.json").write_text('[{"trial_id": "0", "score": 1}]')
    (run.add_artifact("Tuner", "best_hyperparameters") / "best_hyperparameters.txt").write_text(
        '{"space": [], "values": {"model.dropout": 0.3}}'
    )
    found = view(run)
    assert found.hyperparameters.get() == {**settings, "tuned": {"model.dropout": 0.3}}
    assert found.tuning.get().objective == "val_accuracy"
    assert found.tuning.get().best.values == {"model.dropout": 0.3}


def test_the_plan_is_read_from_the_compiled_pipeline(tmp_path):
    run = RunFolder(tmp_path)
    spec = FeatureSpec(Label("left", LabelKind.BINARY, DType.STRING), ())
    run.write_ir(Transform={"features": spec.to_json()})
    assert view(run).features.get() == spec
    assert view(run).hyperparameters.reason == "This pipeline has no Trainer."


def test_documents_of_the_run_are_read(tmp_path):
    run = RunFolder(tmp_path)
    (run.folder / "config.json").write_text('{"pipeline": {"name": "churn"}}')
    (run.folder / "provenance.json").write_text("[")
    (run.folder / "events.jsonl").write_text('{"event": "run_started"}\n3\n{"event": "node_st')
    found = view(run)
    assert found.config.get() == {"pipeline": {"name": "churn"}}
    assert "provenance.json: damaged" in found.provenance.reason
    assert found.events == ({"event": "run_started"},)


def test_an_unknown_run_is_named(tmp_path):
    with pytest.raises(NotFound, match="There is no run 'nope'"):
        RunView.open(RunFolder(tmp_path).store, "nope")


def test_a_reading_is_true_if_it_is_there():
    assert Reading(0)
    assert Reading(0).get() == 0
    assert not Reading(reason="gone")


def test_in_a_copied_root_the_copies_are_read(tmp_path):
    made = RunFolder(tmp_path / "made")
    artifact = made.add_artifact("Trainer", "model")
    made.store.config_path("run-1").write_text(json.dumps({"pipeline": {"root": str(made.store.root)}}))
    copied = tmp_path / "copied"
    shutil.copytree(made.store.root, copied)
    (found,) = RunView.open(RunStore(copied), "run-1").artifacts
    assert Path(found.uri) == copied / artifact.relative_to(made.store.root)
    shutil.rmtree(found.uri)
    (found,) = RunView.open(RunStore(copied), "run-1").artifacts
    assert Path(found.uri) == artifact, "what was not copied is read where it is"
