import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.human_review.questions import label_texts, questions_of
from components.human_review.queue import LeastConfident, Origin, Question, Queue

ORIGIN = Origin("stars", ("1", "5"), {"text": "string", "price": "float32", "stars": "int64"}, {"format": "tsv"}, 3)


def question(row, confidence=0.5, given=None):
    return Question(row, {"text": "x", "price": None}, "5", confidence, (("5", confidence),), given)


@given(st.permutations([0.9, 0.2, 0.5, 0.7, 0.3, 0.4, 0.8]), st.integers(1, 9))
def test_the_least_confident_are_kept_in_whatever_order_they_come(confidences, at_most):
    lowest = LeastConfident(at_most)
    for confidence in confidences:
        lowest.add([question(f"r{confidence}", confidence)])
    expected = sorted(confidences)[:at_most]
    assert [kept.confidence for kept in lowest.lowest()] == expected


def test_a_row_that_comes_again_is_asked_once():
    lowest = LeastConfident(5)
    lowest.add([question("a", given="1"), question("a", given="5"), question("b")])
    assert [kept.row for kept in lowest.lowest()] == ["a", "b"]


def test_equal_confidences_stand_in_the_order_of_their_ids():
    lowest = LeastConfident(2)
    lowest.add([question("c"), question("a"), question("b")])
    assert [kept.row for kept in lowest.lowest()] == ["a", "b"]


def test_a_queue_survives_json():
    queue = Queue(ORIGIN, 0.9, 10, 2, 1, (question("a", given="1"),), ("one remark",))
    assert Queue.from_json(json.loads(json.dumps(queue.to_json()))) == queue


def test_another_format_is_refused():
    document = Queue(ORIGIN, 0.9, 0, 0, 0, ()).to_json()
    with pytest.raises(ValueError, match="format 2"):
        Queue.from_json({**document, "format": 2})


def test_a_question_holds_values_as_people_write_them_and_the_given_class():
    columns = {
        "text": pa.array([b"fine"]),
        "price": pa.array([1.1], pa.float32()),
        "stars": pa.array([5], pa.int64()),
    }
    (found,) = questions_of(columns, np.array([[0.75, 0.25]]), ORIGIN)
    assert found.columns == {"text": "fine", "price": 1.1}
    assert (found.predicted, found.confidence, found.given) == ("1", 0.75, "5")
    assert found.scores == (("1", 0.75), ("5", 0.25))


def test_a_label_is_called_as_its_class_is():
    assert label_texts({"y": pa.array([5.0, 2.5, None])}, "y") == ["5", "2.5", None]
    assert label_texts({"y": pa.array([[b"yes"], []], pa.list_(pa.binary()))}, "y") == ["yes", None]
    assert label_texts({"y": pa.nulls(2)}, "y") == [None, None]
