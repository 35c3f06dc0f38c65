"""Reads what was pushed, registers it as a candidate, and writes `model_version.json`."""

import json
import os
from pathlib import Path
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.errors import ComponentError
from components.evaluator.analysis import ANALYSIS_FILE
from components.ledger.ledger import is_on_s3
from components.mirror import original_uri
from components.model_approval.decisions import evidence_digest
from components.model_approval.document import APPROVAL_FILE, ApprovalDocument
from components.model_registry.document import VERSION_FILE, VersionDocument
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import Registration
from components.model_registry.remote import IMAGE_VARIABLE, RemoteRegistry
from components.model_registry.versions import ModelVersion
from components.signing.settings import SigningSettings

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the node."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Registers the pushed model, once.

        Raises:
          ModelDamaged: what was pushed is not what was approved.
          SignatureRefused: it is not signed as the configuration asks.
          LedgerUnreachable: the registry is on S3, which does not answer.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        name, folder = exec_properties["name"], exec_properties["registry"]
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        if not pushed.get_int_custom_property("pushed"):
            reason = f"Nothing was pushed: {pushed.get_string_custom_property('not_pushed_reason')}"
            self._write(output_dict, VersionDocument(False, name, folder, reason=reason))
            return
        run_id = self._context.pipeline_run_id if self._context else None
        signing = SigningSettings.from_json(json.loads(exec_properties["signing"]))
        version = _register(folder, signing, pushed, _registration(input_dict, pushed, run_id or ""))
        document = VersionDocument(
            True, name, folder, version.version, "candidate", version.model_digest, version.signature
        )
        self._write(output_dict, document, version.run)

    def _write(self, output_dict: Artifacts, document: VersionDocument, run_id: str = "") -> None:
        artifact = artifact_utils.get_single_instance(output_dict["model_version"])
        text = json.dumps(document.to_json(), indent=2, ensure_ascii=False)
        io_utils.write_string_file(os.path.join(artifact.uri, VERSION_FILE), text)
        artifact.registered = int(document.registered)
        artifact.model_name = document.name
        artifact.version = document.version
        artifact.stage = document.stage
        artifact.model_digest = document.model_digest
        artifact.run = run_id
        artifact.reason = document.reason
        logging.info("ModelRegistry: %s", text)


def _register(folder: str, signing: SigningSettings, pushed: Artifact, registration: Registration) -> ModelVersion:
    if is_on_s3(folder):
        pushed_to = pushed.get_string_custom_property("pushed_destination")
        image = os.environ.get(IMAGE_VARIABLE, "")
        return RemoteRegistry(folder, signing).register(Path(pushed.uri), registration, pushed_to, image)
    return LocalRegistry(Path(folder), signing).register(Path(pushed.uri), registration)


def _registration(input_dict: Artifacts, pushed: Artifact, run_id: str) -> Registration:
    approval = artifact_utils.get_single_instance(input_dict["approval"])
    document = ApprovalDocument.from_json(
        json.loads(io_utils.read_string_file(os.path.join(approval.uri, APPROVAL_FILE)))
    )
    if not document.approved:
        raise ComponentError(f"The model was pushed without an approval: {' '.join(document.reasons)}")
    return Registration(
        version=pushed.get_string_custom_property("pushed_version"),
        run=run_id,
        model_uri=original_uri(artifact_utils.get_single_uri(input_dict["model"])),
        model_digest=document.model_digest,
        evidence_digest=evidence_digest(document.evidence),
        decided_by=document.decided_by,
        metrics=_metrics(artifact_utils.get_single_instance(input_dict["evaluation"])),
    )


def _metrics(evaluation: Artifact) -> dict[str, float | None]:
    """Of all rows."""
    analysis = json.loads(io_utils.read_string_file(os.path.join(evaluation.uri, ANALYSIS_FILE)))
    return {name: interval["value"] for name, interval in analysis["overall"]["metrics"].items()}
