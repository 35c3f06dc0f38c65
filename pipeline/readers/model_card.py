"""The model card of a run: what people and the run say about its model."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.model_card.document import CARD_FILE, PAGE_FILE, Card, parse_card
from pipeline.errors import NotFound
from pipeline.readers.documents import read_text


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """One card.

    Attributes:
      folder: the artifact's.
      document: `card.json`, see docs/model-card.md.
    """

    folder: Path
    document: Card

    @property
    def page(self) -> Path:
        """The card as a page."""
        return self.folder / PAGE_FILE

    @property
    def missing_sections(self) -> tuple[str, ...]:
        """Keys of the configuration that nobody has filled, such as `card.limitations`."""
        return tuple(self.document["missing"]["sections"])

    @property
    def missing_evidence(self) -> Mapping[str, str]:
        """Part of the evidence that was not there → why."""
        return {item["part"]: item["reason"] for item in self.document["missing"]["evidence"]}

    @property
    def details(self) -> Mapping[str, Any]:
        """Name, overview, owners, version, licences, references, citations."""
        return dict(self.document["model_details"])

    @property
    def considerations(self) -> Mapping[str, Any]:
        """Users, use cases, limitations, trade-offs, ethical considerations."""
        return dict(self.document["considerations"])


def read_model_card(folder: Path) -> ModelCard:
    """The card in a ModelCard artifact.

    Raises:
      NotFound: it is not there, or cannot be read.
    """
    path = folder / CARD_FILE
    try:
        card = parse_card(read_text(path))
        lacking = {"model_details", "considerations", "missing"} - card.keys()
    except ValueError as error:
        raise NotFound(f"{path}: not a model card ({error}).") from error
    if lacking:
        raise NotFound(f"{path}: not a model card (it lacks {', '.join(sorted(lacking))}).")
    return ModelCard(folder, card)
