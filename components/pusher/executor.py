"""Asks both blessings and the approval, then publishes the model atomically; says why where it does not."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from absl import logging
from tfx.components.pusher import executor as tfx_executor
from tfx.components.util import model_utils
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, proto_utils

from components.errors import ComponentError
from components.ledger.ledger import utc_now
from components.mirror import original_uri
from components.model_approval.document import APPROVAL_FILE
from components.model_digest import model_digest
from components.pusher.blessings import not_approved, refusal
from components.pusher.publish import Seal, publish
from components.signing.settings import SigningSettings
from components.signing.signature import SignatureRefused, sign_model, signing_key, verify_model

NOT_PUSHED_REASON = "not_pushed_reason"
ALREADY_PUSHED = "already_pushed"
SIGNATURE_PROPERTY = "signature"

Artifacts = dict[str, list[Artifact]]

#: Input key → the node that gives it, how TFX reads it, and the document that explains it.
_GATES = {
    "model_blessing": ("Evaluator", model_utils.is_model_blessed, "decision.json"),
    "infra_blessing": ("ServingCheck", model_utils.is_infra_validated, "report.json"),
}


class Executor(tfx_executor.Executor):
    """TFX's Pusher with an atomic push."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Pushes the model, or marks it as not pushed with the reason.

        Raises:
          ComponentError: the destination is not a folder of this machine, or the key to sign with cannot be used.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        model_path = Path(self.GetModelPath(input_dict))
        reasons = [reason for key in _GATES if (reason := _refusal(key, input_dict))]
        reasons = reasons or [reason for reason in [_not_approved(input_dict, model_path)] if reason]
        if reasons:
            logging.info("Not pushed: %s", " ".join(reasons))
            self._MarkNotPushed(pushed_model)
            pushed_model.set_string_custom_property(NOT_PUSHED_REASON, " ".join(reasons))
            return
        signing = SigningSettings.from_json(json.loads(exec_properties["signing"]))
        # The artifact's URI holds the execution's id, which stays when a killed execution is taken up again.
        published = publish(
            model_path,
            _base_folder(exec_properties["push_destination"]),
            push_id=original_uri(pushed_model.uri),
            model_uri=original_uri(artifact_utils.get_single_uri(input_dict["model"])),
            seal=_seal(signing),
        )
        version = published.version
        shutil.copytree(version, pushed_model.uri, dirs_exist_ok=True)
        self._MarkPushed(pushed_model, pushed_destination=str(version), pushed_version=version.name)
        pushed_model.set_string_custom_property(SIGNATURE_PROPERTY, verify_model(version, signing).sentence)
        pushed_model.set_int_custom_property(ALREADY_PUSHED, int(published.was_there))
        logging.info("Already pushed: %s." if published.was_there else "Pushed to %s.", version)


def _refusal(key: str, input_dict: Artifacts) -> str | None:
    if key not in input_dict:
        return None
    gate, is_blessed, document_name = _GATES[key]
    artifacts = input_dict[key]
    if not artifacts:
        return refusal(gate, None, None)
    blessing = artifact_utils.get_single_instance(artifacts)
    path = os.path.join(blessing.uri, document_name)
    document = json.loads(io_utils.read_string_file(path)) if fileio.exists(path) else None
    return refusal(gate, is_blessed(blessing), document)


def _not_approved(input_dict: Artifacts, model_path: Path) -> str | None:
    artifacts = input_dict.get("approval")
    if not artifacts:
        return not_approved(None, model_digest(model_path), utc_now())
    path = os.path.join(artifact_utils.get_single_instance(artifacts).uri, APPROVAL_FILE)
    document = json.loads(io_utils.read_string_file(path)) if fileio.exists(path) else None
    return not_approved(document, model_digest(model_path), utc_now())


def _seal(signing: SigningSettings) -> Seal | None:
    """How these settings sign, None if they do not."""
    key = signing_key(signing)
    if key is None:
        return None

    def holds(version: Path) -> bool:
        try:
            verify_model(version, signing)
        except SignatureRefused:
            return False
        return True

    return Seal(put=lambda folder: sign_model(folder, key), holds=holds)


def _base_folder(push_destination: str) -> Path:
    destination = proto_utils.json_to_proto(push_destination, pusher_pb2.PushDestination())
    folder = destination.filesystem.base_directory
    if not folder or "://" in folder:
        raise ComponentError(
            f"Node 'Pusher' cannot push to {folder or 'no folder'!r}: a model is published by an atomic rename, which "
            "needs a folder of this machine. Set push.directory to one."
        )
    return Path(folder)
