import numpy as np
import pytest

from components.human_review.confidence import confidences, top_classes


def test_confidence_is_the_largest_probability():
    scores = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    assert confidences(scores).tolist() == [0.5, 0.8]


@pytest.mark.parametrize(("positive", "expected"), [(0.3, 0.7), (0.5, 0.5), (0.95, 0.95), (0.0, 1.0)])
def test_of_two_classes_it_is_the_larger_of_p_and_its_complement(positive, expected):
    assert confidences(np.array([[1 - positive, positive]]))[0] == pytest.approx(expected)


def test_no_row_has_no_confidence():
    assert confidences(np.empty((0, 3))).tolist() == []


def test_the_most_probable_classes_come_first_and_ties_in_the_order_of_the_classes():
    found = top_classes(np.array([0.25, 0.125, 0.25, 0.375]), ["a", "b", "c", "d"], at_most=3)
    assert found == (("d", 0.375), ("a", 0.25), ("c", 0.25))
