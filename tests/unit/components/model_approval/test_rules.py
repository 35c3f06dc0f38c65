"""Which models may be approved, and which a person must look at."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from components.gate.verdict import Finding, Verdict, judge
from components.gate.waiver import Waiver
from components.model_approval.rules import Blessing, Evidence, reasons_to_ask, refusals
from components.model_approval.settings import ApprovalSettings

BLESSED = (Blessing("Evaluator", True), Blessing("ServingCheck", True))
BROKEN = Finding("unique(id)", False, "error", "3 rows share an id.")
TOLD = Finding("mean(stars)", False, "warning", "The mean is 4.9.")


def verdict(*findings: Finding, waivers: Sequence[Waiver] = ()) -> Verdict:
    return judge(Verdict("DataQualityGate", "the data", "quality", findings), waivers, datetime.date(2026, 1, 1))


def evidence(
    *verdicts: Verdict | None,
    blessings: tuple[Blessing, ...] = BLESSED,
    changes: Sequence[Mapping[str, Any]] | None = None,
) -> Evidence:
    named = {item.gate if item else "Missing": item for item in verdicts}
    return Evidence("d" * 64, blessings, named, changes, {})


def change(value: float | None, low: float | None = None, high: float | None = None, **where: str) -> dict[str, Any]:
    return {"slice": where, "changes": {"accuracy": {"value": value, "low": low, "high": high}}}


def asked(settings: ApprovalSettings, *changes: dict[str, Any], told: tuple[Verdict, ...] = ()) -> list[str]:
    return reasons_to_ask(evidence(*told, changes=changes or None), settings)


STRICT = ApprovalSettings("conditional", {"accuracy": 0.01})


def test_a_model_that_every_gate_passed_may_be_approved() -> None:
    assert refusals(evidence(verdict(TOLD))) == []


def test_nobody_may_approve_what_a_gate_refused() -> None:
    blessings = (Blessing("Evaluator", False, ("accuracy is 0.1.",)), Blessing("ServingCheck", True))
    assert refusals(evidence(verdict(BROKEN), blessings=blessings)) == [
        "Evaluator did not bless the model: accuracy is 0.1.",
        verdict(BROKEN).refusal(),
    ]


def test_an_answer_that_is_missing_refuses() -> None:
    blessings = (Blessing("Evaluator", None), Blessing("ServingCheck", True))
    assert refusals(evidence(None, blessings=blessings)) == [
        "There is no blessing of Evaluator.",
        "Missing left no verdict.",
    ]


def test_auto_asks_nobody_and_required_always_asks() -> None:
    assert asked(ApprovalSettings("auto"), told=(verdict(TOLD),)) == []
    assert asked(ApprovalSettings("required")) == ["every model needs a person's approval (approval.mode is required)"]


def test_a_drop_beyond_the_bound_asks() -> None:
    assert asked(STRICT, change(-0.01)) == []
    assert asked(STRICT, change(-0.02)) == [
        "accuracy is 0.02 worse than the last blessed model's on all rows; approval.max_drop allows 0.01"
    ]


def test_a_drop_on_a_slice_asks_only_beyond_chance() -> None:
    small = change(-0.2, -0.5, 0.1, category="Games")
    certain = change(-0.2, -0.3, -0.1, category="Games")
    assert asked(STRICT, change(0.0), small) == []
    assert asked(STRICT, change(0.0), certain) == [
        "accuracy is 0.2 worse than the last blessed model's on category = Games; approval.max_drop allows 0.01"
    ]


def test_where_lower_is_better_a_rise_is_the_drop() -> None:
    settings = ApprovalSettings("conditional", {"cross_entropy": 0.1})
    rise = {"slice": {}, "changes": {"cross_entropy": {"value": 0.2, "low": 0.1, "high": 0.3}}}
    fall = {"slice": {}, "changes": {"cross_entropy": {"value": -0.2, "low": -0.3, "high": -0.1}}}
    assert len(asked(settings, rise)) == 1
    assert asked(settings, fall) == []


def test_a_rule_that_cannot_be_checked_asks() -> None:
    assert asked(STRICT) == ["there is no blessed model to compare with, so approval.max_drop could not be checked"]
    assert asked(STRICT, change(None)) == ["accuracy could not be compared with the last blessed model's"]


def test_warnings_and_waivers_ask_unless_that_is_switched_off() -> None:
    waived = verdict(BROKEN, waivers=[Waiver("unique(id)", "known", datetime.date(2030, 1, 1))])
    both = Verdict("Gate", "the data", "quality", (*verdict(TOLD).findings, *waived.findings))
    settings = ApprovalSettings("conditional")
    assert asked(settings, told=(both,)) == [
        "Gate warns: mean(stars): The mean is 4.9.",
        "Gate: unique(id) is waived (known)",
    ]
    assert asked(ApprovalSettings("conditional", ask_on_warnings=False), told=(both,)) == []


def test_a_flagged_slice_asks_unless_that_is_switched_off() -> None:
    harm = {"metric": "accuracy", "deficit": 0.25, "amount": 30.0, "is_certain": True}
    flagged = [{"slice": {"category": "Games"}, "rows": 120, "harm": harm}]
    found = Evidence("d" * 64, BLESSED, {}, None, {}, flagged)
    assert reasons_to_ask(found, ApprovalSettings("conditional")) == [
        "category = Games (120 rows) is 0.25 worse in accuracy than all rows"
    ]
    assert reasons_to_ask(found, ApprovalSettings("conditional", ask_on_flagged_slices=False)) == []
    assert reasons_to_ask(found, ApprovalSettings("auto")) == []
