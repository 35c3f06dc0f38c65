"""Gathers the evidence, builds the card, and writes it as a document and as a page."""

import json
import os
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.model_card.card import build_card
from components.model_card.document import CARD_FILE, PAGE_FILE, Card
from components.model_card.evidence import Known
from components.model_card.page import render_card
from components.model_card.reading import gather
from components.model_card.settings import CardSettings


class Executor(base_executor.BaseExecutor):
    """Runs the node."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `card.json` and `card.html`; evidence that is not there stands on the card as missing."""
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = CardSettings.from_json(json.loads(exec_properties["settings"]))
        known = Known.from_json(json.loads(exec_properties["known"]))
        run_id = self._context.pipeline_run_id if self._context else None
        card = build_card(settings, known, gather(input_dict, known.gates, run_id or ""))
        write_card(card, artifact_utils.get_single_instance(output_dict["card"]))


def write_card(card: Card, artifact: Artifact) -> None:
    """Writes both files and sets the artifact's properties."""
    document = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    io_utils.write_string_file(os.path.join(artifact.uri, CARD_FILE), document)
    io_utils.write_string_file(os.path.join(artifact.uri, PAGE_FILE), render_card(card))
    missing = card["missing"]
    artifact.missing_sections = len(missing["sections"])
    artifact.missing_evidence = len(missing["evidence"])
    artifact.model_digest = card["model_details"]["version"]["digest"] or ""
    logging.info("ModelCard: missing sections %s, missing evidence %s", missing["sections"], missing["evidence"])
