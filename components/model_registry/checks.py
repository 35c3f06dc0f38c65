"""What every registry checks of a version before it takes it in or moves it on."""

from collections.abc import Sequence
from pathlib import Path

from components.ledger.ledger import Entry, Ledger
from components.model_digest import model_digest
from components.model_registry.objections import is_approved, objection
from components.model_registry.registry import ModelDamaged, Registration
from components.model_registry.versions import ChangeRefused, History, ModelVersion
from components.signing.settings import SigningSettings
from components.signing.signature import Checked, verify_model


def registered_before(history: History, registration: Registration, checked: Checked) -> ModelVersion | None:
    """The version as which this very model was registered before.

    Raises:
      ModelDamaged: the version's number belongs to other bytes.
    """
    for version in history.versions.values():
        same_model = version.model_digest == registration.model_digest
        if version.version == registration.version and not same_model:
            raise ModelDamaged(
                f"Version {version.version} is in the registry with other bytes (registered "
                f"{version.model_digest[:12]}, now {registration.model_digest[:12]}). A version is never changed: push "
                "the model as a new one."
            )
        same_push = version.run == registration.run and version.signed_by == checked.signed_by
        if version.version == registration.version or (same_model and same_push):
            return version
    return None


def check_digest(folder: Path, wanted: str, when: str) -> None:
    """Raises: ModelDamaged if the folder does not hold the bytes that it held `when` (approved, registered)."""
    if not folder.is_dir():
        raise ModelDamaged(f"{folder}: the model is not there any more. Bring it back from a backup, or train another.")
    found = model_digest(folder)
    if found != wanted:
        raise ModelDamaged(
            f"{folder}: the model's bytes are not those that were {when} ({when} {wanted[:12]}, now {found[:12]}). "
            "Nothing was changed. Find out who changed them; bring the true ones back from a backup, or run the "
            "pipeline again."
        )


def check_approval(version: ModelVersion, approvals: Path | str | None) -> None:
    """Asks the record of approvals whether the version may still go on; None = nobody approves models.

    Raises:
      ModelDamaged: the record does not hold the approval any more.
      ChangeRefused: the approval was taken back.
    """
    entries = Ledger(approvals).entries() if approvals else []
    if approvals and version.decided_by == "people" and not is_approved(entries, version.model_digest):
        raise ModelDamaged(
            f"Version {version.version} must not be promoted: people approved its model, and {approvals} does "
            "not hold that any more: entries were cut off, or the file was replaced or is gone. Nothing was "
            "changed. Put the true file back; or name the configuration of the pipeline that made the version."
        )
    if said := objection(entries, version.model_digest, version.evidence_digest):
        raise ChangeRefused(
            f"Version {version.version} must not be promoted: its model was {said}. Where that no longer stands: "
            f"penstock approve {version.run} --supersede --reason WHY."
        )


def check_bytes(folder: Path, version: ModelVersion, signing: SigningSettings) -> str:
    """Who signed the version in the folder, in words.

    Raises:
      ModelDamaged, SignatureRefused: it cannot be trusted any more.
    """
    check_digest(folder, version.model_digest, "registered")
    return verify_model(folder, signing).sentence


def is_newest_change(entries: Sequence[Entry], kind: str, version: str, to_stage: str) -> bool:
    """True if the record ends with this change: it is what a killed command had begun, and is done now."""
    newest = entries[-1]
    return newest.kind == kind and (newest.content["version"], newest.content["to_stage"]) == (version, to_stage)
