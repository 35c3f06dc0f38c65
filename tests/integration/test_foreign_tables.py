"""Other people's tables, through nothing but a configuration file."""

import json

import pytest
from projects import completed, make_project
from tables import CHURN_CONFIG

pytestmark = pytest.mark.integration


def test_the_plan_explains_every_column(churn):
    project, _ = churn
    planned = completed(project.penstock("plan"), 0)
    for column in ("Customer No", "Tenure (months)", "Plan", "region_code", "signed up"):
        assert column in planned
    for kind in ("ignored", "numeric", "categorical", "date"):
        assert kind in planned


def test_a_binary_csv_is_learnt_and_pushed(churn):
    project, _ = churn
    assert project.decision()["metrics"]["auc"] > 0.85


def test_the_tuner_feeds_the_trainer(churn):
    project, _ = churn
    best = project.artifact(project.latest()["run_id"], "Tuner", "best_hyperparameters")
    assert any(best.iterdir())
    assert project.node_states()["Tuner"] == "COMPLETE"


def test_classes_and_probabilities_come_out_by_name(churn):
    import tensorflow as tf

    project, _ = churn
    (version,) = project.pushed_versions("churn")
    inputs = json.loads((version / "assets.extra" / "penstock.json").read_text())["inputs"]
    rows = {
        "Tenure (months)": [1.0, 59.0],
        "Plan": ["basic", "pro"],
        "region_code": [1, 3],
        "signed up": ["2020-01-01", ""],
    }
    request = {
        inputs[column]["argument"]: tf.constant(values, tf.as_dtype(inputs[column]["dtype"]))
        for column, values in rows.items()
    }
    assert rows.keys() == inputs.keys(), "ignored columns are not asked for"
    answer = tf.saved_model.load(str(version)).signatures["serving_raw"](**request)
    assert answer["classes"].numpy().tolist() == [[b"no", b"yes"]] * 2
    assert answer["predicted_class"].numpy().tolist() == [b"yes", b"no"]
    assert answer["positive_score"].numpy()[0] > 0.8 > 0.2 > answer["positive_score"].numpy()[1]


def test_a_regression_parquet_is_learnt_and_pushed(rents):
    project, _ = rents
    metrics = project.decision()["metrics"]
    assert metrics["r2"] > 0.8
    assert metrics["mean_absolute_error"] < 120, "the unit is the label's own"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["empty"]),
        ("Plan,Churned?\n", ["header"]),
        ("Plan,Plan,Churned?\na,b,yes\nc,d,no\n", ["'Plan'", "line 1"]),
        ("Plan,Churnd?\na,yes\nb,no\n", ["Churned?", "Churnd?"]),
        ("Plan,Churned?\na,yes\nb,yes\nc,yes\n", ["Churned?", "yes"]),
        ("Plan,Churned?\na,yes\nb\n" + 20 * "a,yes\nb,no\n", ["customers.csv", "line 3"]),
    ],
    ids=["empty", "header only", "duplicate header", "missing label", "one label value", "short row"],
)
def test_an_unusable_table_is_refused_early_and_in_words(tmp_path, content, words):
    project = make_project(tmp_path, CHURN_CONFIG)
    (tmp_path / "customers.csv").write_text(content, encoding="utf-8")
    result = project.penstock("run")
    assert result.returncode in (2, 4), result.stdout + result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_file_names_what_was_looked_for(tmp_path):
    project = make_project(tmp_path, CHURN_CONFIG)
    (tmp_path / "custommers.csv").write_text("a,b\n1,2\n")
    result = project.penstock("run")
    assert result.returncode in (2, 4)
    assert "customers.csv" in result.stderr
    assert "custommers.csv" in result.stderr
