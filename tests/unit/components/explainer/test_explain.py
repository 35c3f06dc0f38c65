"""What is made of attributions: rows to show, agreement of rankings, values as text, and numbers that are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from components.errors import ComponentError
from components.explainer.attributed import Attributed
from components.explainer.explain import _check_finite, _shown, _text, rank_agreement
from components.explainer.rows import Choice


def test_half_of_the_rows_shown_are_the_worst_and_none_is_shown_twice():
    choice = Choice(np.array([5, 1, 2, 3, 4]), np.array([1, 9, 2]))
    assert _shown(choice, 4) == [1, 9, 5, 2]
    assert _shown(choice, 1) == [1]
    assert _shown(choice, 0) == []


def test_without_wrong_rows_drawn_ones_are_shown():
    assert _shown(Choice(np.array([5, 1, 2]), np.array([], np.int64)), 2) == [5, 1]


def test_agreement_is_one_for_equal_rankings_and_minus_one_for_turned_ones():
    assert rank_agreement(np.array([3.0, 2.0, 0.1]), np.array([90.0, 5.0, 1.0])) == pytest.approx(1.0)
    assert rank_agreement(np.array([3.0, 2.0, 0.1]), np.array([1.0, 5.0, 90.0])) == pytest.approx(-1.0)


@pytest.mark.parametrize(("one", "other"), [([1.0], [2.0]), ([1.0, 1.0], [2.0, 1.0]), ([1.0, 2.0], [0.0, 0.0])])
def test_what_ranks_nothing_agrees_with_nothing(one, other):
    assert rank_agreement(np.array(one), np.array(other)) is None


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=9, unique=True), st.data())
def test_agreement_is_the_correlation_of_places(one, data):
    other = data.draw(st.permutations(one))
    places = [stats.rankdata(values) for values in (one, other)]
    expected = np.corrcoef(*places)[0, 1]
    assert rank_agreement(np.array(one, float), np.array(other, float)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (b"", None),
        (float("nan"), None),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (12345678, "12345678"),
        (0.25, "0.25"),
        (b"x" * 300, "x" * 200 + "…"),
    ],
)
def test_values_are_shown_as_text_and_missing_ones_are_not(value, text):
    assert _text(value) == text


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_model_whose_answers_are_no_numbers_is_told_with_the_rows(bad):
    good = np.zeros(3)
    with pytest.raises(ComponentError, match=r"1 of 3 explained rows.*learning_rate"):
        _check_finite(Attributed(("a",), np.array([[0.0], [bad], [1.0]]), good, good, good.astype(np.int64), {}))
