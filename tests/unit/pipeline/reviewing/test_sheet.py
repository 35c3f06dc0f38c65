"""The queue as a file that people fill in, and everything that can be wrong with it when it comes back."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.human_review.answers import Answer
from components.human_review.queue import Origin, Question, Queue
from pipeline.errors import ConfigError
from pipeline.reviewing.sheet import OWN, cell_of, column_names, dump_sheet, read_sheet

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.none() | TEXT | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False, width=32)


def queue_of(*rows, classes=("negative", "positive")):
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["text"]
    origin = Origin("y", tuple(classes), {**dict.fromkeys(names, "string"), "y": "string"}, {}, 0)
    questions = [
        Question(f"r{i:03}", row, classes[0], 0.6, ((classes[0], 0.6),), classes[1]) for i, row in enumerate(rows)
    ]
    return Queue(origin, 0.9, 100, len(rows), 0, tuple(questions))


def table(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def written(rows, **dialect):
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows(rows)
    return out.getvalue()


def back(folder, text, queue, standing=None, *, replace=False, encoding="utf-8"):
    path = folder / "sheet.csv"
    path.write_bytes(text.encode(encoding))
    return read_sheet(path, queue, standing or {}, replace=replace)


def filled(queue, labels):
    """The exported sheet with labels put in, as a list of lines."""
    rows = table(dump_sheet(queue, queue.questions))
    for row, label in zip(rows[1:], labels, strict=True):
        row[1] = label
    return rows


def problems(folder, text, queue, standing=None):
    with pytest.raises(ConfigError) as refused:
        back(folder, text, queue, standing)
    assert refused.value.problems[-1].startswith("Nothing was recorded")
    return [problem.partition("sheet.csv:")[2] for problem in refused.value.problems[:-1]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries({"text": VALUES, "row": VALUES, "a,b": VALUES}), min_size=1, max_size=4))
def test_a_sheet_comes_back_with_every_value_whatever_it_holds(tmp_path_factory, rows):
    queue = queue_of(*rows)
    found = back(tmp_path_factory.mktemp("sheet"), written(filled(queue, ["positive"] * len(rows))), queue)
    assert [answer.question for answer in found.answers] == list(queue.questions)
    lines = table(dump_sheet(queue, queue.questions))
    for row, line in zip(rows, lines[1:], strict=True):
        assert line[len(OWN) :] == [cell_of(row[name]) for name in column_names(queue)]


def test_awkward_text_stands_in_the_sheet_as_it_is():
    text = 'comma, "quote"\r\nnew line\tünïcode 失望 007'
    lines = table(dump_sheet(queue_of({"text": text}), queue_of({"text": text}).questions))
    assert lines[1][-1] == text


def test_no_text_becomes_a_formula():
    for text in ("=1+1", "+1", "-1", "@x"):
        assert cell_of(text) == f"'{text}"
    assert cell_of(-1) == "-1"
    assert cell_of(None) == ""
    assert cell_of(["a", "ü"]) == '["a", "ü"]'


def test_a_long_text_comes_back(tmp_path):
    queue = queue_of({"text": "long " * 100_000})
    sheet = dump_sheet(queue, queue.questions).replace("r000,,", "r000,positive,")
    assert len(back(tmp_path, sheet, queue).answers) == 1


def test_columns_of_the_data_never_clash_with_ours():
    names = column_names(queue_of({"row": 1, "label": 2, "data.row": 3}))
    assert names == {"row": "data.row", "label": "data.label", "data.row": "data.data.row"}
    assert len({*OWN, *names.values()}) == len(OWN) + 3


def test_labels_notes_and_rows_left_open(tmp_path):
    queue = queue_of({"text": "a"}, {"text": "b"}, {"text": "c"})
    rows = filled(queue, ["positive", "", "negative"])
    rows[1][2] = " told me "
    found = back(tmp_path, written(rows), queue)
    assert [(answer.question.row, answer.label, answer.note) for answer in found.answers] == [
        ("r000", "positive", "told me"),
        ("r002", "negative", ""),
    ]
    assert (found.empty, found.unchanged) == (1, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_make_of_a_file_is_read(tmp_path, delimiter):
    queue = queue_of({"text": "line\r\nbreak", "n": 1.5}, classes=("1", "2"))
    rows = filled(queue, ["2.0"])
    rows[1] = [cell.replace("\r\n", "\n").replace("1.5", "1.50") for cell in rows[1]]
    text = written([row[:-1] if delimiter == "\t" else row for row in rows], delimiter=delimiter)
    found = back(tmp_path, text, queue, encoding="utf-8-sig")
    assert [answer.label for answer in found.answers] == ["2"]


def test_every_mistake_is_told_with_its_line_and_nothing_is_taken(tmp_path):
    queue = queue_of({"text": "two\nlines"}, {"text": "b"}, {"text": "c"}, {"text": "d"}, {"text": "e"})
    rows = filled(queue, ["positive", "postive", "", "negative", "negative"])
    rows[3][0] = "r999"
    rows[4][-1] = "changed"
    rows[5] = rows[1]
    rows.append(["r000"])
    found = problems(tmp_path, written(rows), queue)
    assert [problem.partition(":")[0] for problem in found] == ["4", "5", "6", "7", "9"]
    for problem, part in zip(
        found,
        [
            "'postive' is no class. Did you mean 'positive'? Classes are negative, positive",
            "row 'r999' is not in the queue",
            "text is 'changed', and was 'd'",
            "row 'r000' stands on line 2 already",
            "has 1 fields, the header has 7",
        ],
        strict=True,
    ):
        assert part in problem


def test_a_near_row_is_suggested(tmp_path):
    rows = filled(queue_of({"text": "a"}), ["positive"])
    rows[1][0] = "r0000"
    assert "Did you mean 'r000'?" in problems(tmp_path, written(rows), queue_of({"text": "a"}))[0]


def test_labels_that_slipped_by_a_line_are_found(tmp_path):
    queue = queue_of({"text": "a"}, {"text": "b"})
    rows = filled(queue, ["positive", "negative"])
    rows[1][0], rows[2][0] = rows[2][0], rows[1][0]
    assert len(problems(tmp_path, written(rows), queue)) == 2


def answer(label):
    return {"r000": Answer("r000", label, "positive", "negative", "", "bob", "2026-01-01", "first", 2, 1)}


def test_a_file_can_be_imported_again(tmp_path):
    queue = queue_of({"text": "a"}, {"text": "b"})
    found = back(tmp_path, written(filled(queue, ["positive", "negative"])), queue, answer("positive"))
    assert [item.question.row for item in found.answers] == ["r001"]
    assert found.unchanged == 1


def test_another_persons_answer_is_replaced_only_on_purpose(tmp_path):
    queue = queue_of({"text": "a"})
    text = written(filled(queue, ["negative"]))
    assert "already 'positive' by bob" in problems(tmp_path, text, queue, answer("positive"))[0]
    found = back(tmp_path, text, queue, answer("positive"), replace=True)
    assert [item.label for item in found.answers] == ["negative"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"id,label\n1,x\n", "no column 'row'"),
        (b"row,label,label\nr000,x,y\n", "'label' stands more than once"),
        (b"row,label\nr000,\xe9\n", "not UTF-8"),
        (b'row,label\nr000,"x\n', "not CSV"),
    ],
)
def test_what_is_no_sheet_is_told(tmp_path, content, said):
    (tmp_path / "sheet.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_sheet(tmp_path / "sheet.csv", queue_of({"text": "a"}), {}, replace=False)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read"):
        read_sheet(tmp_path / "none.csv", queue_of({"text": "a"}), {}, replace=False)


def test_only_rows_and_labels_are_needed(tmp_path):
    found = back(tmp_path, "label,row\npositive,r000\n", queue_of({"text": "a"}))
    assert [item.label for item in found.answers] == ["positive"]
