"""Which models are blessed, and what is said about it."""

import json
import math
from typing import Any

import pytest

from components.evaluator.decision import Decision, Measured, decide
from components.evaluator.demands import Demands
from components.evaluator.settings import ChangeThreshold, Threshold


def demands(*bounds: Threshold | ChangeThreshold, smallest: int = 50) -> Demands:
    return Demands(
        metrics=("example_count", "accuracy"),
        thresholds=tuple(bound for bound in bounds if isinstance(bound, Threshold)),
        change_thresholds=tuple(bound for bound in bounds if isinstance(bound, ChangeThreshold)),
        slices=(("group",),),
        min_examples_per_slice=smallest,
    )


def measured(accuracy: float, examples: int = 100, **key: str) -> Measured:
    return Measured(tuple(sorted(key.items())), {"example_count": examples, "accuracy": accuracy})


def decided(
    asked: Demands,
    candidate: list[Measured],
    baseline: list[Measured] | None = None,
    tfma_passed: bool | None = True,
    **more: Any,
) -> Decision:
    return decide(asked, candidate, baseline, "models/7" if baseline else None, tfma_passed, **more)


ALL_ROWS = Threshold("accuracy", lower=0.5)


@pytest.mark.parametrize(("accuracy", "blessed"), [(0.5, True), (0.49999, False), (math.nan, False)])
def test_a_lower_bound_includes_itself_and_nothing_that_is_not_a_number(accuracy: float, blessed: bool) -> None:
    assert decided(demands(ALL_ROWS), [measured(accuracy)]).blessed is blessed


@pytest.mark.parametrize(("accuracy", "blessed"), [(0.9, True), (0.90001, False)])
def test_an_upper_bound_includes_itself(accuracy: float, blessed: bool) -> None:
    assert decided(demands(Threshold("accuracy", upper=0.9)), [measured(accuracy)]).blessed is blessed


def test_a_failure_is_told_with_metric_value_bound_and_rows() -> None:
    decision = decided(demands(ALL_ROWS), [measured(0.25)])
    assert decision.reasons[0] == "accuracy is 0.25 on all rows; at least 0.5 is asked for."
    assert decided(demands(ALL_ROWS), [measured(math.nan)]).reasons[0] == (
        "accuracy could not be measured on all rows (100 rows)."
    )


def test_a_first_run_is_blessed_by_values_alone_and_says_so() -> None:
    decision = decided(demands(ALL_ROWS, ChangeThreshold("accuracy", absolute=-0.01)), [measured(0.8)])
    assert decision.blessed
    assert (
        "There is no blessed model yet to compare with, so the change thresholds were not checked." in decision.reasons
    )
    assert decision.to_json()["baseline_model"] is None


def test_with_neither_values_nor_a_baseline_nothing_was_checked_and_nothing_is_blessed() -> None:
    decision = decided(demands(ChangeThreshold("accuracy", absolute=-0.01)), [measured(0.99)], tfma_passed=None)
    assert not decision.blessed
    assert "nothing was checked" in decision.reasons[0]


def test_no_thresholds_bless_nothing() -> None:
    decision = decided(demands(), [measured(0.99)], tfma_passed=None)
    assert not decision.blessed
    assert decision.reasons[0].startswith("No thresholds")


@pytest.mark.parametrize(
    ("bound", "before", "now", "blessed"),
    [
        (ChangeThreshold("accuracy", absolute=-0.1), 0.5, 0.4375, True),
        (ChangeThreshold("accuracy", absolute=-0.0625), 0.5, 0.4375, True),
        (ChangeThreshold("accuracy", absolute=-0.0625), 0.5, 0.375, False),
        (ChangeThreshold("accuracy", absolute=0.0625), 0.5, 0.5, False),
        (ChangeThreshold("accuracy", relative=-0.25), 0.5, 0.375, True),
        (ChangeThreshold("accuracy", relative=-0.25), 0.5, 0.25, False),
        (ChangeThreshold("accuracy", relative=-0.25), 0.0, 0.5, False),
        (ChangeThreshold("accuracy", relative=-0.25), -0.5, -0.25, True),
        (ChangeThreshold("accuracy", absolute=0.0625, direction="lower_is_better"), 0.5, 0.5625, True),
        (ChangeThreshold("accuracy", absolute=0.0625, direction="lower_is_better"), 0.5, 0.625, False),
        (ChangeThreshold("accuracy", absolute=-1.0), math.nan, 0.5, False),
    ],
)
def test_a_change_is_held_to_its_bound(bound: ChangeThreshold, before: float, now: float, blessed: bool) -> None:
    assert decided(demands(bound), [measured(now)], [measured(before)]).blessed is blessed


