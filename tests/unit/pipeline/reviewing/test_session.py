"""A sitting in which a person types lines."""

import pytest

from components.human_review.queue import Origin, Question, Queue
from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.reviewing.record import NewAnswer, ReviewRecord, open_questions
from pipeline.reviewing.session import Session, Terminal, row_lines

ORIGIN = Origin("Churned?", ("no", "yes"), {"plan": "string", "Churned?": "string"}, {}, 0)


@pytest.fixture
def record(tmp_path):
    (tmp_path / "p.yaml").write_text("pipeline: {name: churn}\ndata: {path: x.csv}\nlabel: {column: 'Churned?'}\n")
    return ReviewRecord(load_config(tmp_path / "p.yaml"))


def queue_of(count, origin=ORIGIN):
    questions = [
        Question(f"r{i}", {"plan": "pro"}, "yes", 0.6, (("yes", 0.6), ("no", 0.4)), "no") for i in range(count)
    ]
    return Queue(origin, 0.9, 10, count, 0, tuple(questions))


def sit(record, lines, count=3, origin=ORIGIN):
    shown, typed = [], iter(lines)
    queue = queue_of(count, origin)
    terminal = Terminal(lambda: next(typed, None), shown.append, 80)
    outcome = Session("first", queue, record, "ann", terminal).ask(open_questions(queue, record.answers()))
    return outcome, "\n".join(shown), {row: answer.label for row, answer in record.answers().standing.items()}


def test_classes_by_number_name_and_beginning(record):
    outcome, _, labels = sit(record, ["2", "no", "y"])
    assert labels == {"r0": "yes", "r1": "no", "r2": "yes"}
    assert (outcome.answered, outcome.skipped) == (3, 0)


def test_a_row_is_shown_with_what_model_and_data_say(record):
    _, shown, _ = sit(record, [])
    for part in ("row 1 of 3", "plan", "pro", "yes 0.60, no 0.40", "the data says  no", "[1] no", "[2] yes"):
        assert part in shown


def test_what_is_no_class_is_told_and_asked_again(record):
    _, shown, labels = sit(record, ["yess", "yes", "q"])
    assert "'yess' is no class. Did you mean 'yes'?" in shown
    assert labels == {"r0": "yes"}


def test_a_note_belongs_to_the_next_answer_only(record):
    sit(record, ["n he told me", "1", "1", "q"])
    assert [answer.note for answer in record.answers().in_order()] == ["he told me", ""]


def test_undo_takes_the_last_answer_back_and_asks_again(record):
    outcome, _, labels = sit(record, ["1", "2", "u", "1", "q"])
    assert labels == {"r0": "no", "r1": "no"}
    assert outcome.answered == 2
    kinds = [entry.kind for entry in record.ledger.entries()]
    assert kinds == ["asked", "answered", "answered", "withdrawn", "answered"]  # nothing is ever erased


def test_undo_goes_back_over_skips_and_not_before_the_beginning(record):
    outcome, shown, labels = sit(record, ["s", "1", "u", "u", "u", "2", "q"])
    assert "nothing to undo" in shown
    assert labels == {"r0": "yes"}
    assert (outcome.answered, outcome.skipped) == (1, 0)


def test_the_next_sitting_goes_on_with_what_is_open(record):
    sit(record, ["1", "q"])
    _, shown, labels = sit(record, ["2"])
    assert "row 1 of 2 · r1" in shown
    assert labels == {"r0": "no", "r1": "yes"}


def test_the_end_of_the_input_ends_the_sitting(record):
    assert not sit(record, [])[0].was_heard
    assert sit(record, ["1"])[0].was_heard


def test_classes_that_are_called_like_commands_are_classes(record):
    origin = Origin("y", ("q", "s"), {"plan": "string"}, {}, 0)
    _, _, labels = sit(record, ["q", "s", ":s", ":q"], origin=origin)
    assert labels == {"r0": "q", "r1": "s"}


def test_a_row_cannot_move_the_cursor(record):
    lines = row_lines(Question("r", {"x\x1b[2J": "a\x1b[31m\rb" * 3, "none": None}, "yes", 0.5, ()), 40)
    assert not any("\x1b" in line or "\r" in line for line in lines)
    assert not any("none" in line for line in lines)


def test_long_values_are_wrapped_and_cut(record):
    lines = row_lines(Question("r", {"text": "word " * 400}, "yes", 0.5, ()), 60)
    assert len(lines) == 13
    assert "more lines" in lines[-1]
    assert max(map(len, lines)) <= 60


def test_two_people_do_not_overwrite_each_other(record):
    queue = queue_of(1)
    record.add("first", queue, [NewAnswer(queue.questions[0], "yes")], by="bob", via="terminal")
    with pytest.raises(ConfigError, match="already 'yes' by bob"):
        record.add("first", queue, [NewAnswer(queue.questions[0], "no")], by="ann", via="terminal")
    record.add("first", queue, [NewAnswer(queue.questions[0], "no")], by="ann", via="terminal", replace=True)
    assert record.answers().standing["r0"].by == "ann"


def test_an_answer_has_an_author(record):
    queue = queue_of(1)
    with pytest.raises(ConfigError, match="--by is empty"):
        record.add("first", queue, [NewAnswer(queue.questions[0], "yes")], by=" ", via="terminal")
    assert record.ledger.entries() == []


def test_what_is_no_text_is_refused_and_nothing_is_recorded(record):
    queue = queue_of(1)
    for by, note in (("\udcff", ""), ("ann", "\udcff")):
        with pytest.raises(ConfigError, match="no text"):
            record.add("first", queue, [NewAnswer(queue.questions[0], "yes", note)], by=by, via="terminal")
    assert record.ledger.entries() == []
