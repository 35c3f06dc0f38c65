"""The infra blessing from what the probe saw."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.serving_check.probe_process import ProbeRun
from components.serving_check.report import difference, judge
from components.serving_check.settings import ServingCheckSettings

SETTINGS = ServingCheckSettings(max_p50_ms=5, max_p95_ms=10, tolerance=0.01, timeout_s=30)
ANSWERS = [{"scores": [0.25, 0.75], "name": "b"}, {"scores": [0.5, 0.5], "name": "a"}]


def signature(answers: list[dict[str, Any]] | None = None, milliseconds: float = 1.0) -> dict[str, Any]:
    answers = ANSWERS if answers is None else answers
    timed = {"1": [milliseconds] * 10, "32": [50.0] * 10}
    return {"answers": answers, "batch_answers": answers, "latencies_ms": timed, "failure": None}


def run(default: dict[str, Any] | None = None, raw: dict[str, Any] | None = None, **more: Any) -> ProbeRun:
    result = {
        "load_s": 0.5,
        "missing_signatures": [],
        "rows": [0, 2],
        "not_sent": [{"row": 1, "lacks": ["x"]}],
        "requests": [{"x": 1.0}, {"x": 3.0}],
        "signatures": {"serving_default": default or signature(), "serving_raw": raw or signature()},
        **more,
    }
    return ProbeRun(result, 0, "")


#: By row of the sample; row 1 was not sent.
EXPECTED = [ANSWERS[0], {"scores": [0.0, 1.0], "name": "b"}, ANSWERS[1]]


def test_equal_answers_in_time_are_blessed() -> None:
    report = judge(run(), EXPECTED, SETTINGS)
    assert report.blessed
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert document["blessed"]
    assert document["rows"] == 2
    assert document["rows_not_sent"] == [{"row": 1, "lacks": ["x"]}]
    assert document["latency_ms"]["serving_raw"]["1"] == {"p50": 1.0, "p95": 1.0, "calls": 10}
    assert set(document["max_difference"].values()) == {0.0}


def test_a_difference_is_told_with_output_row_and_request() -> None:
    skewed = [ANSWERS[0], {"scores": [0.45, 0.55], "name": "a"}]
    report = judge(run(raw=signature(skewed)), EXPECTED, SETTINGS)
    assert report.reasons == (
        "serving_raw and serving_default differ by 0.05 in output 'scores' on row 2; serving_check.tolerance is 0.01.",
        "serving_raw and the Evaluator differ by 0.05 in output 'scores' on row 2; serving_check.tolerance is 0.01.",
    )
    assert report.to_json()["failing_request"] == {
        "row": 2,
        "inputs": {"x": 3.0},
        "answers": {"serving_default": ANSWERS[1], "serving_raw": skewed[1]},
    }


def test_a_difference_within_the_tolerance_is_blessed() -> None:
    near = [{"scores": [0.255, 0.745], "name": "b"}, ANSWERS[1]]
    assert judge(run(raw=signature(near)), EXPECTED, SETTINGS).blessed


def test_an_output_that_only_one_side_has_is_a_difference() -> None:
    fewer = [{"scores": answer["scores"]} for answer in ANSWERS]
    report = judge(run(raw=signature(fewer)), EXPECTED, SETTINGS)
    assert not report.blessed
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["max_difference"]


def test_batches_that_answer_otherwise_than_single_rows_are_refused() -> None:
    of_raw = {**signature(), "batch_answers": [ANSWERS[1], ANSWERS[0]]}
    report = judge(run(raw=of_raw), EXPECTED, SETTINGS)
    assert any(reason.startswith("serving_raw in batches and row by row differ") for reason in report.reasons)


def test_slow_single_rows_are_refused_and_slow_batches_are_not() -> None:
    report = judge(run(default=signature(milliseconds=11.0)), EXPECTED, SETTINGS)
    assert len(report.reasons) == 2
    assert "serving_default takes 11.0 ms (p50, one row); serving_check.max_p50_ms is 5" in report.reasons[0]


def test_a_request_that_fails_is_refused_with_its_row() -> None:
    failing = {"answers": [ANSWERS[0]], "batch_answers": [], "latencies_ms": {}, "failure": {"row": 2, "error": "bad"}}
    report = judge(run(raw=failing), EXPECTED, SETTINGS)
    assert report.reasons == ("serving_raw failed on row 2: bad",)
    assert report.to_json()["failing_request"]["inputs"] == {"x": 3.0}


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (ProbeRun(None, None, ""), "did not finish in 30 s"),
        (ProbeRun(None, -11, "Traceback\nboom\n"), "exit code -11: boom"),
        (ProbeRun(None, 0, ""), "exit code 0: it printed nothing"),
        (run(missing_signatures=["serving_raw"]), "no signature serving_raw"),
        (run(rows=[], requests=[]), "No row could be sent"),
    ],
)
def test_no_evidence_is_refused(probe: ProbeRun, words: str) -> None:
    report = judge(probe, EXPECTED, SETTINGS)
    assert not report.blessed
    assert words in report.reasons[0]


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers)
def test_a_difference_is_absolute_below_one_and_relative_above(one: float, other: float) -> None:
    apart = difference(one, other)
    assert apart == pytest.approx(abs(one - other) / max(1.0, abs(other)))


def test_what_cannot_be_compared_is_infinitely_apart() -> None:
    assert difference("a", "b") == math.inf
    assert difference("a", 1.0) == math.inf
    assert difference([1.0], [1.0, 2.0]) == math.inf
    assert difference(math.nan, 1.0) == math.inf
    assert difference(math.nan, math.nan) == 0.0
    assert difference([0.25, "a"], [0.75, "a"]) == 0.5
