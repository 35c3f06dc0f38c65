"""What the nodes of a real run said of their progress, against what is counted and written elsewhere."""

import gzip
import json
import math

import pytest
from projects import completed

from pipeline.progress.state import RunView
from pipeline.progress_file import ProgressReader
from pipeline.run_store import RunStore
from pipeline.runners.journal import EventReader

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def said(two_runs):
    """Everything a node of the first run said, oldest first."""
    store = RunStore(two_runs.root)

    def read(node_id):
        lines = ProgressReader(store.progress_path("first", node_id, 1)).read()
        assert lines, f"{node_id} said nothing"
        return lines

    return read


@pytest.fixture(scope="module")
def rows(two_runs):
    """Rows of each split, counted in the files that ArrowExampleGen wrote."""
    folders = sorted(two_runs.artifact("first", "ArrowExampleGen", "examples").glob("Split-*"))
    return {folder.name.removeprefix("Split-"): sum(map(count_records, folder.glob("*.gz"))) for folder in folders}


def count_records(path):
    """Records of a TFRecord file: length (8 bytes), its checksum (4), the record, its checksum (4)."""
    data, position, count = gzip.decompress(path.read_bytes()), 0, 0
    while position < len(data):
        position += 8 + 4 + int.from_bytes(data[position : position + 8], "little") + 4
        count += 1
    return count


def test_the_rows_read_are_those_written(said, rows):
    last = said("ArrowExampleGen")[-1]
    assert (last.done, last.total, last.unit) == (sum(rows.values()), sum(rows.values()), "rows")


def test_statistics_count_every_row_once(said, rows):
    last = said("StatisticsGen")[-1]
    assert (last.done, last.unit) == (sum(rows.values()), "elements")


def test_transform_counts_the_training_rows_for_the_analysis_and_then_every_row(said, rows):
    assert said("Transform")[-1].done == rows["train"] + sum(rows.values())


def test_the_evaluator_counts_the_rows_of_the_evaluated_split(said, rows, two_runs):
    lines = said("Evaluator")
    assert max(line.done for line in lines if line.unit == "elements") == rows["test"]
    assert (lines[-1].done, lines[-1].unit) == (rows["test"], "rows")
    decision = two_runs.artifact("first", "Evaluator", "blessing") / "decision.json"
    assert lines[-1].metrics["accuracy"] == pytest.approx(json.loads(decision.read_text())["metrics"]["accuracy"])


@pytest.mark.parametrize("node_id", ["StatisticsGen", "Transform", "Evaluator"])
def test_every_stage_of_a_beam_pipeline_gets_done(said, node_id):
    beam = [line.metrics for line in said(node_id) if "stages" in line.metrics]
    assert beam[-1]["stages_done"] == beam[-1]["stages"] > 1


def test_every_epoch_is_told_with_the_losses_of_the_history_and_a_speed(said, two_runs):
    path = two_runs.artifact("first", "Trainer", "model_run") / "history.json"
    history = {item["epoch"]: item for item in json.loads(path.read_text())["epochs"]}
    ends = [line for line in said("Trainer") if line.message.startswith("epoch ")]
    assert [line.done for line in ends] == list(history)
    for line in ends:
        assert line.unit == "epochs"
        assert {name: line.metrics[name] for name in ("loss", "val_loss")} == pytest.approx(
            {name: history[line.done][name] for name in ("loss", "val_loss")}
        )
        assert line.metrics["examples_per_s"] > 0
        assert all(math.isfinite(value) for value in line.metrics.values())


def test_the_tuner_tells_trials_and_the_best_of_them(said):
    last = said("Tuner")[-1]
    assert (last.done, last.total, last.unit) == (2, 2, "trials")
    scores = [line.metrics["val_loss"] for line in said("Tuner") if line.message.endswith("epoch 1/1")]
    assert last.metrics["best_val_loss"] == pytest.approx(min(scores))


def test_the_serving_check_says_how_many_rows_it_asked(said):
    first, *_, last = said("ServingCheck")
    assert (first.done, last.done, last.total) == (0, first.total, first.total)


def test_the_journal_of_a_run_tells_its_whole_story(two_runs):
    store, view = RunStore(two_runs.root), RunView()
    for timed in EventReader(store.events_path("first")).read():
        view.take(timed.event, 0.0)
    record = store.read("first")
    assert view.state == record.state == "COMPLETE"
    assert {node.node_id: node.state for node in view.ended} == {node.node_id: node.state for node in record.nodes}
    assert view.nodes["Trainer"].unit == "epochs"


def test_the_log_of_a_node_is_printed_and_the_logs_are_listed(two_runs):
    log = RunStore(two_runs.root).log_path("first", "Trainer", 1).read_text()
    assert completed(two_runs.penstock("logs", "Trainer", "--run", "first"), 0) == log
    assert completed(two_runs.penstock("logs", "Trainer", "--run", "first", "--follow", "--tail", "2"), 0) == (
        "".join(log.splitlines(keepends=True)[-2:])
    )
    listed = completed(two_runs.penstock("logs", "--run", "first"), 0).splitlines()
    assert [line.split()[0] for line in listed[1:]][:1] == ["ArrowExampleGen"]
