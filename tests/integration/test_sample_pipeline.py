"""The sample pipeline as `make run` runs it, on the same data; later tests go on from its first run."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from projects import ROOT, Project, completed

pytestmark = pytest.mark.integration

NODES = [
    "ArrowExampleGen",
    "previous_metrics",
    "DataQualityGate",
    "StatisticsGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "ValidationGate",
    "previous_distribution",
    "DistributionValidator",
    "Transform",
    "Trainer",
    "latest_blessed_model",
    "Evaluator",
    "ServingCheck",
    "latest_approved_bias",
    "BiasEvaluator",
    "Explainer",
    "latest_approved_attributions",
    "AttributionDrift",
    "HumanReview",
    "ModelCard",
    "ModelApproval",
    "Pusher",
    "ModelRegistry",
]


NO_EXPLAINING = ["explanation.enabled=false", "review.enabled=false", "card.enabled=false"]
"""For runs whose verdict is not of these nodes."""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample project after its first run, and what the run printed."""
    folder = tmp_path_factory.mktemp("sample")
    data = folder / "reviews.tsv"
    project = Project(ROOT / "penstock.yaml", folder / "root", (f"data.path={data}",))
    made = project.penstock_plain("sample-data", "--output", str(data))
    completed(made, 0)
    return project, completed(project.penstock_apart("run"), 0), data


def test_one_command_trains_evaluates_and_pushes(sample):
    project, printed, _ = sample
    assert sorted(project.node_states()) == sorted(NODES)
    assert set(project.node_states().values()) <= {"COMPLETE", "SKIPPED"}
    for word in ("rows", "20,000 in", "anomalies  none", "accuracy", "blessed    yes", "servable   yes", "next:"):
        assert word in printed, word
    (version,) = project.pushed_versions("reviews")
    assert (version / "saved_model.pb").is_file()


def test_the_model_comes_close_to_the_best_reachable_accuracy(sample, capsys):
    from pipeline.sample_data.options import ReviewsOptions
    from pipeline.sample_data.ratings import best_accuracy, majority_accuracy

    project, _, _ = sample
    best, majority = best_accuracy(ReviewsOptions()), majority_accuracy(ReviewsOptions())
    accuracy = project.decision()["metrics"]["accuracy"]
    way = (accuracy - majority) / (best - majority)
    with capsys.disabled():
        print(f"\nmajority {majority:.3f}, model {accuracy:.3f}, best reachable {best:.3f}: {way:.0%} of the way")
    assert way >= 0.8


def test_when_nothing_has_changed_a_run_says_so_and_ends_without_tensorflow(sample, monkeypatch, capsys):
    project, _, _ = sample
    before = project.latest()
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")  # the interpreter names every import on standard error
    begin = time.monotonic()
    answer = project.penstock_apart("run")
    with capsys.disabled():
        print(f"\nnothing changed: {time.monotonic() - begin:.1f} s")
    assert answer.returncode == 0
    assert answer.stdout.startswith(f"Nothing has changed since run {before['run_id']}")
    imported = {
        line.rpartition("|")[2].strip() for line in answer.stderr.splitlines() if line.startswith("import time:")
    }
    assert "pipeline.caching.unchanged" in imported
    assert not imported & {"tensorflow", "tfx", "apache_beam"}
    assert project.latest() == before


def test_a_run_that_is_asked_for_by_name_comes_from_the_cache_and_pushes_nothing_new(sample):
    project, _, _ = sample
    completed(project.penstock("run", "--run-id", "again"), 0)
    states = project.node_states()
    cached = ["ArrowExampleGen", "StatisticsGen", "ImportSchemaGen", "ValidationGate", "Transform", "Trainer"]
    assert {states[node_id] for node_id in cached} == {"CACHED"}
    assert len(project.pushed_versions("reviews")) == 1


def test_a_model_below_its_threshold_and_too_slow_for_its_budget_is_not_pushed_and_both_reasons_are_named(sample):
    project, _, _ = sample
    before = project.pushed_versions("reviews")
    asked = ["evaluation.thresholds=[{metric: accuracy, lower: 0.999}]"]
    asked += ["serving_check.max_p50_ms=0.0001", "serving_check.max_p95_ms=0.0001"]
    printed = completed(project.penstock("run", overrides=[*asked, *NO_EXPLAINING]), 5)
    assert "blessed    no" in printed
    assert "accuracy" in printed
    assert "0.999" in printed
    assert "servable   no" in printed
    assert "p50" in printed
    assert project.decision()["blessed"] is False
    assert project.pushed_versions("reviews") == before


def test_a_value_outside_the_curated_schema_stops_the_run_before_training(sample, tmp_path):
    project, _, data = sample
    changed = tmp_path / "reviews.tsv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)[:2001]
    lines[1:] = [line.replace("\tY\t", "\tmaybe\t", 1) for line in lines[1:]]
    changed.write_text("".join(lines), encoding="utf-8")
    printed = completed(project.penstock("run", overrides=[f"data.path={changed}"]), 4)
    assert "maybe" in printed
    assert "ValidationGate" in printed
    assert project.node_states()["Trainer"] == "NOT_RUN"


