"""Words come out of any text, however it is written, and the class file is in natural order."""

from pathlib import Path

import pytest
import tensorflow as tf

from models.tabular_text.errors import UntrainableData
from models.tabular_text.layout import LABEL_VOCABULARY
from models.tabular_text.preprocessing import _check_few, _write_classes, split_words


def words(*texts: str | bytes) -> list[list[str]]:
    return [[word.decode() for word in row] for row in split_words(tf.constant(list(texts))).to_list()]


def test_words_are_lower_case_in_every_script() -> None:
    assert words("ÄRGER Über-Größe, ПРИВЕТ!") == [["ärger", "über", "größe", "привет"]]


def test_apostrophes_and_digits_stay_in_their_word() -> None:
    assert words("Don't buy 2nd-hand (9/10)") == [["don't", "buy", "2nd", "hand", "9", "10"]]


def test_symbols_and_scripts_without_spaces_are_single_words() -> None:
    assert words("good😀😀", "日本 text") == [["good", "😀", "😀"], ["日", "本", "text"]]


def test_empty_blank_and_broken_texts_do_not_fail() -> None:
    broken = b"ok \xff ok"
    assert words("", " \t\n", broken) == [[], [], broken.decode("utf-8", errors="replace").split()]


def test_classes_are_written_in_natural_order(tmp_path: Path) -> None:
    path = _write_classes({b"10", b"9", b"", b"1"}, str(tmp_path / "new"))
    assert path.decode() == str(tmp_path / "new" / LABEL_VOCABULARY)
    assert Path(path.decode()).read_bytes() == b"1\n9\n10\n"


@pytest.mark.parametrize(("values", "message"), [({b""}, "No training row has a label"), ({b"a\nb"}, "line break")])
def test_labels_that_name_no_class_are_refused(values: set[bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(UntrainableData, match=message):
        _write_classes(values, str(tmp_path))


def test_an_identifier_as_label_is_refused() -> None:
    with pytest.raises(UntrainableData, match=r"10,000 distinct values.*regression"):
        _check_few({str(number).encode() for number in range(10_001)})
