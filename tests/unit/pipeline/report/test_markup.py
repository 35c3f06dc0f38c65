"""Text from anywhere becomes inert and visible; markup of ours stays markup."""

import html
import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from pipeline.report.dag import Box, graph
from pipeline.report.table import Cell, Column, pairs, table
from pipeline.report.tags import drawing, label, tag
from pipeline.report.text import clipped, visible

COLUMNS = (Column("name"), Column("count", numeric=True))


class Parsed(html.parser.HTMLParser):
    """Start tags and text of a page."""

    def __init__(self, markup):
        super().__init__()
        self.names, self.texts = [], []
        self.feed(str(markup))

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        self.names.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@given(st.text())
def test_no_text_makes_an_element_in_a_table_a_drawing_or_a_list(text):
    assert Parsed(table(COLUMNS, [(text, Cell(text, order=text))], caption=text)).names.count("script") == 0
    assert Parsed(tag("p", text, title=text)).names == ["p"]
    assert Parsed(pairs([(text, text)])).names == ["dl", "div", "dt", "dd"]
    assert Parsed(drawing(label(text, 0, 0), width=1, height=1, title=text)).names == ["svg", "title", "text"]
    assert "script" not in Parsed(graph([Box(text, text, text, detail=text, href=f"#{text}")], {}, title=text)).names


@given(st.text())
def test_no_character_of_a_text_hides_or_reorders_others(text):
    shown = visible(text)
    assert not {character for character in shown if ord(character) < 32} - {"\t", "\n"}
    assert not set(shown) & set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\x7f")
    shown.encode()


def test_lone_surrogates_as_json_can_hold_them_are_shown():
    assert visible("a\ud800b") == "a[U+D800]b"


def test_emoji_and_right_to_left_letters_stay_as_they_are():
    assert visible("👩‍🔬 שלום") == "👩‍🔬 שלום"


def test_a_very_long_value_is_cut_and_its_length_named():
    assert clipped("x" * 100_000) == "x" * 400 + "… (100,000 characters)"
    assert len(table(COLUMNS, [("x" * 100_000, 1)], caption="t")) < 2_000


def test_what_is_already_safe_is_not_escaped_again():
    assert tag("p", Markup("<b>x</b>"), "<i>") == Markup("<p><b>x</b>&lt;i&gt;</p>")


@pytest.mark.parametrize("value", ['" onload="x', "'", "<", "&", "a\x00b"])
def test_attributes_cannot_be_left(value):
    assert html.unescape(str(tag("a", title=value))) == f'<a title="{visible(value)}"></a>'


def test_headers_tell_what_they_head():
    markup = table(COLUMNS, [("a", 1), ("b", 2)], caption="Letters")
    assert markup.count('scope="col"') == 2
    assert markup.count('scope="row"') == 2
    assert '<caption class="pn-unseen">Letters</caption>' in markup


def test_a_table_without_rows_says_so():
    assert table(COLUMNS, [], caption="Letters") == Markup('<p class="pn-none">Letters: none.</p>')
