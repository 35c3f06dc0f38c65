"""Findings, waivers and what a gate makes of them."""

import dataclasses
import datetime
import json

import pytest

from components.gate.verdict import Finding, Verdict, judge
from components.gate.waiver import Waiver

TODAY = datetime.date(2026, 3, 1)
BROKEN = Finding(
    check="completeness(review_id)",
    passed=False,
    severity="error",
    sentence="95 % of the rows of split train have a review_id, at least 99 % are demanded.",
    advice="Fill the column, or lower quality.constraints[2].min.",
    measured=0.95,
    demanded="at least 0.99",
    where="train",
    rows=1000,
    details={"missing": 50},
)
FINE = Finding("size", True, "error", "1,000 rows.")
TOLD = Finding("mean(stars)", False, "warning", "The mean is 4.9.")


def verdict(*findings: Finding, missing: tuple[str, ...] = ()) -> Verdict:
    return Verdict("DataQualityGate", "the data", "quality", findings, missing)


def waiver(check: str, day: datetime.date = TODAY) -> Waiver:
    return Waiver(check, "known since March", day)


def test_an_error_refuses_and_a_warning_does_not() -> None:
    assert not verdict(BROKEN, FINE).passed
    assert verdict(FINE, TOLD).passed
    assert verdict(FINE, TOLD).warnings == (TOLD,)


def test_missing_evidence_refuses() -> None:
    refused = verdict(FINE, missing=("There is no split train.",))
    assert not refused.passed
    assert refused.refusal() == (
        "DataQualityGate refuses the data: the evidence is incomplete.\nThere is no split train."
    )


def test_a_refusal_says_what_was_measured_what_to_do_and_how_to_waive_it() -> None:
    assert verdict(BROKEN, FINE).refusal().splitlines() == [
        "DataQualityGate refuses the data: 1 check failed.",
        "completeness(review_id): 95 % of the rows of split train have a review_id, at least 99 % are demanded.",
        "  Fill the column, or lower quality.constraints[2].min.",
        "Or accept it for a while: a waiver (check: 'completeness(review_id)', reason, expires) under quality.waivers.",
    ]


def test_a_waiver_holds_on_its_last_day_and_not_after() -> None:
    held = judge(verdict(BROKEN), [waiver("completeness(review_id)")], TODAY)
    assert held.passed
    assert [finding.check for finding in held.waived] == ["completeness(review_id)"]
    late = judge(verdict(BROKEN), [waiver("completeness(review_id)")], TODAY + datetime.timedelta(days=1))
    assert not late.passed
    assert "Its waiver expired on 2026-03-01: known since March" in late.refusal()


@pytest.mark.parametrize(
    ("pattern", "name", "covers"),
    [
        ("completeness(*)", "completeness(review_id)", True),
        ("completeness(*)", "uniqueness(review_id)", False),
        ("DPL(category=Gift [US]*)", "DPL(category=Gift [US] Card)", True),
        ("DPL(category=Gift [US]*)", "DPL(category=Gift U Card)", False),
        ("a?", "ab", False),
        ("a?*", "a?b", True),
        ("size", "Size", False),
    ],
)
def test_only_the_star_stands_for_other_text(pattern: str, name: str, covers: bool) -> None:
    assert waiver(pattern).covers(name) == covers


def test_a_waiver_needs_a_name_and_a_reason_and_cannot_be_for_everything() -> None:
    with pytest.raises(ValueError, match=r"check is empty.*\n.*reason is empty"):
        Waiver(" ", "", TODAY)
    with pytest.raises(ValueError, match="would waive everything"):
        Waiver("**", "lazy", TODAY)


def test_a_waiver_that_nothing_needs_is_told() -> None:
    judged = judge(verdict(FINE), [waiver("size")], TODAY)
    assert judged.passed
    assert judged.remarks == ("The waiver of 'size' is for no check that failed; remove it from quality.waivers.",)


def test_what_refuses_comes_first_then_what_else_failed() -> None:
    waived = dataclasses.replace(BROKEN, check="unique(review_id)")
    judged = judge(verdict(FINE, TOLD, waived, BROKEN), [waiver("unique(*)")], TODAY)
    assert [finding.check for finding in judged.findings] == [
        "completeness(review_id)",
        "unique(review_id)",
        "mean(stars)",
        "size",
    ]


def test_the_document_brings_back_the_verdict() -> None:
    judged = judge(verdict(BROKEN, TOLD, FINE), [waiver("completeness(*)")], TODAY)
    assert Verdict.from_json(json.loads(json.dumps(judged.to_json()))) == judged


def test_a_document_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 7"):
        Verdict.from_json({**verdict(FINE).to_json(), "format": 7})
