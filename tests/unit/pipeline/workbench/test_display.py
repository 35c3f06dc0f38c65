from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import NotFound
from pipeline.workbench import Missing, Table, ask, bars, histograms, lines, note
from pipeline.workbench.display import SHOWN_ROWS

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg><script>alert(2)</script>",
    "\u202egnp.exe",
    "a\x00b",
    "x" * 100_000,
    "🙂 שלום",
]


class Elements(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.names, self.attributes, self.text = set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def shown_things():
    names = pd.Index(HOSTILE, name="<b>name</b>")
    values = pd.Series(range(len(HOSTILE)), index=names, dtype=float)
    yield Table(HOSTILE[0], pd.DataFrame({HOSTILE[1]: HOSTILE, "n": range(len(HOSTILE))}), HOSTILE[2])
    yield Table("indexed", values.to_frame())
    yield Missing(HOSTILE[1], HOSTILE[0])
    yield note(HOSTILE[2])
    yield bars(values, title=HOSTILE[0], spread=values)
    yield lines(pd.DataFrame({HOSTILE[0]: values, "b": values}), title=HOSTILE[1])
    yield histograms({HOSTILE[0]: values, HOSTILE[1]: values + 1}, title=HOSTILE[2])


@pytest.mark.parametrize("shown", list(shown_things()), ids=lambda shown: type(shown).__name__)
def test_hostile_text_is_inert_and_visible(shown):
    html = shown._repr_html_()
    found = Elements(html)
    assert not found.names & {"script", "img", "iframe", "object", "link", "b"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "\x00" not in html
    assert "\u202e" not in html
    assert len(html) < 60_000
    assert "\x00" not in repr(shown)
    assert "\u202e" not in repr(shown)


def test_hostile_text_can_be_read():
    text = Elements(Table("t", pd.DataFrame({"a": HOSTILE}))._repr_html_()).text
    assert "<script>alert(1)</script>" in text
    assert "[U+202E]gnp.exe" in text
    assert "(100,000 characters)" in text
    assert "🙂 שלום" in text


def test_what_is_displayed_asks_for_nothing():
    html = Table("t", pd.DataFrame({"a": [1]}))._repr_html_()
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in html
    assert "@import" not in html


def test_a_long_table_says_how_much_it_left_out():
    table = Table("t", pd.DataFrame({"a": range(SHOWN_ROWS + 7)}))
    assert "7 more rows" in Elements(table._repr_html_()).text
    assert len(table.frame) == SHOWN_ROWS + 7


def test_an_empty_table_says_that_it_is_empty():
    table = Table("Things", pd.DataFrame({"a": []}))
    assert "Things: none." in Elements(table._repr_html_()).text
    assert "(nothing)" in repr(table)


def test_what_is_missing_shows_its_reason_wherever_it_is_used():
    part = Missing("Evaluation", "Evaluator failed: no memory.")
    assert not part
    assert part.frame.empty
    assert repr(part) == "Evaluation: not there. Evaluator failed: no memory."
    assert "no memory" in Elements(part._repr_html_()).text
    with pytest.raises(NotFound, match="no memory"):
        part.slices.frame  # noqa: B018 - raises
    assert not hasattr(part, "_ipython_display_")


def test_a_question_is_answered_only_from_rows_that_can_answer_it():
    rows = pd.DataFrame({"stars": [1, 5]})
    assert ask(rows, ["stars"], lambda rows: rows["stars"].sum()) == 6
    assert "no column votes" in repr(ask(rows, ["stars", "votes"], lambda rows: rows["votes"]))
    assert "no rows" in repr(ask(rows.head(0), ["stars"], lambda rows: rows["stars"].iloc[0]))
    missing = Missing("Examples", "ArrowExampleGen failed")
    assert ask(missing, ["stars"], lambda rows: rows["stars"]) is missing


def test_charts_hold_the_numbers_that_they_draw():
    values = pd.Series({"a": 2.0, "b": -1.0, "c": float("nan")}, name="v")
    assert bars(values, title="t").frame["v"].tolist()[:2] == [2.0, -1.0]
    found = histograms({"x": pd.Series([0.0, 0.0, 10.0, np.inf, None]), "y": pd.Series([5.0])}, title="t").frame
    assert found["x"].sum() == 3
    assert found["y"].sum() == 1
    assert (found["from"].iloc[0], found["to"].iloc[-1]) == (0.0, 10.0)


@pytest.mark.parametrize("values", [[], [0.0], [float("nan")], [1e300, -1e300], [3.0, 3.0]])
def test_charts_of_odd_numbers_are_drawn(values):
    series = pd.Series(values, index=[f"n{at}" for at in range(len(values))], dtype=float)
    for chart in (
        bars(series, title="t"),
        lines(series.to_frame("a"), title="t"),
        histograms({"a": series}, title="t"),
        lines(pd.DataFrame(), title="t"),
        histograms({}, title="t"),
    ):
        assert "<svg" in chart._repr_html_() or "pn-figures" in chart._repr_html_()
        assert "nan" not in chart._repr_html_().lower().replace("not a number", "")


def test_a_bar_is_as_long_as_its_value():
    html = bars(pd.Series({"half": 1.0, "whole": 2.0}), title="t")._repr_html_()
    widths = [float(part.partition('width="')[2].partition('"')[0]) for part in html.split("<rect")[1:]]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.02)


def test_many_bars_and_lines_are_drawn_in_part_and_kept_whole():
    many = pd.Series(range(100), index=[str(n) for n in range(100)], dtype=float)
    assert "60 more bars" in Elements(bars(many, title="t")._repr_html_()).text
    assert "94 more lines" in Elements(lines(many.to_frame().T, title="t")._repr_html_()).text
    assert len(bars(many, title="t").frame) == 100
