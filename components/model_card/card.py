"""The card as a document: what people wrote and what the run measured, with what is missing named. Pure.

Sections and their names are those of Model Cards for Model Reporting (Mitchell et al. 2019, arXiv:1810.03993) as the
Model Card Toolkit's schema spells them; docs/model-card.md says where this one has more.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model_card.document import FORMAT
from components.model_card.evidence import Evidence, Known
from components.model_card.measured import explainability, fairness, gates, quantitative_analysis
from components.model_card.parameters import model_parameters
from components.model_card.settings import CardSettings

#: Parts of the evidence as readers call them; a part that is not there is told with its reason.
PARTS = {
    "model": "the model",
    "rows": "the rows",
    "statistics": "the statistics of the training rows",
    "schema": "the schema",
    "analysis": "the evaluation",
    "blessing": "the Evaluator's decision",
    "serving": "the serving check",
    "bias": "the bias report",
    "explanation": "the explanation",
}


def build_card(settings: CardSettings, known: Known, evidence: Evidence) -> dict[str, Any]:
    """The card: plain dictionaries, lists, strings and finite numbers, valid against card.schema.json.

    Args:
      settings: what people wrote.
      known: what the configuration says.
      evidence: what the run measured.
    """
    return {
        "format": FORMAT,
        "model_details": _details(settings, known, evidence),
        "model_parameters": model_parameters(known, evidence),
        "quantitative_analysis": quantitative_analysis(evidence),
        "fairness": fairness(evidence.bias.value),
        "explainability": explainability(evidence.explanation.value),
        "considerations": _considerations(settings),
        "gates": gates(known.gates, evidence),
        "missing": {"sections": [f"card.{name}" for name in settings.missing], "evidence": list(_missing(evidence))},
    }


def _details(settings: CardSettings, known: Known, evidence: Evidence) -> dict[str, Any]:
    model = evidence.model.value
    return {
        "name": known.name,
        "overview": settings.overview or None,
        "owners": [{"name": owner.name, "contact": owner.contact or None} for owner in settings.owners],
        "version": {
            "name": model.digest[:12] if model else None,
            "date": model.made_on if model else None,
            "digest": model.digest if model else None,
            "run": evidence.run_id or None,
        },
        "licenses": [{"identifier": settings.licence}] if settings.licence else [],
        "references": [{"reference": text} for text in settings.references],
        "citations": [{"citation": settings.citation}] if settings.citation else [],
    }


def _considerations(settings: CardSettings) -> dict[str, Any]:
    lists = {
        "users": settings.intended_users,
        "use_cases": settings.use_cases,
        "limitations": settings.limitations,
        "tradeoffs": settings.trade_offs,
    }
    risks = [
        {"name": item.risk, "mitigation_strategy": item.mitigation or None} for item in settings.ethical_considerations
    ]
    described = {name: [{"description": text} for text in texts] for name, texts in lists.items()}
    return {**described, "ethical_considerations": risks}


def _missing(evidence: Evidence) -> Iterator[Mapping[str, str]]:
    for name, words in PARTS.items():
        part = getattr(evidence, name)
        if part.value is None:
            yield {"part": words, "reason": part.reason}
    for gate, verdict in evidence.verdicts.items():
        if verdict.value is None:
            yield {"part": f"the verdict of {gate}", "reason": verdict.reason}
