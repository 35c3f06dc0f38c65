import datetime
import math

import pytest

from components.data_quality_gate.judgement import verdict_of
from components.data_quality_gate.measured import Measured
from components.data_quality_gate.settings import Constraint

NOW = datetime.datetime(2024, 3, 10, 12, tzinfo=datetime.UTC)
MEAN = Constraint("mean", column="x", min=1, max=2)


def finding(item, columns=("x", "id", "d")):
    (found,) = verdict_of([item], {"train": 10}, columns, NOW).findings
    return found


@pytest.mark.parametrize(("value", "passed"), [(1, True), (2, True), (0.999, False), (2.001, False), (math.nan, False)])
def test_bounds_are_inclusive_and_what_is_no_number_is_outside(value, passed):
    assert finding(Measured(MEAN, value, 10)).passed is passed


def test_a_failure_says_what_was_measured_against_what_and_what_to_do():
    found = finding(Measured(MEAN, 2.5, 1234))
    assert found.sentence == "It is 2.5 on 1,234 rows; at least 1 and at most 2 is demanded."
    assert found.advice == "Fix the data, or change min or max of mean(x) under quality.constraints."
    assert (found.measured, found.demanded, found.rows) == (2.5, "at least 1 and at most 2", 1234)


def test_a_share_tells_how_many_rows_break_it_and_shows_some():
    rows = [{"split": "eval", "row": {"id": f"R{n}", "x": n}, "times": n + 2} for n in range(5)]
    found = finding(Measured(Constraint("uniqueness", columns=("id",)), 0.75, 1000, rows))
    assert found.sentence.startswith("250 of 1,000 rows break it")
    assert "id = 'R0' (2 times) in split eval; id = 'R1' (3 times) in split eval; id = 'R2'" in found.sentence
    assert "R3" not in found.sentence
    assert found.advice.startswith("The rows are in the node's output offending_rows.")


@pytest.mark.parametrize(("minimum", "passed"), [(None, False), (0.9, True), (0.95, False)])
def test_a_share_without_bounds_means_every_row(minimum, passed):
    assert finding(Measured(Constraint("completeness", column="x", min=minimum), 0.94, 100)).passed is passed


@pytest.mark.parametrize(
    ("day", "passed"),
    [
        (datetime.datetime(2024, 3, 9, 12, tzinfo=datetime.UTC), True),
        (datetime.datetime(2024, 3, 8, 12, tzinfo=datetime.UTC), True),
        (datetime.datetime(2024, 3, 8, 11, tzinfo=datetime.UTC), False),
        (datetime.datetime(2024, 3, 11, tzinfo=datetime.UTC), True),
        (datetime.datetime(2034, 3, 11, tzinfo=datetime.UTC), False),
    ],
)
def test_data_is_fresh_up_to_its_bound_and_not_by_a_date_to_come(day, passed):
    found = finding(Measured(Constraint("freshness", column="d", max_age_days=2), day.timestamp(), 10))
    assert found.passed is passed
    assert found.measured == pytest.approx((NOW - day).total_seconds() / 86400)


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (Measured(MEAN, None, 0), "There was nothing to measure: no row has a value that it can be asked of."),
        (Measured(Constraint("correlation", columns=("x", "id"), min=0), None, 1), "one of them does not vary"),
        (Measured(Constraint("mean", column="y", min=0), None, 0), "No row has a column 'y', so nothing"),
        (Measured(Constraint("size", min=0, where="y > 1"), 0.0, 0), "No row has a column 'y'"),
        (Measured(MEAN, None, 3, problem="Column 'x' holds text."), "It could not be measured. Column 'x' holds text."),
    ],
)
def test_without_evidence_it_fails(item, sentence):
    found = finding(item)
    assert found.passed is False
    assert sentence in found.sentence
    assert found.advice


def test_of_an_absent_column_it_names_the_nearest_and_speaks_of_no_bounds():
    found = finding(Measured(Constraint("mean", column="vote", min=0), None, 0), columns=("votes", "x"))
    assert found.advice == (
        "Bring the column back, or correct mean(vote) under quality.constraints. Did you mean 'votes'?"
    )
    far = finding(Measured(Constraint("mean", column="stars", min=0), None, 0), columns=("votes", "x"))
    assert far.advice == "Bring the column back, or correct mean(stars) under quality.constraints."


def test_a_change_against_nothing_is_not_decided():
    item = Measured(Constraint("row_count_change", min=-0.5), None, 10, remark="There is no earlier span.")
    assert (finding(item).passed, finding(item).sentence) == (None, "There is no earlier span.")


@pytest.mark.parametrize(
    ("rows", "missing"), [({"train": 5, "eval": 0}, "Split 'eval' has no rows"), ({}, "no splits")]
)
def test_without_rows_nothing_passes(rows, missing):
    verdict = verdict_of([], rows, (), NOW)
    assert not verdict.passed
    assert missing in verdict.missing[0]


def test_without_constraints_it_says_how_to_get_some():
    verdict = verdict_of([], {"train": 5}, (), NOW)
    assert verdict.passed
    assert "penstock quality suggest" in verdict.remarks[0]
