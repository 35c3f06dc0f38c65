"""DistributionValidator's verdict, as it is read by column and as it is shown."""

import json

import pyarrow as pa
import pytest
from run_folders import RunFolder

from components.distribution_validator.columns import ComparedColumn
from components.distribution_validator.comparison import compare
from components.distribution_validator.judgement import Question, verdict_of
from components.distribution_validator.settings import DistributionSettings
from components.distribution_validator.summary import TableSummary
from components.gate.verdict import Verdict
from pipeline.errors import NotFound
from pipeline.readers.drift import read_drift
from pipeline.readers.run_view import RunView
from pipeline.report.drift_parts import drift_view
from pipeline.report.run_page import page_sections

COLUMNS = [ComparedColumn("shop", "values"), ComparedColumn("price", "numbers"), ComparedColumn("sold", "dates")]
BEFORE = {"shop": ["n"] * 300 + ["<s>"] * 200, "price": [*range(500)], "sold": ["2024-01-01", "2024-01-02"] * 250}
AFTER = {**BEFORE, "shop": ["n"] * 100 + ["<s>"] * 400, "price": [*range(400), *([None] * 100)]}


def verdict() -> Verdict:
    sides = []
    for table in (BEFORE, AFTER):
        summary = TableSummary.empty(COLUMNS)
        summary.add(pa.RecordBatch.from_arrays([pa.array(values) for values in table.values()], names=list(table)))
        sides.append(summary)
    drift = compare(*sides, COLUMNS, DistributionSettings())
    skew = compare(sides[0], sides[0], COLUMNS[:1], DistributionSettings())
    return verdict_of(
        [(Question("drift", "from span 1 to span 2"), drift), (Question("skew", "from training to serving"), skew)]
    )


def test_findings_are_put_together_by_question_and_column(tmp_path):
    (tmp_path / "decision.json").write_text(json.dumps(verdict().to_json()))
    found = read_drift(tmp_path)
    assert [item.check for item in found.verdict.findings] == [item.check for item in verdict().findings]
    assert [(question.check, question.between) for question in found.questions] == [
        ("drift", "from span 1 to span 2"),
        ("skew", "from training to serving"),
    ]
    price = found.questions[0].columns[1]
    assert (price.values.check, price.missing.check) == ("drift(price)", "missing(price)")
    assert price.comparison.after.missing == pytest.approx(0.2)
    assert found.questions[0].columns[0].missing is None


@pytest.mark.parametrize("details", [{}, {"question": {"check": "drift"}}])
def test_another_gates_decision_is_no_drift(tmp_path, details):
    found = verdict().to_json()
    found["findings"][0]["details"] = details
    (tmp_path / "decision.json").write_text(json.dumps(found))
    with pytest.raises(NotFound, match=r"decision\.json: not the decision of DistributionValidator"):
        read_drift(tmp_path)


def test_every_column_is_shown_with_its_measures_and_what_moved(tmp_path):
    (tmp_path / "decision.json").write_text(json.dumps(verdict().to_json()))
    page = drift_view(read_drift(tmp_path))
    assert "Drift from span 1 to span 2" in page
    assert "Skew from training to serving" in page
    assert "2 of 2 columns drifted from span 1 to span 2. Most of all: price (" in page
    assert "0.4 ✕" in page  # the largest change of shop: 60 % to 20 %
    assert "+40.0 points" in page
    assert "&lt;s&gt;" in page
    assert "<s>" not in page.replace("<span", "")


def test_a_run_shows_how_its_data_moved(tmp_path):
    run = RunFolder(tmp_path, node_ids=("DistributionValidator",))
    folder = run.add_artifact("DistributionValidator", "result", "PenstockGateResult")
    (folder / "decision.json").write_text(json.dumps(verdict().to_json()))
    sections = {section.section_id: section for section in page_sections(RunView(run.store, run.record))}
    assert "what moved most" in sections["drift"].body


def test_a_run_without_the_gate_says_so(tmp_path):
    run = RunFolder(tmp_path, node_ids=("Trainer",))
    sections = {section.section_id: section for section in page_sections(RunView(run.store, run.record))}
    assert sections["drift"].body is None
    assert sections["drift"].absence == "This pipeline has no DistributionValidator."
