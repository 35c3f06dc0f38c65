"""What a platform shows of a job's words: at most a kilobyte, always valid UTF-8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.launch.job_output import MOST_BYTES, shortened, tell, tell_failure


@given(st.text(st.characters(), max_size=1500))
def test_any_text_fits_and_is_utf_8(text):
    content = shortened(text)
    assert len(content) <= MOST_BYTES
    content.decode("utf-8")


@pytest.mark.parametrize("character", ["a", "ü", "€", "🙂"])
def test_a_long_text_is_cut_between_characters_and_says_so(character):
    text = shortened(character * 2000).decode()
    assert text.endswith("…")
    assert set(text[:-1]) == {character}
    size = len(character.encode())
    assert len(text[:-1]) == (MOST_BYTES - 3) // size


def test_a_text_of_just_a_kilobyte_is_whole():
    assert shortened("x" * MOST_BYTES) == b"x" * MOST_BYTES


def test_half_of_a_surrogate_pair_does_not_cost_the_message():
    assert shortened("path \udcff") == b"path ?"


def test_what_is_no_failure_is_no_failure_reason(tmp_path):
    output = tmp_path / "output"
    tell("waits", tmp_path)
    assert [path.name for path in output.iterdir()] == ["message"]
    tell_failure("broken", tmp_path)
    assert {path.name: path.read_text() for path in output.iterdir()} == {"message": "broken", "failure": "broken"}


def test_the_reason_of_a_failure_is_a_pods_termination_message(tmp_path, monkeypatch):
    log = tmp_path / "termination-log"
    monkeypatch.setenv("PENSTOCK_TERMINATION_LOG", str(log))
    tell_failure("broken", tmp_path / "no job")
    assert not log.exists(), "only what Kubernetes has put there is written to"
    log.touch()
    tell("waits", tmp_path / "no job")
    assert log.read_text() == ""
    tell_failure("é" * 2000, tmp_path / "no job")
    assert log.read_bytes() == shortened("é" * 2000)


def test_a_folder_that_cannot_be_written_hides_no_failure(tmp_path, capsys):
    (tmp_path / "output").touch()
    tell_failure("broken", tmp_path)
    assert "nothing could be left there for the platform" in capsys.readouterr().err
