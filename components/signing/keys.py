"""Key files: a new pair, and reading its halves."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import ComponentError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

CURVES = ("secp256r1", "secp384r1", "secp521r1")


def new_key_pair(private_key: Path, public_key: Path, passphrase: str | None) -> str:
    """Writes a new P-256 key pair as PEM, the private half readable by its owner only; returns the key's id.

    Args:
      private_key: must not exist yet.
      public_key: must not exist yet.
      passphrase: encrypts the private half; None leaves it open.

    Raises:
      ComponentError: one of the files exists; nothing was written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    for path in (private_key, public_key):
        if path.exists():
            raise ComponentError(f"{path}: exists already. Name another file: what it signed needs it to be verified.")
    key = ec.generate_private_key(ec.SECP256R1())
    closed = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed)
    private_key.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    public_key.write_bytes(_pem(key.public_key()))
    return key_id(key.public_key())


def load_private_key(
    path: Path, passphrase_env: str | None, environment: Mapping[str, str]
) -> "EllipticCurvePrivateKey":
    """The private key in a PEM file.

    Raises:
      ComponentError: naming file or variable, never the passphrase.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    passphrase = _passphrase(path, passphrase_env, environment)
    try:
        key = serialization.load_pem_private_key(_read(path, "private_key"), passphrase)
    except TypeError as error:
        state = "is encrypted, and signing.passphrase_env is not set" if passphrase is None else "is not encrypted"
        advice = "Set" if passphrase is None else "Take away"
        raise ComponentError(f"signing.private_key {path} {state}. {advice} signing.passphrase_env.") from error
    except ValueError as error:
        wrong = f" with the passphrase in {passphrase_env}" if passphrase is not None else ""
        raise ComponentError(f"signing.private_key {path}: cannot be read as a PEM key{wrong}.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise ComponentError(f"signing.private_key {path}: {_wrong_kind()}")
    return key


def load_public_key(path: Path) -> "EllipticCurvePublicKey":
    """The public key in a PEM file.

    Raises:
      ComponentError: it is not there, or no elliptic-curve key.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = serialization.load_pem_public_key(_read(path, "public_key"))
    except ValueError as error:
        raise ComponentError(
            f"signing.public_key {path}: cannot be read as a PEM public key. Name the FILE.pub that belongs "
            "to the private key."
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise ComponentError(f"signing.public_key {path}: {_wrong_kind()}")
    return key


def key_id(public_key: "EllipticCurvePublicKey") -> str:
    """SHA-256 of the public key's PEM text; a signature names its key by the same."""
    return hashlib.sha256(_pem(public_key)).hexdigest()


def public_key_text(path: Path) -> str:
    """The public key in a PEM file as PEM text, in the form by which `key_id` knows it; raises as `load_public_key`."""
    return _pem(load_public_key(path)).decode()


def _passphrase(path: Path, name: str | None, environment: Mapping[str, str]) -> bytes | None:
    if name is None:
        return None
    if not environment.get(name):
        raise ComponentError(
            f"The environment variable {name} (signing.passphrase_env) is not set; it must hold the passphrase of "
            f"{path} wherever models are pushed."
        )
    return environment[name].encode()


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        advice = "Make a pair with: penstock keys new FILE."
        raise ComponentError(f"signing.{key} {path}: {error.strerror or error}. {advice}") from error


def _pem(public_key: "EllipticCurvePublicKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _wrong_kind() -> str:
    return "not an elliptic-curve key of P-256, P-384 or P-521. Make a pair with: penstock keys new FILE."
