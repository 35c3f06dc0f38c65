import hashlib
import json
import os
import shutil
import time

import pytest

from pipeline.caching.file_index import FileIndex
from pipeline.caching.fingerprints import file_digest, fingerprint

INDEX = FileIndex(None)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "artifact"
    (made / "Split-train").mkdir(parents=True)
    (made / "Split-train" / "data.gz").write_bytes(b"\x1f\x8b rows")
    (made / "empty").mkdir()
    return made


def test_a_fingerprint_is_made_of_names_sizes_and_digests(folder):
    digest = hashlib.sha256(b"\x1f\x8b rows").hexdigest()
    entries = [
        ["Split-train", "folder", 0, ""],
        ["Split-train/data.gz", "file", 7, digest],
        ["empty", "folder", 0, ""],
    ]
    text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
    assert fingerprint(folder, INDEX) == hashlib.sha256(text.encode()).hexdigest()


def test_a_file_has_the_digest_of_its_bytes(folder):
    assert file_digest(folder / "Split-train/data.gz", INDEX) == hashlib.sha256(b"\x1f\x8b rows").hexdigest()


def test_a_copy_elsewhere_at_another_time_has_the_same_fingerprint(folder, tmp_path):
    before = fingerprint(folder, INDEX)
    shutil.copytree(folder, tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere").rglob("*"):
        os.utime(path, (1, 1))
    assert fingerprint(tmp_path / "elsewhere", INDEX) == before


def _flip(folder):
    path = folder / "Split-train/data.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"S")


CHANGES = {
    "a flipped bit": _flip,
    "a byte more": lambda folder: (folder / "Split-train/data.gz").write_bytes(b"\x1f\x8b rowsx"),
    "a file less": lambda folder: (folder / "Split-train/data.gz").unlink(),
    "a file more": lambda folder: (folder / "more").write_text(""),
    "a file renamed": lambda folder: (folder / "Split-train/data.gz").rename(folder / "Split-train/date.gz"),
    "an empty folder less": lambda folder: (folder / "empty").rmdir(),
    "a folder where a file was": lambda folder: [
        (folder / "Split-train/data.gz").unlink(),
        (folder / "Split-train/data.gz").mkdir(),
    ],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_bytes_or_names_shows(folder, change):
    before = fingerprint(folder, INDEX)
    change(folder)
    assert fingerprint(folder, INDEX) not in (before, None)


def test_a_file_cannot_pass_for_two_by_its_name(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / 'a", "file", 0, "").*\n').write_text("")
    (two / "a").write_text("")
    assert fingerprint(one, INDEX) != fingerprint(two, INDEX)


def test_nothing_there_is_no_fingerprint_and_an_empty_folder_is_one(tmp_path):
    assert fingerprint(tmp_path / "nothing", INDEX) is None
    assert fingerprint(tmp_path, INDEX) == hashlib.sha256().hexdigest()


def test_links_are_neither_followed_in_circles_nor_lost(folder):
    (folder / "circle").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "missing")
    first = fingerprint(folder, INDEX)
    (folder / "nowhere").unlink()
    (folder / "nowhere").symlink_to(folder / "missing too")
    assert fingerprint(folder, INDEX) != first


def test_a_link_to_a_file_is_that_file(folder, tmp_path):
    (tmp_path / "rows").write_bytes(b"\x1f\x8b rows")
    before = fingerprint(folder, INDEX)
    (folder / "Split-train/data.gz").unlink()
    (folder / "Split-train/data.gz").symlink_to(tmp_path / "rows")
    assert fingerprint(folder, INDEX) == before
    (tmp_path / "rows").write_bytes(b"\x1f\x8b ROWS")
    assert fingerprint(folder, INDEX) != before


def test_a_pipe_does_not_stop_the_fingerprint(folder):
    os.mkfifo(folder / "pipe")
    assert fingerprint(folder, INDEX) is not None


def test_a_second_look_at_a_large_folder_does_not_read_it(tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number}.bin").write_bytes(os.urandom(64))
    reads = []
    index = FileIndex(tmp_path / "index.json", clock_ns=lambda: reads.append(1) or time.time_ns() + 10**10)
    first = fingerprint(folder, index)
    assert (fingerprint(folder, index), len(reads)) == (first, 50)