def test_a_waiver_lets_a_named_anomaly_pass_until_it_expires(sample, tmp_path):
    project, _, data = sample
    changed = tmp_path / "reviews.tsv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)[:2001]
    changed.write_text("".join(line.replace("US\t", "ZZ\t", 1) for line in lines), encoding="utf-8")
    waived = {"validation": "feature: marketplace", "quality": "check: allowed_values(marketplace)"}

    def run(expires):
        waivers = [f"{key}.waivers=[{{{what}, reason: moved, expires: {expires}}}]" for key, what in waived.items()]
        return project.penstock("run", "--to", "Transform", overrides=[f"data.path={changed}", *waivers])

    refused = completed(run("2020-01-01"), 4)
    assert "ValidationGate" in refused
    assert "DataQualityGate" in refused
    assert "expired" in refused
    completed(run("2999-01-01"), 0)
    states = project.node_states()
    assert [states[node] for node in ("DataQualityGate", "ValidationGate", "Transform")] == ["COMPLETE"] * 3


def test_broken_rows_stop_the_run_with_file_line_and_column(sample, tmp_path):
    project, _, data = sample
    broken = tmp_path / "broken.tsv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)[:500]
    lines[99] = "one\ttwo\tthree\n"
    broken.write_text("".join(lines), encoding="utf-8")
    printed = completed(project.penstock("run", overrides=[f"data.path={broken}"]), 4)
    assert "broken.tsv" in printed
    assert "line 100" in printed


def test_quarantined_rows_are_counted_and_the_rest_goes_on(sample, tmp_path):
    project, _, data = sample
    broken = tmp_path / "broken.tsv"
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)[:2001]
    lines[99] = "one\ttwo\tthree\n"
    broken.write_text("".join(lines), encoding="utf-8")
    quarantine = [f"data.path={broken}", "data.on_bad_rows=quarantine"]
    printed = completed(project.penstock("run", "--to", "ValidationGate", overrides=quarantine), 0)
    assert "2,000 in" in printed
    assert "1 quarantined" in printed
    assert project.node_states()["ValidationGate"] == "COMPLETE"


def test_show_and_runs_tell_what_happened(sample):
    project, _, _ = sample
    listed = completed(project.penstock("runs"), 0)
    shown = completed(project.penstock("show", project.latest()["run_id"]), 0)
    assert project.latest()["run_id"] in listed
    assert all(node in shown for node in NODES)


def test_the_pushed_model_is_the_trained_model(sample):
    project, _, _ = sample
    records = [json.loads(path.read_text()) for path in (project.root / "runs").glob("*/run.json")]
    first = min(records, key=lambda record: record["started_at"])["run_id"]
    trained = project.artifact(first, "Trainer", "model") / "Format-Serving"
    pushed = project.pushed_versions("reviews")[0]
    files = sorted(path.relative_to(trained) for path in trained.rglob("*") if path.is_file())
    assert files
    assert all((trained / file).read_bytes() == (pushed / file).read_bytes() for file in files)


LAMBDA = """
import json, sys
from serving.lambda_handler import handle
answer = handle({"body": json.dumps({"instances": json.loads(sys.argv[1])})})
loaded = {name.partition(".")[0] for name in sys.modules}
heavy = loaded & {"tfx", "tfx_bsl", "tensorflow_transform", "pipeline", "models"}
print(json.dumps([answer["statusCode"], json.loads(answer["body"]), sorted(heavy)]))
"""


def test_the_pushed_model_answers_in_lambda_with_tensorflow_alone(sample):
    import tensorflow as tf  # not above: of other tests here, some count what a run loads

    project, _, _ = sample
    (pushed, *_) = project.pushed_versions("reviews")
    signature = tf.saved_model.load(str(pushed)).signatures["serving_raw"]
    inputs = signature.structured_input_signature[1]
    rows = [
        {name: text if spec.dtype == tf.string else 3.0 for name, spec in inputs.items()} for text in ("good", "bad")
    ]
    tensors = {name: tf.constant([row[name] for row in rows], spec.dtype) for name, spec in inputs.items()}
    expected = signature(**tensors)["scores"].numpy()
    environment = {**os.environ, "PENSTOCK_MODEL_DIR": str(pushed)}
    program = [sys.executable, "-c", LAMBDA, json.dumps(rows)]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    status, body, heavy = json.loads(done.stdout.splitlines()[-1])
    assert (status, heavy) == (200, [])
    np.testing.assert_allclose([each["scores"] for each in body["predictions"]], expected, rtol=1e-5)


def test_a_schema_is_inferred_compared_and_accepted(sample, tmp_path):
    project, _, _ = sample
    inferred = tmp_path / "inferred.pbtxt"
    completed(project.penstock("schema", "infer", "--output", str(inferred)), 0)
    assert 'name: "star_rating"' in inferred.read_text()
    curated = tmp_path / "curated.pbtxt"
    text = (ROOT / "schemas" / "reviews" / "schema.pbtxt").read_text()
    curated.write_text(text.replace('value: "N"', "", 1))
    override = [f"schema.path={curated}"]
    compared = completed(project.penstock("schema", "diff", overrides=override), 0)
    assert '"N"' in compared or "'N'" in compared
    completed(project.penstock("schema", "accept", overrides=override), 0)
    assert 'value: "N"' in curated.read_text()
    assert "no changes" in completed(project.penstock("schema", "diff", overrides=override), 0).lower()
    assert curated.read_text().count("#") == text.count("#"), "the reviewers' comments are kept"
