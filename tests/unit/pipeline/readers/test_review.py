import json

import pytest

from components.human_review.queue import Origin, Question, Queue
from pipeline.errors import NotFound
from pipeline.readers.review import read_queue
from pipeline.report.review_parts import queue_sentence, review_view

QUESTION = Question("r1", {"text": "<b>", "gone": None}, "5", 0.614, (("5", 0.614), ("4", 0.3)), "4")
QUEUE = Queue(Origin("stars", ("4", "5"), {"text": "string"}, {}, 0), 0.9, 1824, 37, 2, (QUESTION,), ("a remark",))


def test_a_queue_comes_back_as_it_was_written(tmp_path):
    (tmp_path / "queue.json").write_text(json.dumps(QUEUE.to_json()))
    assert read_queue(tmp_path) == QUEUE


@pytest.mark.parametrize("text", ["{}", '{"format": 1}', '{"format": 2}', "not JSON"])
def test_what_is_no_queue_is_told(tmp_path, text):
    (tmp_path / "queue.json").write_text(text)
    with pytest.raises(NotFound, match=r"queue\.json"):
        read_queue(tmp_path)


def test_the_report_shows_the_least_confident_rows():
    shown = review_view(QUEUE)
    assert "37 of 1,824 evaluated rows have a confidence below 0.9, 2 of them answered before." in shown
    for part in ("r1", "0.614", "a remark", "&lt;b&gt;"):
        assert part in shown
    assert "gone" not in shown


def test_a_queue_of_a_number_says_that_no_row_was_looked_at():
    assert queue_sentence(Queue(QUEUE.origin, 0.9, 0, 0, 0, ())) == "No row was looked at."
