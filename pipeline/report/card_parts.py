"""The model card in the report: what people wrote, what is missing, and where the whole card is."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.readers.model_card import ModelCard
from pipeline.report.section import note, part
from pipeline.report.table import pairs
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted

_LONGEST = 1000
_SHOWN = 20

_CONSIDERATIONS = {
    "users": ("Intended users", "intended_users"),
    "use_cases": ("Use cases", "use_cases"),
    "limitations": ("Limitations", "limitations"),
    "tradeoffs": ("Trade-offs", "trade_offs"),
}


def card_view(card: ModelCard) -> Markup:
    """What people say about the model; the measured part stands in the other sections of the report."""
    details, considerations = card.details, card.considerations
    overview = details["overview"]
    described = [
        part(title, _list([item["description"] for item in considerations[key]], setting))
        for key, (title, setting) in _CONSIDERATIONS.items()
    ]
    return join(
        [
            tag("p", clipped(overview, _LONGEST)) if overview else _missing("overview"),
            _known(details),
            *described,
            part("Ethical considerations", _risks(considerations["ethical_considerations"])),
            _evidence(card),
            note(
                "The whole card, with metrics, slices, bias and importances, is a page that can be sent by itself: ",
                tag("code", f"penstock card {details['version']['run'] or 'latest'} --output card.html"),
            ),
        ]
    )


def missing_text(card: ModelCard) -> str:
    """How much of the card is missing, in words."""
    count = len(card.missing_sections)
    evidence = len(card.missing_evidence)
    also = f", {counted(evidence, 'piece')} of evidence missing" if evidence else ""
    return f"{counted(count, 'section')} missing{also}" if count else f"complete{also}"


def _known(details: Mapping[str, Any]) -> Markup:
    owners = [
        f"{owner['name']}{': ' + owner['contact'] if owner['contact'] else ''}" for owner in details["owners"][:_SHOWN]
    ]
    rows = [
        ("owners", "; ".join(owners) or _missing("owners")),
        ("licence", _first(details["licenses"], "identifier", "licence")),
        (
            "references",
            "; ".join(item["reference"] for item in details["references"][:_SHOWN]) or _missing("references"),
        ),
        ("citation", _first(details["citations"], "citation", "citation")),
        ("version", f"{details['version']['name'] or 'unknown'}, {details['version']['date'] or 'date unknown'}"),
    ]
    return pairs(rows)


def _first(items: Sequence[Mapping[str, str]], key: str, setting: str) -> str | Markup:
    return items[0][key] if items else _missing(setting)


def _list(texts: Sequence[str], setting: str) -> Markup:
    if not texts:
        return _missing(setting)
    more = note(f"{len(texts) - _SHOWN} more on the card.") if len(texts) > _SHOWN else ""
    return join([tag("ul", *(tag("li", clipped(text, _LONGEST)) for text in texts[:_SHOWN])), more])


def _risks(risks: Sequence[Mapping[str, str | None]]) -> Markup:
    done = [risk["mitigation_strategy"] for risk in risks]
    said = [f"What is done about it: {what}" if what else "Nothing is done about it." for what in done]
    texts = [f"{risk['name']} {what}" for risk, what in zip(risks, said, strict=True)]
    return _list(texts, "ethical_considerations")


def _missing(setting: str) -> Markup:
    said = ("missing: nobody has written this (", tag("code", f"card.{setting}"), ")")
    return tag("span", *said, class_="pn-muted")


def _evidence(card: ModelCard) -> Markup:
    if not card.missing_evidence:
        return Markup("")
    items = [tag("li", f"{name}: {clipped(reason, _LONGEST)}") for name, reason in card.missing_evidence.items()]
    return part("Evidence that the card lacks", tag("ul", *items))
