"""Two runs made by hand, compared and shown."""

import json

import pytest
from run_folders import RunFolder
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.diff.compare import compare
from pipeline.diff.parts import flattened
from pipeline.diff.text import lines
from pipeline.readers.run_view import RunView

HOSTILE = '<script>alert("x")</script>\x1b[2J\u202egnp\x00'


def history(epochs, loss):
    items = [{"epoch": i + 1, "loss": loss, "val_loss": loss, "seconds": 1.0} for i in range(epochs)]
    return json.dumps({"epochs": items, "best_epoch": epochs})


def make(root, run_id, epochs=2, feature="age", commit="a", rows=90):
    run = RunFolder(root, run_id)
    config = {"pipeline": {"name": "churn"}, "training": {"epochs": epochs}, "data": {"kinds": {}, "splits": [8, 2]}}
    (run.folder / "config.json").write_text(json.dumps(config))
    (run.folder / "provenance.json").write_text(json.dumps({"git_commit": commit, "packages": {"tfx": "1.21.0"}}))
    for node_id in ("ArrowExampleGen", "SchemaGen", "Trainer"):
        run.add_node(node_id)
    properties = {"rows_in": 100, "rows_train": rows, "fingerprint": f"f{rows}", "column_types": '{"age": "int64"}'}
    (run.add_artifact("ArrowExampleGen", "examples", properties=properties) / "Split-train").mkdir()
    schema = f"""feature {{ name: '{feature}' type: BYTES string_domain {{ value: "a" value: "{run_id}" }} }}"""
    (run.add_artifact("SchemaGen", "schema") / "schema.pbtxt").write_text(schema)
    (run.add_artifact("Trainer", "model_run") / "history.json").write_text(history(epochs, 1 / epochs))
    return RunView.open(run.store, run_id)


@pytest.fixture
def different(tmp_path):
    return compare(make(tmp_path, "one"), make(tmp_path, "two", epochs=4, commit=HOSTILE, rows=80))


def test_each_part_has_what_differs(different):
    assert [item.name for item in different.configuration.changed] == ["training.epochs"]
    assert [(item.name, item.before, item.after) for item in different.data.changed] == [
        ("rows in train", 90, 80),
        ("content fingerprint", "f90", "f80"),
    ]
    assert [(item.name, item.after) for item in different.schema.changed] == [("age: domain", "'a', 'two'")]
    assert [item.name for item in different.training.changed] == [
        "epochs",
        "best epoch",
        "loss at the best epoch",
        "val_loss at the best epoch",
    ]
    assert [item.name for item in different.environment.changed] == ["git_commit"]


def test_what_a_run_does_not_have_is_said_and_nothing_is_made_up(different):
    assert different.statistics.missing == ("This pipeline has no StatisticsGen.",) * 2
    assert different.metrics.missing == ("This pipeline has no Evaluator.",) * 2
    assert different.metrics.overall == ()


def test_a_run_is_the_same_as_itself(tmp_path):
    run = make(tmp_path, "one")
    found = compare(run, run)
    assert all(part.changed == () for _, part in found.parts)
    text = "\n".join(lines(found))
    assert "configuration: the same" in text
    assert " * " not in text


def test_runs_that_left_nothing_can_be_compared(tmp_path):
    runs = [RunFolder(tmp_path, name, state="FAILED", node_ids=("Trainer",)) for name in ("one", "two")]
    found = compare(*(RunView.open(run.store, run.record.run_id) for run in runs))
    text = "\n".join(lines(found, everything=True))
    assert "configuration: nothing to compare" in text
    assert "Trainer did not run" in text


def test_a_failed_node_is_an_outcome(tmp_path):
    one, two = RunFolder(tmp_path, "one"), RunFolder(tmp_path, "two", state="FAILED")
    one.add_node("Trainer")
    two.add_node("Trainer", "FAILED", "boom")
    found = compare(*(RunView.open(run.store, run.record.run_id) for run in (one, two)))
    changed = {item.name: (item.before, item.after) for item in found.outcome.changed}
    assert changed == {"state": ("COMPLETE", "FAILED"), "failed": (None, "Trainer")}


def test_only_differences_are_shown_unless_all_is_asked_for(different):
    short, long = "\n".join(lines(different)), "\n".join(lines(different, everything=True))
    assert "packages.tfx" not in short
    assert "packages.tfx" in long
    assert "* training.epochs  2  ->  4" in short


def test_hostile_text_cannot_move_the_terminal(different):
    text = "\n".join(lines(different))
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "<script>" in text


def test_the_document_is_json_without_histograms(different):
    document = json.loads(json.dumps(different.to_json(), allow_nan=False))
    assert document["format"] == 1
    assert document["before"]["run_id"] == "one"
    assert "histogram" not in json.dumps(document["statistics"])


def test_nested_settings_are_dotted_and_empty_ones_are_left_out():
    document = {"a": {"b": 1, "c": {"d": [1, "ü"]}}, "e": {}, "f": None}
    assert flattened(document) == {"a.b": 1, "a.c.d": '[1, "ü"]', "f": None}


@pytest.fixture
def command(tmp_path):
    """Runs `penstock diff` on a project with the runs `one` and `two`."""
    (tmp_path / "rows.csv").write_text("age,left\n1,yes\n")
    config = tmp_path / "penstock.yaml"
    config.write_text("pipeline: {name: churn, root: root}\ndata: {path: rows.csv}\nlabel: {column: left}\n")
    for run_id, epochs in (("one", 2), ("two", 3)):
        make(tmp_path / "root", run_id, epochs=epochs)
    return lambda *arguments: CliRunner().invoke(app, ["diff", *arguments, "--config", str(config)])


def test_two_runs_are_compared_on_the_command_line(command):
    result = command("one", "two")
    assert result.exit_code == 0, result.output
    assert "before  one  complete" in result.output
    assert "* training.epochs  2  ->  3" in result.output


def test_the_command_line_gives_one_json_document(command):
    document = json.loads(command("two", "one", "--json").output)
    assert (document["before"]["run_id"], document["after"]["run_id"]) == ("two", "one")


def test_an_unknown_run_is_named_on_the_command_line(command):
    result = command("one", "three")
    assert "There is no run 'three'" in str(result.exception)
