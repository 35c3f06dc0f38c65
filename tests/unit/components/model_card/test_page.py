"""The card as a page."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from card_evidence import MEASURED, WRITTEN, analysis, bias_report, evidence, explanation, known, verdict

from components.evaluator.analysis import Interval, SliceAnalysis
from components.gate.verdict import Finding
from components.model_card.card import build_card
from components.model_card.drawings import Axis, bar, interval
from components.model_card.evidence import Part
from components.model_card.page import render_card
from components.model_card.settings import CardSettings, EthicalConsideration, Owner
from models.tabular_text.features import Feature, FeatureKind, LabelKind

HOSTILE = "</style></table><script>alert(1)</script>\u202e\"'{{ 7 * 7 }}"
VOID = {"meta", "circle", "line", "rect"}


class Page(HTMLParser):
    """The page's elements: every one is closed in its order, and no id is there twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.elements)


def page_of(settings=WRITTEN, what=None, **changes):
    return Page(render_card(build_card(settings, what or known(), evidence(**changes))))


def test_a_whole_card_says_everything_and_nothing_is_missing() -> None:
    page = page_of()
    ids = page.values("id")
    assert len(ids) == len(set(ids)) == 10
    assert {link.removeprefix("#") for link in page.values("href")} == set(ids)
    for text in ("Guesses who leaves.", "ann@example.org", "Not for prices.", "abababababab", "plan = p0", "DPL", "f0"):
        assert text in page.text
    assert "missing:" not in page.text


@pytest.mark.parametrize("key", CardSettings().missing)
def test_each_section_that_nobody_wrote_is_shown_as_missing(key) -> None:
    written = {name: value for name, value in vars(WRITTEN).items() if name != key}
    page = page_of(CardSettings(**written))
    assert f"missing: nobody has written this (card.{key})" in page.text
    assert f"1 section of this card is missing: nobody has written card.{key}." in page.text


@pytest.mark.parametrize("part", MEASURED)
def test_each_evidence_that_is_not_there_is_shown_with_its_reason(part) -> None:
    assert f"missing: no {part}, because of a reason" in page_of(missing=(part,)).text


def test_a_verdict_that_is_not_there_is_shown_with_its_reason() -> None:
    page = page_of(verdicts={"DataQualityGate": Part(verdict()), "ValidationGate": Part(reason="It left none.")})
    assert "missing: It left none." in page.text


@pytest.mark.parametrize("kind", list(LabelKind))
def test_every_kind_of_label_and_a_first_run_has_a_page(kind) -> None:
    page = page_of(what=known(kind), kind=kind, analysis=Part(analysis(kind, baseline=False)))
    assert str(kind) in page.text
    assert "change against" not in page.text


def test_nothing_comes_over_a_network_and_nothing_runs() -> None:
    text = render_card(build_card(WRITTEN, known(), evidence()))
    page = Page(text)
    assert page.values("src") == []
    assert page.count("script") == page.count("link") == 0
    assert not re.search(r"url\(|@import|https?://", text)
    assert len(text.encode()) < 100_000


def test_hostile_text_is_shown_and_does_nothing() -> None:
    written = CardSettings(
        overview=HOSTILE,
        owners=(Owner(HOSTILE, HOSTILE),),
        licence=HOSTILE,
        limitations=(HOSTILE,),
        ethical_considerations=(EthicalConsideration(HOSTILE, HOSTILE),),
        references=(HOSTILE,),
        citation=HOSTILE,
    )
    spec = known().features
    column = Feature(HOSTILE, FeatureKind.TEXT, spec.features[0].dtype)
    what = known(source=HOSTILE, split_by=HOSTILE, name=HOSTILE, features=type(spec)(spec.label, (column,)))
    measured = analysis()
    piece = SliceAnalysis({HOSTILE: HOSTILE}, 60, {"accuracy": Interval(0.7)}, {})
    changes = {
        "analysis": Part(dataclasses.replace(measured, slices=(piece,), split=HOSTILE)),
        "blessing": Part({"blessed": False, "reasons": [HOSTILE], "checks": [], "baseline_model": None}),
        "verdicts": {"DataQualityGate": Part(verdict(Finding(HOSTILE, False, "error", HOSTILE)))},
        "bias": Part(dataclasses.replace(bias_report(**{HOSTILE: "failed"}), remarks=(HOSTILE,))),
        "explanation": Part(dataclasses.replace(explanation(), explains=HOSTILE)),
        "run_id": HOSTILE,
        "tuned": {HOSTILE: HOSTILE},
    }
    page = page_of(written, what, **changes)
    assert page.count("script") == 0
    shown = HOSTILE.replace("\u202e", "[U+202E]")
    assert page.text.count(shown) >= 20
    assert "\u202e" not in page.text


def test_very_long_texts_are_cut_and_say_so() -> None:
    page = page_of(CardSettings(overview="x" * 50_000))
    assert "… (50,000 characters)" in page.text
    assert "x" * 2001 not in page.text


def test_the_same_evidence_gives_the_same_bytes() -> None:
    first, second = (render_card(build_card(WRITTEN, known(), evidence())) for _ in range(2))
    assert first == second


def test_long_lists_say_how_many_are_not_shown() -> None:
    page = page_of(analysis=Part(analysis(slices=50)), explanation=Part(explanation(40)))
    assert "30 slices more, not shown here." in page.text
    assert "10 columns more, not shown here." in page.text


def test_tables_have_headers_that_screen_readers_follow() -> None:
    page = page_of()
    heads = [attributes for tag, attributes in page.elements if tag == "th"]
    assert heads
    assert {attributes.get("scope") for attributes in heads} == {"col", "row"}
    assert ("html", {"lang": "en"}) in page.elements


def test_an_interval_is_drawn_where_it_lies() -> None:
    drawn = str(interval(Axis(0.0, 1.0), 0.5, 0.25, 0.75, 1.0))
    assert '<circle cx="80.0"' in drawn
    assert '<line class="range" x1="40.0" x2="120.0"' in drawn
    assert '<line class="mark" x1="160.0" x2="160.0"' in drawn


def test_an_axis_has_room_even_where_all_values_are_equal_or_none_is_known() -> None:
    assert Axis.over([0.5, None, 0.5]) == Axis(0.0, 1.0)
    assert Axis.over([None]) == Axis(0.0, 1.0)
    assert Axis.over([0.0, 1.0]) == Axis(-0.05, 1.05)


@pytest.mark.parametrize(("share", "width"), [(0.25, "40.0"), (2.0, "160.0"), (-1.0, "0.0")])
def test_a_bar_is_as_long_as_its_share(share, width) -> None:
    assert f'width="{width}" height="10"' in str(bar(share))
