import json

import pytest
from run_folders import RunFolder
from whole_run import fail, whole_run

from pipeline.errors import NotFound
from pipeline.readers.data_quality import read_data_quality
from pipeline.readers.run_view import RunView


def view(run):
    return RunView.open(run.store, run.record.run_id)


def test_everything_that_the_gate_left_is_read(tmp_path):
    found = view(whole_run(tmp_path, ("a", "b"))).data_quality.get()
    assert (dict(found.rows), found.span) == ({"train": 80, "eval": 20}, 7)
    column = found.columns[0]
    assert (column.name, column.kind, column.completeness, column.distinct) == ("a", "text", 0.95, 3)
    assert column.numbers["mean"] == 4.5
    assert [(row.check, row.split, row.row, row.times) for row in found.offending_rows][1] == (
        "b",
        "train",
        {"b": "b"},
        2,
    )
    assert found.suggestions[0].constraint == {"kind": "completeness", "column": "a"}


def test_a_gate_that_refused_leaves_all_of_it(tmp_path):
    run = whole_run(tmp_path)
    fail(run, "DataQualityGate", "uniqueness(id): 2 of 10 rows break it")
    assert view(run).data_quality


def test_without_the_gate_it_says_so(tmp_path):
    assert view(RunFolder(tmp_path, "run-1")).data_quality.reason == "This pipeline has no DataQualityGate."


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "rows": 3, "span": 1, "profile": 5}']
)
def test_damaged_metrics_are_named(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(NotFound, match=r"metrics\.json"):
        read_data_quality(tmp_path, None, None)


@pytest.mark.parametrize("line", ["{", "5", '{"check": "a"}', '{"check": "a", "split": "b", "row": {}, "other": 1}'])
def test_damaged_rows_are_named(tmp_path, line):
    metrics = {"format": 1, "rows": {}, "span": None, "profile": {"columns": {}}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "rows.jsonl").write_text(line)
    with pytest.raises(NotFound, match=r"rows\.jsonl"):
        read_data_quality(tmp_path, tmp_path, None)