def test_a_slice_below_its_bound_refuses_the_model_unless_it_is_too_small() -> None:
    asked = demands(Threshold("accuracy", lower=0.5, slice="group"))
    slices = [measured(0.9), measured(0.9, group="a"), measured(0.1, examples=49, group="b")]
    decision = decided(asked, slices)
    assert decision.blessed
    assert "Too small to decide, below 50 rows: group = b (49)." in decision.reasons
    assert [item["too_small"] for item in decision.to_json()["slices"]] == [False, True]
    refused = decided(asked, [*slices, measured(0.1, examples=50, group="c")])
    assert not refused.blessed
    assert refused.reasons[0] == "accuracy is 0.1 on group = c; at least 0.5 is asked for."


def test_a_bound_on_every_slice_is_checked_on_crossed_slices_too_but_not_on_all_rows() -> None:
    asked = demands(Threshold("accuracy", lower=0.5, slice="*"))
    slices = [measured(0.1), measured(0.9, group="a"), measured(0.9, group="a", size="l")]
    assert [check.slice for check in decided(asked, slices).checks] == ["group = a", "group = a and size = l"]


def test_a_slice_that_was_asked_for_and_not_measured_refuses_the_model() -> None:
    decision = decided(demands(Threshold("accuracy", lower=0.5, slice="size")), [measured(0.9)])
    assert not decision.blessed
    assert "could not be measured on size = any value" in decision.reasons[0]


def test_only_slices_that_are_too_small_bless_nothing() -> None:
    asked = demands(Threshold("accuracy", lower=0.5, slice="group"))
    decision = decided(asked, [measured(0.9), measured(0.9, examples=3, group="a")])
    assert not decision.blessed
    assert "too small, so nothing was checked" in decision.reasons[0]


@pytest.mark.parametrize("candidate", [[], [measured(0.9, examples=0)]])
def test_no_rows_bless_nothing(candidate: list[Measured]) -> None:
    decision = decided(demands(Threshold("accuracy", lower=0.0)), candidate)
    assert not decision.blessed
    assert decision.reasons[0].startswith("No rows were evaluated")


@pytest.mark.parametrize(("examples", "blessed"), [(2, False), (49, False), (50, True)])
def test_too_few_rows_altogether_bless_nothing_however_good_they_look(examples: int, blessed: bool) -> None:
    decision = decided(demands(ALL_ROWS), [measured(1.0, examples=examples)])
    assert decision.blessed is blessed
    words = [f"Only {examples} rows", "fewer than 50", "evaluation.min_examples_per_slice"]
    assert blessed or all(word in decision.reasons[0] for word in words)


def test_a_refusal_by_tfma_is_not_overruled() -> None:
    decision = decided(demands(ALL_ROWS), [measured(0.9)], tfma_passed=False)
    assert not decision.blessed
    assert "TFMA's own validation did not pass" in decision.reasons[0]


def test_a_baseline_that_was_left_out_is_named_with_the_reason() -> None:
    decision = decided(demands(ALL_ROWS), [measured(0.9)], obstacle="it predicts 'stars'")
    assert "The last blessed model cannot be compared with: it predicts 'stars'" in " ".join(decision.reasons)


def test_the_decision_is_plain_json_without_nan() -> None:
    decision = decided(demands(ALL_ROWS), [measured(math.nan), measured(0.5, group="a")])
    document = json.loads(json.dumps(decision.to_json(), allow_nan=False))
    assert document["metrics"] == {"example_count": 100, "accuracy": None}
    assert document["slices"] == [
        {
            "slice": {"group": "a"},
            "examples": 100,
            "metrics": {"example_count": 100, "accuracy": 0.5},
            "too_small": False,
        }
    ]
