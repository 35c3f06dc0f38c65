"""Weights by class: by hand, and what holds for any counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabular_text.class_weights import balanced_weights, parse_weights, weights_document, weights_path

COUNTS = st.lists(st.integers(1, 10**6), min_size=1, max_size=20)


def test_balanced_classes_weigh_the_same_in_total() -> None:
    assert balanced_weights([6, 2, 0, 1]) == pytest.approx([9 / (3 * 6), 9 / (3 * 2), 0.0, 9 / (3 * 1)])


def test_a_target_raises_a_rare_class_to_its_share_of_the_most_frequent() -> None:
    # The rare class counts as 0.5 * 90 = 45 rows, so by 4.5; 100 rows over 90 + 45.
    assert balanced_weights([90, 10], target=0.5) == pytest.approx([100 / 135, 4.5 * 100 / 135])


def test_a_class_that_is_frequent_enough_is_left_alone() -> None:
    assert balanced_weights([60, 40], target=0.5) == [1.0, 1.0]


def test_no_row_is_raised_beyond_the_factor() -> None:
    # 99 : 1 would need 99; with 10 the rows count as 99 + 10.
    assert balanced_weights([99, 1], max_factor=10.0) == pytest.approx([100 / 109, 10 * 100 / 109])


def test_no_rows_weigh_nothing() -> None:
    assert balanced_weights([0, 0]) == [0.0, 0.0]


@given(COUNTS, st.floats(0.01, 1.0), st.floats(1.0, 100.0))
def test_the_weights_of_all_rows_sum_to_the_number_of_rows(counts, target, max_factor) -> None:
    weights = balanced_weights(counts, target, max_factor)
    assert sum(weight * count for weight, count in zip(weights, counts, strict=True)) == pytest.approx(sum(counts))
    assert max(weights) <= min(weights) * max_factor * (1 + 1e-9)


@given(COUNTS, st.floats(0.01, 1.0))
def test_the_lightest_class_reaches_the_target(counts, target) -> None:
    totals = [weight * count for weight, count in zip(balanced_weights(counts, target), counts, strict=True)]
    assert min(totals) >= target * max(totals) * (1 - 1e-9)


def test_weights_come_back_as_they_were_written() -> None:
    assert parse_weights(weights_document([0.1, 3.0])) == (0.1, 3.0)


def test_weights_stand_beside_the_splits_of_a_remote_artifact_too() -> None:
    assert weights_path("s3://bucket/examples/7/Split-train/*") == "s3://bucket/examples/7/class_weights.json"
