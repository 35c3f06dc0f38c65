import json
import multiprocessing
import os
import time

import pytest

from pipeline.caching import file_index
from pipeline.caching.file_index import FileIndex

SECOND = 1_000_000_000


class Counted:
    """Reads a file, and counts how often."""

    def __init__(self):
        self.reads = 0

    def __call__(self, file):
        self.reads += 1
        return file.read().decode()


@pytest.fixture
def settled(tmp_path):
    """A file, and an index whose clock is far enough after the file's last change."""

    def index(path=None):
        return FileIndex(path or tmp_path / "index.json", clock_ns=lambda: time.time_ns() + 10 * SECOND)

    file = tmp_path / "file"
    file.write_text("one")
    return file, index


def test_an_unchanged_file_is_read_once_also_by_the_next_process(settled):
    file, index = settled
    read = Counted()
    for _ in range(2):
        with index() as opened:
            assert opened.value(file, "text", read) == "one"
            assert opened.value(file, "text", read) == "one"
    assert read.reads == 1


def test_an_edit_of_equal_size_and_time_of_modification_is_seen(settled):
    file, index = settled
    read, before = Counted(), file.stat()
    with index() as opened:
        opened.value(file, "text", read)
    time.sleep(0.02)
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with index() as opened:
        assert opened.value(file, "text", read) == "two"


def test_another_file_renamed_over_it_is_seen(settled, tmp_path):
    file, index = settled
    read = Counted()
    with index() as opened:
        opened.value(file, "text", read)
        other = tmp_path / "other"
        other.write_text("two")
        other.replace(file)
        assert opened.value(file, "text", read) == "two"


def test_a_file_changed_a_moment_ago_is_not_remembered(tmp_path):
    file, read = tmp_path / "file", Counted()
    file.write_text("one")
    changed_ns = file.stat().st_ctime_ns
    index = FileIndex(tmp_path / "index.json", clock_ns=lambda: changed_ns + SECOND // 100)
    assert [index.value(file, "text", read), index.value(file, "text", read)] == ["one", "one"]
    assert read.reads == 2


def test_a_file_that_changes_while_it_is_read_is_not_remembered(settled):
    file, index = settled

    def read_and_change(opened):
        text = opened.read().decode()
        file.write_text(f"{text} more")
        return text

    with index() as opened:
        assert opened.value(file, "text", read_and_change) == "one"
        assert opened.value(file, "text", Counted()) == "one more"


def test_each_kind_of_value_is_remembered_by_itself(settled):
    file, index = settled
    with index() as opened:
        assert opened.value(file, "text", Counted()) == "one"
        assert opened.value(file, "size", lambda opened: len(opened.read())) == 3
        assert opened.value(file, "text", Counted()) == "one"


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00\xff\xfe garbage",
        b"[]",
        b"null",
        b'{"format": 1}',
        b'{"format": 1, "entries": []}',
        b'{"format": 99, "entries": {}}',
        b'{"format": 1, "entries": {"text:FILE": [1, 2]}}',
        b'{"format": 1, "entries": {"text:FILE": ["a", null, 1, 2, "wrong"]}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_index_costs_a_reading_and_is_repaired(settled, tmp_path, damage):
    file, index = settled
    (tmp_path / "index.json").write_bytes(damage.replace(b"FILE", os.fsencode(file)))
    read = Counted()
    for _ in range(2):
        with index() as opened:
            assert opened.value(file, "text", read) == "one"
    assert read.reads == 1


def test_an_index_that_cannot_be_written_still_answers(tmp_path, settled):
    file, index = settled
    (tmp_path / "a-file").write_text("")
    with index(tmp_path / "a-file" / "index.json") as opened:
        assert opened.value(file, "text", Counted()) == "one"


def test_without_a_path_nothing_is_left_behind(settled, tmp_path):
    file, _ = settled
    with FileIndex(None, clock_ns=lambda: time.time_ns() + 10 * SECOND) as index:
        assert index.value(file, "text", Counted()) == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_gone_is_an_error_also_if_it_is_remembered(settled):
    file, index = settled
    with index() as opened:
        opened.value(file, "text", Counted())
        file.unlink()
        with pytest.raises(FileNotFoundError):
            opened.value(file, "text", Counted())


def _fill(path, files):
    with FileIndex(path, clock_ns=lambda: time.time_ns() + 10 * SECOND) as index:
        for file in files:
            index.value(file, "text", lambda opened: opened.read().decode())


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    files = [tmp_path / f"file-{number}" for number in range(40)]
    for file in files:
        file.write_text(file.name)
    path, fork = tmp_path / "index.json", multiprocessing.get_context("fork")
    processes = [fork.Process(target=_fill, args=(path, files[start::8])) for start in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    entries = json.loads(path.read_text())["entries"]
    assert {key.partition(":")[2] for key in entries} == {str(file) for file in files}
    assert not list(tmp_path.glob(".index*"))


def test_names_that_are_no_text_are_kept(settled, tmp_path):
    _, index = settled
    file = tmp_path / os.fsdecode(b"caf\xe9 \n \xf0\x9f\x98\x80")
    file.write_text("odd")
    read = Counted()
    for _ in range(2):
        with index() as opened:
            assert opened.value(file, "text", read) == "odd"
    assert read.reads == 1


def test_the_index_does_not_grow_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(file_index, "_MOST_ENTRIES", 2)
    monkeypatch.setattr(file_index, "_MOST_KEPT", 3)
    there = [tmp_path / f"{number}" for number in range(5)]
    for path in there:
        path.touch()
    entries = {f"size:{path}": [1, 2, 3, 4, None] for path in [tmp_path / "gone", *there]}
    assert list(file_index._pruned(entries)) == [f"size:{path}" for path in there[-3:]]
