"""Gathers the evidence, asks gates, rules and the record of decisions, and writes `approval.json`, or waits."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.errors import ComponentError
from components.evaluator.analysis import ANALYSIS_FILE
from components.gate.document import DECISION_FILE, read_verdict
from components.gate.verdict import Verdict
from components.ledger.ledger import Entry, Ledger
from components.mirror import original_uri
from components.model_approval.asking import Question, ask_people
from components.model_approval.decisions import (
    Standing,
    valid_until,
)
from components.model_approval.document import APPROVAL_FILE, ApprovalDocument
from components.model_approval.elsewhere import Desk
from components.model_approval.rules import Blessing, Evidence, reasons_to_ask, refusals
from components.model_approval.settings import ApprovalSettings
from components.model_digest import model_digest
from components.model_registry.packages import PackageSettings, make_packages

Artifacts = dict[str, list[Artifact]]

#: Input key → the node that gives it, how TFX reads it, and the document that explains it.
_BLESSINGS = {
    "model_blessing": ("Evaluator", model_utils.is_model_blessed, DECISION_FILE),
    "infra_blessing": ("ServingCheck", model_utils.is_infra_validated, "report.json"),
}


class Executor(base_executor.BaseExecutor):
    """Runs the node."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Writes the approval.

        Raises:
          WaitsForApproval: a person must decide and has not; the request is on record.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = ApprovalSettings.from_json(json.loads(exec_properties["settings"]))
        evidence = gather(input_dict, json.loads(exec_properties["gates"]))
        approval = artifact_utils.get_single_instance(output_dict["approval"])
        if found := refusals(evidence):
            write_approval(approval, _document(evidence, approved=False, by="gates", reasons=found))
            return
        asked = reasons_to_ask(evidence, settings)
        if not asked:
            reason = f"Every gate passed, and approval.mode is {settings.mode}."
            write_approval(approval, _document(evidence, approved=True, by="rules", reasons=[reason]))
            return
        run_id = self._context.pipeline_run_id if self._context else None
        question = Question(
            ledger=Ledger(exec_properties["ledger"]),
            run_id=run_id or "",
            model_uri=original_uri(artifact_utils.get_single_uri(input_dict["model"])),
            evaluation=original_uri(artifact_utils.get_single_uri(input_dict["evaluation"])),
            asked=asked,
            desk=_desk(exec_properties.get("packages") or ""),
        )
        stands = ask_people(evidence, settings, question)
        reasons = [f"{stands.state.capitalize()} by people: {stands.sentence()}."]
        document = _document(evidence, approved=stands.state == "approved", by="people", reasons=reasons)
        write_approval(approval, _with_decisions(document, stands, asked, settings))


def _desk(packages: str) -> Desk | None:
    return make_packages(PackageSettings.from_json(packages)) if packages else None


def gather(input_dict: Artifacts, gates: list[str]) -> Evidence:
    """What is known of the model."""
    model = artifact_utils.get_single_instance(input_dict["model"])
    digests: dict[str, str] = {}
    verdicts: dict[str, Any] = dict.fromkeys(gates)
    for artifact in input_dict.get("verdicts") or []:
        verdict = _verdict(artifact)
        if verdict is not None:
            verdicts[verdict.gate] = verdict
            digests[verdict.gate] = _digest(os.path.join(artifact.uri, DECISION_FILE))
    blessings = tuple(_blessing(key, input_dict, digests) for key in _BLESSINGS)
    evaluation = artifact_utils.get_single_instance(input_dict["evaluation"])
    analysis_path = os.path.join(evaluation.uri, ANALYSIS_FILE)
    digests["analysis"] = _digest(analysis_path)
    analysis = json.loads(io_utils.read_string_file(analysis_path))
    return Evidence(
        model_digest=model_digest(Path(path_utils.serving_model_path(model.uri))),
        blessings=blessings,
        verdicts=verdicts,
        changes=_changes(analysis),
        flagged=_flagged(analysis),
        digests=digests,
    )


def _verdict(artifact: Artifact) -> Verdict | None:
    """None for a damaged document too: it is no evidence that the gate passed anything."""
    try:
        return read_verdict(artifact)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        logging.error("%s: no verdict can be read (%s)", artifact.uri, error)
        return None


def _blessing(key: str, input_dict: Artifacts, digests: dict[str, str]) -> Blessing:
    gate, is_blessed, document_name = _BLESSINGS[key]
    artifacts = input_dict.get(key)
    if not artifacts:
        return Blessing(gate, None)
    path = os.path.join(artifacts[0].uri, document_name)
    if not fileio.exists(path):
        return Blessing(gate, None)
    digests[gate] = _digest(path)
    reasons = json.loads(io_utils.read_string_file(path)).get("reasons", ())
    return Blessing(gate, is_blessed(artifacts[0]), tuple(reasons))


def _flagged(analysis: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The slices that are worse than all rows, beyond chance."""
    return [
        item for item in analysis["slices"] if (harm := item["harm"]) and harm["is_certain"] and harm["deficit"] > 0
    ]


def _changes(analysis: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """All rows, then each slice, with their changes; None where there was no model to compare with."""
    if not analysis["overall"]["changes"]:
        return None
    return [analysis["overall"], *analysis["slices"]]


def _digest(path: str) -> str:
    if not fileio.exists(path):
        raise ComponentError(f"{path}: the evidence is not there any more. Run the node that writes it again.")
    return hashlib.sha256(io_utils.read_bytes_file(path)).hexdigest()


def _document(evidence: Evidence, *, approved: bool, by: Any, reasons: list[str]) -> ApprovalDocument:
    return ApprovalDocument(approved, by, tuple(reasons), evidence.model_digest, dict(evidence.digests))


def _with_decisions(
    document: ApprovalDocument, stands: Standing, asked: list[str], settings: ApprovalSettings
) -> ApprovalDocument:
    kept = ("by", "reason", "supersedes")
    end = valid_until(stands, settings) if document.approved else None
    return dataclasses.replace(
        document,
        decisions=tuple(_plain(entry, kept) for entry in stands.decisions),
        asked_because=tuple(asked),
        valid_until=None if end is None else end.isoformat(timespec="seconds"),
    )


def _plain(entry: Entry, kept: tuple[str, ...]) -> dict[str, Any]:
    content = {key: entry.content[key] for key in kept}
    return {"number": entry.number, "at": entry.at, "kind": entry.kind, **content, "hash": entry.hash}


def write_approval(approval: Artifact, document: ApprovalDocument) -> None:
    """Writes `approval.json` and sets the artifact's properties."""
    text = json.dumps(document.to_json(), indent=2, ensure_ascii=False)
    io_utils.write_string_file(os.path.join(approval.uri, APPROVAL_FILE), text)
    approval.approved = int(document.approved)
    approval.decided_by = document.decided_by
    approval.model_digest = document.model_digest
    approval.reason = document.reasons[0]
    logging.info("ModelApproval: %s", text)
