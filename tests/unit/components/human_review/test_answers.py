from components.human_review.answers import ANSWERED, ASKED, PUBLISHED, WITHDRAWN, origin_entry, read_answers
from components.human_review.queue import Origin
from components.ledger.ledger import Entry

ORIGIN = Origin("stars", ("1", "5"), {"stars": "int64"}, {}, 0)


def entries(*items):
    return [
        Entry(number, "2026-01-01T00:00:00Z", kind, content, "hash") for number, (kind, content) in enumerate(items, 1)
    ]


def answered(*labels, by="ann"):
    answers = [{"row": row, "label": label, "given": "1", "predicted": "5", "note": ""} for row, label in labels]
    return ANSWERED, {"run": "first", "by": by, "via": "terminal", "asked": 1, "answers": answers}


ASK = (ASKED, {"run": "first", "origin": ORIGIN.to_json()})


def published(rows, span=2):
    return PUBLISHED, {"rows": rows, "span": span}


def test_the_newest_answer_to_a_row_holds():
    found = read_answers(entries(ASK, answered(("a", "1"), ("b", "1")), answered(("a", "5"), by="bob")))
    assert {row: (answer.label, answer.by) for row, answer in found.standing.items()} == {
        "a": ("5", "bob"),
        "b": ("1", "ann"),
    }
    assert found.origins == {1: ORIGIN}


def test_an_answer_that_was_withdrawn_does_not_hold():
    found = read_answers(entries(ASK, answered(("a", "1")), (WITHDRAWN, {"rows": ["a", "never answered"]})))
    assert found.standing == {}


def test_what_a_span_holds_is_not_published_again_unless_it_was_answered_anew():
    history = [ASK, answered(("a", "1"), ("b", "1")), published({"a": 2})]
    assert [answer.row for answer in read_answers(entries(*history)).unpublished()] == ["b"]
    history.append(answered(("a", "5")))
    assert [answer.row for answer in read_answers(entries(*history)).unpublished()] == ["b", "a"]


def test_a_file_of_its_own_is_no_span():
    found = read_answers(entries(ASK, answered(("a", "1")), published({"a": 2}, span=None)))
    assert found.unpublished() == []
    assert [answer.row for answer in found.outside_spans()] == ["a"]


def test_an_answer_corrects_where_it_differs_from_the_data():
    found = read_answers(entries(ASK, answered(("a", "1"), ("b", "5")))).standing
    assert (found["a"].corrects, found["b"].corrects) == (False, True)


def test_the_newest_origin_of_a_run_counts():
    history = entries(ASK, (ASKED, {"run": "other", "origin": {}}), ASK)
    assert origin_entry(history, "first").number == 3
    assert origin_entry(history, "none") is None
