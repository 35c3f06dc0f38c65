import json

import pytest

from components.evaluator.analysis import (
    Analysis,
    Calibration,
    CalibrationBin,
    Confusion,
    Harm,
    Interval,
    SliceAnalysis,
)
from components.evaluator.decision import Measured, decide
from components.evaluator.demands import Demands
from components.evaluator.settings import Threshold
from pipeline.errors import NotFound
from pipeline.readers.evaluation import read_evaluation

DEMANDS = Demands(("example_count", "accuracy"), (Threshold("accuracy", lower=0.5),), (), (("colour",),), 50)
MEASURED = [
    Measured((), {"example_count": 200.0, "accuracy": 0.8}),
    Measured((("colour", "red"),), {"example_count": 150.0, "accuracy": 0.85}),
    Measured((("colour", "<script>"),), {"example_count": 40.0, "accuracy": 0.55}),
    Measured((("colour", "blue"),), {"example_count": 10.0, "accuracy": float("nan")}),
]
ANALYSIS = Analysis(
    label="left",
    label_kind="binary",
    split="test",
    confidence=0.95,
    methods={"accuracy": "Wilson score interval"},
    interval_rows=200,
    replicates=1000,
    seed=1,
    harm_metric="accuracy",
    overall=SliceAnalysis({}, 200, {"accuracy": Interval(0.8001, 0.74, 0.85)}, {"accuracy": Interval(0.1, 0.0, 0.2)}),
    slices=(
        SliceAnalysis(
            {"colour": "red"}, 150, {"accuracy": Interval(0.85, 0.8, 0.9)}, {}, Harm("accuracy", -0.05, -7.5, False)
        ),
        SliceAnalysis(
            {"colour": "<script>"}, 40, {"accuracy": Interval(0.55, 0.4, 0.7)}, {}, Harm("accuracy", 0.25, 10.0, True)
        ),
    ),
    confusion=Confusion(("no", "yes"), ((100, 20), (20, 60)), (0, 0)),
    calibration=Calibration("positive_score", (CalibrationBin(0.0, 0.1, 20, 0.05, Interval(0.1, 0.0, 0.3)),), 0.05),
)


@pytest.fixture
def folders(tmp_path):
    for name in ("blessing", "evaluation"):
        (tmp_path / name).mkdir()
    decision = decide(DEMANDS, MEASURED, None, None, tfma_passed=True)
    (tmp_path / "blessing" / "decision.json").write_text(json.dumps(decision.to_json()))
    return tmp_path / "blessing", tmp_path / "evaluation"


def analyse(folders, document=None):
    (folders[1] / "analysis.json").write_text(json.dumps(document or ANALYSIS.to_json()))


def test_the_analysis_survives_json():
    assert Analysis.from_json(json.loads(json.dumps(ANALYSIS.to_json()))) == ANALYSIS


def test_the_verdict_comes_with_reasons_and_checks(folders):
    found = read_evaluation(*folders)
    assert found.blessed
    assert "1 of 1 checks passed" in found.reasons[0]
    assert [(check.metric, check.threshold, check.passed) for check in found.checks] == [("accuracy", 0.5, True)]
    assert (found.rows, found.baseline_model) == (200, None)


def test_metrics_have_the_intervals_of_the_analysis_and_the_values_that_were_decided_on(folders):
    analyse(folders)
    found = read_evaluation(*folders)
    assert found.metrics == {"example_count": Interval(200.0), "accuracy": Interval(0.8, 0.74, 0.85)}
    assert found.changes == {"accuracy": Interval(0.1, 0.0, 0.2)}
    assert found.confusion == ANALYSIS.confusion
    assert found.calibration == ANALYSIS.calibration


def test_the_slice_that_suffers_most_comes_first(folders):
    analyse(folders)
    slices = read_evaluation(*folders).slices
    assert [item.name for item in slices] == ["colour = <script>", "colour = red", "colour = blue"]
    assert slices[0].harm == Harm("accuracy", 0.25, 10.0, True)
    assert slices[2].metrics["accuracy"] == Interval(None)
    assert [item.too_small for item in slices] == [True, False, True]


def test_a_run_of_before_the_analysis_is_read_too_and_says_what_it_lacks(folders):
    found = read_evaluation(*folders)
    assert (found.analysis, found.confusion, found.calibration) == (None, None, None)
    assert "wrote no analysis.json" in found.analysis_missing
    assert found.metrics["accuracy"] == Interval(0.8)
    first = found.slices[0]
    assert first.name == "colour = <script>"
    assert first.harm.amount == pytest.approx((0.8 - 0.55) * 40)
    assert not first.harm.is_certain


def test_an_analysis_of_a_later_format_is_refused_with_its_number(folders):
    analyse(folders, {**ANALYSIS.to_json(), "format": 99})
    with pytest.raises(NotFound, match=r"analysis\.json: .*format 99, this version reads format 1"):
        read_evaluation(*folders)


@pytest.mark.parametrize("document", [{"format": 1}, {"a": 1}])
def test_another_document_is_no_analysis(folders, document):
    analyse(folders, document)
    with pytest.raises(NotFound, match="not an analysis"):
        read_evaluation(*folders)


def test_a_missing_decision_is_named(folders):
    (folders[0] / "decision.json").unlink()
    with pytest.raises(NotFound, match=r"decision\.json: cannot be read"):
        read_evaluation(*folders)
    (folders[0] / "decision.json").write_text("{}")
    with pytest.raises(NotFound, match="not a decision of the Evaluator"):
        read_evaluation(*folders)
