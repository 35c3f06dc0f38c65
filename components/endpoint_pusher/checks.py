"""Whether a model may be deployed: approved, signed, registered, and these very bytes. Files and documents, no AWS."""

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import ComponentError
from components.model_digest import model_digest
from components.pusher.blessings import not_approved
from components.signing.settings import SigningSettings
from components.signing.signature import verify_model


class DeployRefused(ComponentError):
    """The model must not be deployed; nothing was changed."""


@dataclasses.dataclass(frozen=True)
class Registered:
    """What the registry says of the model.

    Attributes:
      version: its number, empty if it is not registered.
      model_digest: of the bytes that were registered.
      reason: why it is not registered.
    """

    version: str
    model_digest: str
    reason: str = ""


def check_model(
    folder: Path,
    approval: Mapping[str, Any] | None,
    registered: Registered,
    signing: SigningSettings,
    now: datetime.datetime,
) -> str:
    """The digest of a model that may be deployed.

    Args:
      folder: the pushed model, receipt and signature included.
      approval: `approval.json`, None if there is none.
      registered: the registry's word.
      signing: which key must have signed.
      now: with zone.

    Raises:
      DeployRefused: it is not approved, not registered, not signed, or not what was approved or registered.
      SignatureRefused: its signature does not hold.
    """
    digest = model_digest(folder)
    if said := not_approved(approval, digest, now):
        raise DeployRefused(f"{said} It is not deployed.")
    if not registered.version:
        raise DeployRefused(f"The model is not registered: {registered.reason} It is not deployed.")
    if registered.model_digest != digest:
        raise DeployRefused(
            f"{folder}: the model's bytes are not those of version {registered.version} (registered "
            f"{registered.model_digest[:12]}, now {digest[:12]}). It is not deployed. Find out who changed them."
        )
    check_signature(folder, signing)
    return digest


def check_signature(folder: Path, signing: SigningSettings) -> str:
    """Who signed the folder, in words.

    Raises:
      DeployRefused: nothing says which key must have signed.
      SignatureRefused: that key did not sign exactly these files.
    """
    checked = verify_model(folder, signing)
    if checked.signed_by is None:
        raise DeployRefused(
            f"{folder}: the model is {checked.sentence}, and only models whose signature holds are deployed. Set "
            "signing.mode to key or kms, and signing.public_key."
        )
    return checked.sentence
