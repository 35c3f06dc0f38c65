"""The counts behind our metrics, against NumPy on all rows at once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.tally import ClassTally, ErrorTally

rows_of_classes = st.lists(
    st.tuples(st.integers(-1, 2), st.lists(st.floats(0.01, 1), min_size=3, max_size=3)), min_size=1, max_size=30
)
rows_of_numbers = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30)


def tallied(rows: list[tuple[int, list[float]]], split: int) -> ClassTally:
    first, second = ClassTally(), ClassTally()
    for index, (label, scores) in enumerate(rows):
        (first if index < split else second).add(label, np.array(scores))
    first.merge(second)
    return first


@given(rows_of_classes, st.integers(0, 30))
def test_parts_add_up_to_what_numpy_finds_on_the_whole(rows: list[tuple[int, list[float]]], split: int) -> None:
    labels, answers = np.array([row[0] for row in rows]), np.array([np.argmax(row[1]) for row in rows])
    values = tallied(rows, split).values()
    accuracy = np.mean(labels == answers)
    majority = max(np.mean(labels == label) for label in range(3))
    assert values["accuracy"] == pytest.approx(accuracy)
    assert values["majority_share"] == pytest.approx(majority)
    if majority < 1:
        assert values["skill"] == pytest.approx((accuracy - majority) / (1 - majority))
    else:
        assert math.isnan(values["skill"])
    given_to_truth = [max(scores[label], 1e-7) if label >= 0 else 1e-7 for label, scores in rows]
    assert values["cross_entropy"] == pytest.approx(-np.mean(np.log(given_to_truth)))
    f1 = []
    for label in range(3):
        hits = np.sum((labels == label) & (answers == label))
        if np.any(labels == label):
            f1.append(2 * hits / (np.sum(labels == label) + np.sum(answers == label)))
    assert values["macro_f1"] == pytest.approx(np.mean(f1)) if f1 else math.isnan(values["macro_f1"])


def test_a_label_that_the_model_does_not_know_counts_as_a_mistake() -> None:
    tally = ClassTally()
    tally.add(-1, np.array([0.2, 0.8]))
    tally.add(1, np.array([0.2, 0.8]))
    assert tally.values()["accuracy"] == 0.5


def test_one_score_is_the_probability_of_the_second_class() -> None:
    tally = ClassTally()
    tally.add(1, np.array([0.9]))
    tally.add(0, np.array([0.4]))
    tally.add(0, np.array([0.6]))
    assert tally.values()["accuracy"] == pytest.approx(2 / 3)
    assert tally.values()["cross_entropy"] == pytest.approx(-(math.log(0.9) + math.log(0.6) + math.log(0.4)) / 3)


def test_a_constant_answer_has_no_skill() -> None:
    tally = ClassTally()
    for label in (0, 0, 0, 1):
        tally.add(label, np.array([0.75, 0.25]))
    assert tally.values()["skill"] == 0.0


def test_a_probability_that_is_not_a_number_does_not_pass_for_one() -> None:
    tally = ClassTally()
    tally.add(0, np.array([math.nan, math.nan]))
    assert math.isnan(tally.values()["cross_entropy"])


@pytest.mark.parametrize("tally", [ClassTally(), ErrorTally()])
def test_no_rows_give_no_numbers(tally: ClassTally | ErrorTally) -> None:
    assert all(math.isnan(value) for value in tally.values().values())


@given(rows_of_numbers, st.integers(0, 30))
def test_errors_add_up_to_what_numpy_finds_on_the_whole(rows: list[tuple[float, float]], split: int) -> None:
    first, second = ErrorTally(), ErrorTally()
    for index, (label, prediction) in enumerate(rows):
        (first if index < split else second).add(label, prediction)
    first.merge(second)
    labels, predictions = np.array(rows).T
    values = first.values()
    mean_square = np.mean((labels - predictions) ** 2)
    assert values["root_mean_squared_error"] == pytest.approx(math.sqrt(mean_square))
    variance = np.var(labels)
    if variance > 1e-6:
        assert values["r2"] == pytest.approx(1 - mean_square / variance, rel=1e-6, abs=1e-6)


def test_large_labels_with_a_small_spread_keep_their_digits() -> None:
    tally = ErrorTally()
    for label in (1e9, 1e9 + 1, 1e9 + 2):
        tally.add(label, 1e9 + 1)
    # The predictions are the mean, so nothing is explained.
    assert tally.values()["r2"] == pytest.approx(0.0, abs=1e-6)
