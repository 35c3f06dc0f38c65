"""Checks what was pushed, packs it, has it deployed, and writes `endpoint.json`."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.endpoint_pusher.checks import Registered, check_model
from components.endpoint_pusher.client import make_clients
from components.endpoint_pusher.deployer import Deployer, Deployment, deploy_folder
from components.endpoint_pusher.settings import DeploySettings, Target
from components.ledger.ledger import utc_now
from components.model_approval.document import APPROVAL_FILE
from components.signing.settings import SigningSettings

ENDPOINT_FILE = "endpoint.json"

Artifacts = dict[str, list[Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs the node."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Deploys the pushed model, once.

        Raises:
          DeployRefused, SignatureRefused: it must not be deployed.
          DeployFailed: AWS did not do it.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        target = Target.from_json(json.loads(exec_properties["target"]))
        endpoint = artifact_utils.get_single_instance(output_dict["endpoint"])
        pushed = artifact_utils.get_single_instance(input_dict["pushed_model"])
        if not pushed.get_int_custom_property("pushed"):
            reason = f"Nothing was pushed: {pushed.get_string_custom_property('not_pushed_reason')}"
            _write(endpoint, {"deployed": 0, "endpoint": target.endpoint, "reason": reason})
            return
        registered = _registered(artifact_utils.get_single_instance(input_dict["model_version"]))
        signing = SigningSettings.from_json(json.loads(exec_properties["signing"]))
        folder = Path(pushed.uri)
        digest = check_model(folder, _approval(input_dict), registered, signing, utc_now())
        settings = DeploySettings.from_json(json.loads(exec_properties["settings"]))
        run_id = str((self._context.pipeline_run_id if self._context else None) or "")
        said = {"by": "EndpointPusher", "reason": f"run {run_id} of the pipeline", "run": run_id}
        deployer = Deployer(target, make_clients(target.region))
        made = deploy_folder(deployer, settings, folder, Registered(registered.version, digest), said, signing)
        properties = {**_properties(made), "model_digest": digest, "version": registered.version}
        _write(endpoint, properties, {**made.details, "region": target.region})


def _registered(artifact: Artifact) -> Registered:
    if not artifact.registered:
        return Registered("", "", str(artifact.reason))
    return Registered(str(artifact.version), str(artifact.model_digest))


def _approval(input_dict: Artifacts) -> Any:
    artifacts = input_dict.get("approval")
    if not artifacts:
        return None
    path = os.path.join(artifact_utils.get_single_instance(artifacts).uri, APPROVAL_FILE)
    return json.loads(io_utils.read_string_file(path)) if fileio.exists(path) else None


def _properties(made: Deployment) -> dict[str, Any]:
    data = dataclasses.asdict(made)
    return {
        "deployed": 1,
        **{key: data[key] for key in ("endpoint", "previous_config", "model_name", "variant")},
        "endpoint_config": made.config_name,
        "reason": " ".join(made.notes),
    }


def _write(endpoint: Artifact, properties: dict[str, Any], details: Mapping[str, Any] | None = None) -> None:
    """Sets the artifact's properties, and writes the same and the details as a document."""
    text = json.dumps({"format": 1, **properties, **(details or {})}, indent=2, ensure_ascii=False)
    io_utils.write_string_file(os.path.join(endpoint.uri, ENDPOINT_FILE), text)
    for name, value in properties.items():
        setattr(endpoint, name, value)
    logging.info("EndpointPusher: %s", text)
