import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.terminal_text import inert, inert_line


@given(st.text())
def test_no_control_character_but_tab_and_newline_gets_through(text):
    assert not [c for c in inert(text) if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") and c not in "\t\n"]


def test_codes_for_the_terminal_are_shown_not_obeyed():
    assert inert("\x1b]0;title\x07\x9b2J\x7f") == "␛]0;title␇<U+009B>2J␡"


def test_text_cannot_turn_the_direction_of_the_line_round():
    assert inert("exe.\u202egnp\u2066") == "exe.<U+202E>gnp<U+2066>"


def test_what_people_write_stays_as_it_is():
    text = "Grüße, 日本語, עברית, 😀\tand\nmore"
    assert inert(text) == text


def test_a_progress_bar_becomes_lines():
    assert inert(" 10%\r 20%\r\n") == " 10%\n 20%\n"


def test_a_line_is_one_line():
    assert inert_line("a\r\nb\u2028c\td") == "a b<U+2028>c d"
