import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipeline.errors import NotFound
from pipeline.readers.documents import read_json, read_object, read_proto, read_text, size_bytes, split_names


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"absent\.json: cannot be read \(No such file"):
        read_json(tmp_path / "absent.json")


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(NotFound, match="Is a directory"):
        read_text(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2"])
def test_damaged_json_is_named(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(NotFound, match=r"x\.json: damaged, not a JSON document"):
        read_json(tmp_path / "x.json")


def test_a_list_is_no_object(tmp_path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(NotFound, match="expected a JSON object and found list"):
        read_object(tmp_path / "x.json")


def test_numbers_that_json_does_not_have_become_none(tmp_path):
    (tmp_path / "x.json").write_text('{"a": NaN, "b": [Infinity, -Infinity, 1.5]}')
    assert read_json(tmp_path / "x.json") == {"a": None, "b": [None, None, 1.5]}


def test_bytes_that_are_no_text_are_shown_escaped(tmp_path):
    (tmp_path / "x").write_bytes(b"a\xffb")
    assert read_text(tmp_path / "x") == "a\\xffb"


def test_a_damaged_proto_is_named_with_its_size(tmp_path):
    (tmp_path / "x.pb").write_bytes(b"\x0a\xff\x01")
    with pytest.raises(NotFound, match=r"x\.pb: damaged, its 3 bytes are no Anomalies"):
        read_proto(tmp_path / "x.pb", anomalies_pb2.Anomalies())


def test_splits_come_in_the_order_people_think_of_them(tmp_path):
    for name in ("zeta", "test", "alpha", "eval", "train"):
        (tmp_path / f"Split-{name}").mkdir()
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "Split-file").write_text("")
    assert split_names(tmp_path) == ["train", "eval", "test", "alpha", "zeta"]


def test_a_folder_that_is_gone_or_empty_is_said_so(tmp_path):
    with pytest.raises(NotFound, match="holds no split"):
        split_names(tmp_path)
    with pytest.raises(NotFound, match="folder is not there"):
        split_names(tmp_path / "gone")


def test_the_size_of_a_folder_counts_files_below_and_no_links(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_bytes(b"12345")
    (tmp_path / "y").write_bytes(b"123")
    (tmp_path / "link").symlink_to(tmp_path / "y")
    assert size_bytes(tmp_path) == 8
