import gzip
import json
import struct

import pytest

from components.arrow_example_gen.tfrecord import frame
from pipeline.errors import NotFound
from pipeline.readers.examples import read_examples, read_rows

PROPERTIES = {
    "rows_in": 12,
    "rows_quarantined": 2,
    "rows_train": 7,
    "rows_eval": 3,
    "span": 4,
    "input_fingerprint": "split:all,num_files:1,total_bytes:123,xor_checksum:9,sum_checksum:9",
    "column_types": '{"name": "string", "votes": "int64"}',
}


def field(number, wire, payload):
    """One protobuf field by hand: tf.Example's own classes are TensorFlow's."""
    length = bytes([len(payload)]) if wire == 2 else b""
    return bytes([number << 3 | wire]) + length + payload


def example(name, votes):
    """A tf.Example of a bytes feature `name` and an int64 feature `votes`, each with these values."""
    strings = field(1, 2, b"".join(field(1, 2, value) for value in name))
    numbers = field(3, 2, field(1, 2, bytes(votes)))
    entries = [field(1, 2, b"name") + field(2, 2, strings), field(1, 2, b"votes") + field(2, 2, numbers)]
    return field(1, 2, b"".join(field(1, 2, entry) for entry in entries))


@pytest.fixture
def folder(tmp_path):
    rows = [example([b"an\xff"], [5]), example([], [6, 7]), example([b"<b>"], [8])]
    for split, records in (("train", rows), ("eval", rows[:1])):
        (tmp_path / f"Split-{split}").mkdir()
        (tmp_path / f"Split-{split}" / "data-00000-of-00001.gz").write_bytes(gzip.compress(frame(records)))
    return tmp_path


def test_counts_come_from_the_node_itself(folder):
    found = read_examples(folder, PROPERTIES)
    assert found.rows == {"train": 7, "eval": 3}
    assert (found.rows_in, found.rows_quarantined, found.span, found.version) == (12, 2, 4, None)
    assert found.fingerprint["num_files"] == "1"
    assert found.column_types == {"name": "string", "votes": "int64"}
    assert found.size_bytes["train"] == (folder / "Split-train" / "data-00000-of-00001.gz").stat().st_size


def test_examples_of_another_example_gen_have_no_counts(folder):
    found = read_examples(folder, {})
    assert (dict(found.rows), found.rows_in, found.rows_quarantined, found.span) == ({}, None, 0, None)
    assert (dict(found.fingerprint), dict(found.column_types)) == ({}, {})


def test_rows_are_decoded_without_tensorflow(folder):
    assert read_rows(folder, "train", 2) == [
        {"name": ["an\\xff"], "votes": [5]},
        {"name": [], "votes": [6, 7]},
    ]
    assert read_rows(folder, "train", 100)[2] == {"name": ["<b>"], "votes": [8]}
    assert read_rows(folder, "train", 0) == []


def test_a_split_that_is_not_there_is_named_with_those_that_are(folder):
    with pytest.raises(NotFound, match="no split 'test'; there are train, eval"):
        read_rows(folder, "test", 1)


def test_damaged_rows_are_said_so(folder):
    path = folder / "Split-train" / "data-00000-of-00001.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(NotFound, match="damaged or cut short"):
        read_rows(folder, "train", 100)
    path.write_bytes(gzip.compress(struct.pack("<QI", 3, 1) + b"abcd"))
    with pytest.raises(NotFound, match="damaged or cut short"):
        read_rows(folder, "train", 100)
    path.write_bytes(gzip.compress(frame([b"no example"])))
    with pytest.raises(NotFound, match=r"something else than tf\.Examples"):
        read_rows(folder, "train", 100)


def test_rows_that_were_set_aside_say_where_and_why(folder):
    (folder / "quarantine").mkdir()
    row = {"file": "/in.csv", "line": 12, "column": "votes", "reason": "no number", "raw": "<script>,x"}
    lines = [json.dumps(row), json.dumps({**row, "line": 13, "column": None})]
    (folder / "quarantine" / "rows.jsonl").write_text("\n".join(lines) + "\n")
    first, second = read_examples(folder, PROPERTIES).quarantined
    assert (first.file, first.place, first.column, first.reason) == ("/in.csv", "line 12", "votes", "no number")
    assert first.raw == "<script>,x"
    assert second.column is None


def test_a_damaged_quarantine_is_said_so(folder):
    (folder / "quarantine").mkdir()
    (folder / "quarantine" / "rows.jsonl").write_text('{"file": "x"}\n')
    with pytest.raises(NotFound, match="not lines of quarantined rows"):
        read_examples(folder, PROPERTIES)


def test_a_folder_that_is_gone_is_said_so(folder):
    with pytest.raises(NotFound, match="folder is not there"):
        read_examples(folder / "gone", PROPERTIES)
