import json
import math

import pytest

from components.serving_check.report import ServingReport, refused
from pipeline.errors import NotFound
from pipeline.readers.serving_check import Latency, read_serving_check

FACTS = {
    "rows": 64,
    "rows_not_sent": [3, 9],
    "load_s": 1.5,
    "latency_ms": {"serving_raw": {"1": {"p50": 1.0, "p95": 2.0, "calls": 100}}},
    "probe": {"exit_code": 0, "stderr": ""},
    "max_difference": {"serving_raw and serving_default": 0.0, "serving_raw and the Evaluator": math.inf},
    "failing_request": {"row": 5, "inputs": {"a": "<b>"}, "answers": {}},
}


def write(folder, report):
    (folder / "report.json").write_text(json.dumps(report.to_json()))


def test_the_report_comes_back_as_it_was_made(tmp_path):
    write(tmp_path, ServingReport(("they differ",), FACTS))
    found = read_serving_check(tmp_path)
    assert (found.blessed, found.reasons, found.rows, found.rows_not_sent) == (False, ("they differ",), 64, 2)
    assert found.latencies == (Latency("serving_raw", 1, 1.0, 2.0, 100),)
    assert found.max_difference == {"serving_raw and serving_default": 0.0, "serving_raw and the Evaluator": None}
    assert found.failing_request["inputs"] == {"a": "<b>"}
    assert found.load_s == 1.5


def test_a_probe_that_died_leaves_its_reason(tmp_path):
    write(tmp_path, refused("The probe ended with exit code 1"))
    found = read_serving_check(tmp_path)
    assert (found.blessed, found.latencies, found.load_s) == (False, (), None)


def test_another_document_is_no_report(tmp_path):
    (tmp_path / "report.json").write_text('{"blessed": true, "reasons": [], "latency_ms": 3}')
    with pytest.raises(NotFound, match="not a report of ServingCheck"):
        read_serving_check(tmp_path)
