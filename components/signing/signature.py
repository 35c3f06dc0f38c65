"""Signs a model folder and checks the signature, by OpenSSF Model Signing (the library `model-signing`).

The signature is `assets.extra/model.sig` in the folder: a Sigstore bundle with an in-toto statement that names every
other file with its SHA-256, the push's receipt included. A file that was changed, added, removed or put behind a link
shows. Everything happens on this machine: no certificate authority and no transparency log is asked.

The library's private modules are used in one place, `_Signer`: it has no public way to bring a signer of one's own.
"""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from components.errors import ComponentError
from components.model_digest import PUT_IN_AFTERWARDS
from components.signing.keys import key_id, load_private_key, load_public_key
from components.signing.settings import SigningSettings

SIGNATURE = PUT_IN_AFTERWARDS[1]
"""Where the signature lies in a model folder."""


class SignatureRefused(ComponentError):
    """A model must not be used: its signature is missing, of another key, or does not fit its files."""


class SigningKey(Protocol):
    """What signs: a private key of `cryptography`, or one that a key management service keeps.

    manifest of the folder → payload (in-toto) → `sign(bytes, ECDSA(hash))` → DER → bundle in `model.sig`
    """

    def public_key(self) -> Any:
        """Its public half, an `EllipticCurvePublicKey`."""

    def sign(self, data: bytes, signature_algorithm: Any) -> bytes:
        """The DER-encoded ECDSA signature of `data`, hashed by the algorithm's hash."""


@dataclasses.dataclass(frozen=True)
class Checked:
    """What a check of a signature found.

    Attributes:
      signed_by: id of the key (SHA-256 of the public key), None if the signature was not checked.
      sentence: in words, such as `unsigned: signing.mode is unsigned`.
    """

    signed_by: str | None
    sentence: str


def sign_model(folder: Path, key: SigningKey) -> None:
    """Puts the signature over all files of `folder` into it.

    Raises:
      SignatureRefused: a link lies in the folder, whose target no signature would cover.
    """
    from model_signing import signing

    path = folder / SIGNATURE
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    config = signing.Config().set_hashing_config(_hashing())
    config._signer = _signer(key)
    try:
        config.sign(folder, path)
    except ValueError as error:
        raise SignatureRefused(f"{folder}: cannot be signed: {error}") from error


def verify_model(folder: Path, settings: SigningSettings) -> Checked:
    """Checks a model folder before it is promoted or loaded; call it right before loading, every time.

    Args:
      folder: the SavedModel's folder, such as a pushed version.
      settings: which key must have signed; with `unsigned` and without a public key nothing is checked.

    Raises:
      SignatureRefused: saying which file differs, or which key was expected.
    """
    if settings.public_key is None or (not settings.signs and not is_signed(folder)):
        state = "signed, not checked" if is_signed(folder) else "unsigned"
        return Checked(None, f"{state}: signing.mode is {settings.mode}")
    return verify_with_key(folder, Path(settings.public_key))


def verify_with_key(folder: Path, public_key: Path) -> Checked:
    """Checks that the holder of the private key that belongs to `public_key` signed exactly these files.

    Raises:
      SignatureRefused: it is not so.
    """
    from model_signing import verifying

    if not folder.is_dir():
        raise SignatureRefused(f"{folder}: there is no such model folder.")
    if not is_signed(folder):
        raise SignatureRefused(
            f"{folder}: the model is not signed ({SIGNATURE} is missing). Push it again with signing.mode key or kms; "
            "to do without signatures, say so: signing.mode unsigned."
        )
    found = key_id(load_public_key(public_key))
    verifier = verifying.Config().set_hashing_config(_hashing()).use_elliptic_key_verifier(public_key=public_key)
    try:
        verifier.verify(folder, folder / SIGNATURE)
    except Exception as error:  # a bundle that was tampered with fails in any way; all mean no
        raise SignatureRefused(_why(folder, public_key, error)) from error
    return Checked(found, f"signed by key {found[:12]}, checked")


def is_signed(folder: Path) -> bool:
    """True if a signature lies there, whatever it is worth."""
    return (folder / SIGNATURE).is_file()


def signing_key(settings: SigningSettings, environment: Mapping[str, str] | None = None) -> SigningKey | None:
    """The key that these settings sign with, None for `unsigned`.

    Raises:
      ComponentError: the key is not there, cannot be read, or does not belong to `public_key`.
    """
    if not settings.signs:
        return None
    key = _key_of(settings, os.environ if environment is None else environment)
    wanted, has = key_id(load_public_key(Path(str(settings.public_key)))), key_id(key.public_key())
    if wanted != has:
        raise ComponentError(
            f"signing.public_key {settings.public_key} (key {wanted[:12]}) does not belong to the key that signs "
            f"({has[:12]}): nothing signed could ever be verified. Name the two halves of one key."
        )
    return key


def _key_of(settings: SigningSettings, environment: Mapping[str, str]) -> SigningKey:
    if settings.mode == "kms":
        from components.signing.kms import KmsKey, aws_client

        return KmsKey(aws_client(), settings.kms_key)
    return load_private_key(Path(str(settings.private_key)), settings.passphrase_env, environment)


def _hashing() -> Any:
    """Every file but the signature itself, by SHA-256; `.git` and the like are no exception."""
    from model_signing import hashing

    return hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)


def _signer(key: SigningKey) -> Any:
    from model_signing._signing import sign_ec_key

    class Signer(sign_ec_key.Signer):
        def __init__(self) -> None:
            sign_ec_key._check_supported_ec_key(key.public_key())
            self._private_key: Any = key

    return Signer()


def _why(folder: Path, public_key: Path, error: Exception) -> str:
    said = str(error) or type(error).__name__
    if "Key mismatch" in said:
        said = f"another key signed it than {public_key}"
    elif type(error).__name__ == "InvalidSignature":
        said = "the signature was not made by this key over this statement"
    elif "Hash mismatch" in said:
        changed = re.findall(r"Hash mismatch for \\?'(.*?)\\?': Expected", said)  # a list's repr
        said = f"these files are not what was signed: {', '.join(changed)}"
    elif "is a symlink" in said:
        said = "there is a link in the folder, whose target no signature covers"
    elif not isinstance(error, ValueError) or isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        said = f"{SIGNATURE} is no signature that can be read ({type(error).__name__}: {said})"
    return (
        f"{folder}: the signature does not hold: {said.rstrip('. ')}. Do not load this model. Find out who changed it, "
        "or name the right signing.public_key."
    )
