"""The card's files, and reading it back. Plain data, read without TensorFlow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CARD_FILE = "card.json"
PAGE_FILE = "card.html"
SCHEMA_FILE = Path(__file__).with_name("card.schema.json")

#: Goes up when a reader of the older document would misunderstand the new one.
FORMAT = 1

Card = Mapping[str, Any]
"""The document as docs/model-card.md and card.schema.json describe it."""


def parse_card(text: str) -> Card:
    """The card in the text of a `card.json`.

    Raises:
      ValueError: it is no card, or of another format.
    """
    card = json.loads(text)
    if not isinstance(card, dict) or "format" not in card:
        raise ValueError("not a model card: an object with a format is expected")
    if card["format"] != FORMAT:
        raise ValueError(f"a model card of format {card['format']!r}; this program reads {FORMAT}")
    return card
