"""Which earlier span a run's data is compared with."""

from typing import Any

import pytest

pytest.importorskip("ml_metadata")


def examples(number: int, span: int | None) -> Any:
    from tfx.types import standard_artifacts

    made = standard_artifacts.Examples()
    made.id = number
    if span is not None:
        made.span = span
    return made


def summary(number: int, span: int) -> Any:
    from components.distribution_validator.artifact import DistributionSummary

    made = DistributionSummary()
    made.id, made.span = number, span
    return made


def resolved(current: list[Any], earlier: list[Any]) -> list[int]:
    """The ids of what the current examples are compared with."""
    from components.gate.previous_span import PreviousSpanStrategy

    found = PreviousSpanStrategy().resolve_artifacts(None, {"current": current, "earlier": earlier})
    assert found is not None
    assert set(found) == {"current", "earlier"}
    return [artifact.id for artifact in found["earlier"]]


def test_the_largest_smaller_span_is_taken_and_of_that_the_newest() -> None:
    earlier = [summary(1, 1), summary(2, 2), summary(3, 2), summary(4, 3), summary(5, 4)]
    assert resolved([examples(10, 3)], earlier) == [3]


def test_the_newest_examples_are_the_current_ones() -> None:
    assert resolved([examples(10, 2), examples(11, 5), examples(9, 1)], [summary(1, 1), summary(2, 4)]) == [2]


@pytest.mark.parametrize(("span", "earlier"), [(1, [(1, 1)]), (1, [(1, 2)]), (3, [(1, -1)]), (None, [(1, 1)]), (2, [])])
def test_without_an_earlier_span_nothing_is_compared_with(span: int | None, earlier: list[tuple[int, int]]) -> None:
    assert resolved([examples(10, span)], [summary(*item) for item in earlier]) == []


def test_without_examples_nothing_is_compared_with() -> None:
    assert resolved([], [summary(1, 1)]) == []
