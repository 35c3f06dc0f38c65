"""The model card in a run's report."""

import dataclasses
from pathlib import Path

import pytest
from card_evidence import WRITTEN, evidence, known

from components.model_card.card import build_card
from components.model_card.settings import CardSettings
from pipeline.errors import NotFound
from pipeline.readers.model_card import ModelCard, read_model_card
from pipeline.report.card_parts import card_view, missing_text


def card_of(settings=WRITTEN, **changes):
    return ModelCard(Path("card"), build_card(settings, known(), evidence(**changes)))


def test_what_people_wrote_stands_in_the_report():
    drawn = card_view(card_of())
    for text in (
        "Guesses who leaves.",
        "Ann: ann@example.org; The churn team",
        "Knows nothing of firms.",
        "Apache-2.0",
    ):
        assert text in drawn
    assert "May favour the old. What is done about it: Measured by age." in drawn
    assert "? Nothing is done about it." in drawn
    assert "penstock card run-7 --output card.html" in drawn
    assert "missing" not in drawn


@pytest.mark.parametrize("key", CardSettings().missing)
def test_each_section_that_nobody_wrote_is_missing_in_the_report(key):
    drawn = card_view(card_of(dataclasses.replace(WRITTEN, **{key: getattr(CardSettings(), key)})))
    assert f"<code>card.{key}</code>" in drawn


def test_evidence_that_the_card_lacks_is_told():
    assert "<li>the serving check: no serving, because of a reason</li>" in card_view(card_of(missing=("serving",)))


def test_hostile_text_is_shown_and_does_nothing():
    drawn = card_view(card_of(CardSettings(overview="<script>", limitations=("<script>",), licence="<script>")))
    assert "<script>" not in drawn
    assert drawn.count("&lt;script&gt;") == 3


def test_how_much_is_missing_in_words():
    assert missing_text(card_of()) == "complete"
    assert missing_text(card_of(dataclasses.replace(WRITTEN, licence=""))) == "1 section missing"
    assert missing_text(card_of(missing=("bias",))) == "complete, 1 piece of evidence missing"
    assert missing_text(card_of(CardSettings(), missing=("bias", "rows"))) == (
        "10 sections missing, 2 pieces of evidence missing"
    )


@pytest.mark.parametrize("text", ["no", "{}", '{"format": 2}', '{"format": 1}', "[]"])
def test_what_is_no_card_is_told_with_its_place(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(NotFound, match=r"card\.json: not a model card"):
        read_model_card(tmp_path)
