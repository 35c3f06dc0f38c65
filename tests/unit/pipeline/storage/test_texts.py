"""Small texts in folders, as on a volume; those on S3 are in tests/integration/test_fetched_runs.py."""

import os

import pytest

from pipeline.storage.errors import NotReached
from pipeline.storage.texts import folders_below, put_text, text_at, texts_below


def test_a_text_comes_back_and_nothing_else_is_left(tmp_path):
    place = f"{tmp_path}/runs/reviews/r1/Trainer.json"
    assert text_at(place) is None
    put_text(place, "é")
    put_text(place, "ü")
    put_text(place, "other", if_absent=True)
    assert text_at(place) == "ü"
    assert os.listdir(tmp_path / "runs" / "reviews" / "r1") == ["Trainer.json"]


def test_texts_below_a_folder_are_found_by_their_ending_in_order(tmp_path):
    for name in ("b/2.json", "a/1.json", "a/.1.json.tmp", "a/.half.json", "a/1.txt"):
        put_text(f"{tmp_path}/{name}", name)
    assert texts_below(str(tmp_path), ".json") == {
        f"{tmp_path}/a/1.json": "a/1.json",
        f"{tmp_path}/b/2.json": "b/2.json",
    }
    assert folders_below(str(tmp_path)) == ["a", "b"]
    assert (texts_below(f"{tmp_path}/none", ".json"), folders_below(f"{tmp_path}/none")) == ({}, [])


def test_what_the_volume_refuses_is_told_with_the_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReached, match=r"file/x: could not write \(.*\)\. Check that the volume is mounted"):
        put_text(f"{tmp_path}/file/x/y.json", "")
