"""Whether a model's folder is what was deployed, and who signed it.

Needs nothing but `cryptography`: the image that serves holds no library that could sign. What is checked is what
components/signing writes: an OpenSSF Model Signing statement (in-toto) in a DSSE envelope of a Sigstore bundle. The
tests hold the two to each other. Sources: github.com/secure-systems-lab/dsse (protocol.md),
github.com/ossf/model-signing-spec.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.model_digest import PUT_IN_AFTERWARDS, model_digest
from serving.model_folder import ModelRefused

MODEL_DIGEST = "PENSTOCK_MODEL_DIGEST"
PUBLIC_KEY = "PENSTOCK_PUBLIC_KEY"

_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_PREDICATE_TYPE = "https://model_signing/signature/v1.0"


def check_model(folder: Path, digest: str, public_key: str) -> str:
    """Says who signed the model; call it right before loading, every time.

    Args:
      folder: the SavedModel's.
      digest: of the bytes that were deployed (components/model_digest.py).
      public_key: PEM of the key that must have signed; empty = the signature is not checked.

    Raises:
      ModelRefused: these are other bytes, or that key did not sign exactly these files.
    """
    if not digest:
        raise ModelRefused(
            f"{MODEL_DIGEST} is not set: nothing says which model this must be. EndpointPusher sets it; by hand it is "
            "what `penstock models` shows."
        )
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    if links:
        raise ModelRefused(f"{links[0]}: a link, whose target no digest covers. The model is not loaded.")
    if (found := model_digest(folder)) != digest:
        raise ModelRefused(
            f"{folder}: the model's bytes are not those that were deployed ({digest[:12]}, now {found[:12]}). It is "
            "not loaded. Find out who changed the archive, and deploy again."
        )
    if not public_key:
        return f"{PUBLIC_KEY} is not set: its signature was not checked"
    try:
        resources = _signed_files(json.loads((folder / PUT_IN_AFTERWARDS[1]).read_bytes()), public_key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelRefused(_unsigned(folder, f"{type(error).__name__}: {error}")) from error
    if differing := sorted(name for name, _ in resources.items() ^ _files(folder).items()):
        raise ModelRefused(_unsigned(folder, f"other files than were signed: {', '.join(dict.fromkeys(differing))}"))
    return "its signature holds"


def _unsigned(folder: Path, why: str) -> str:
    return f"{folder}: the signature does not hold ({why}). The model is not loaded. Find out who changed the archive."


def _files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the signature, by name."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != PUT_IN_AFTERWARDS[1]:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _signed_files(bundle: Mapping[str, Any], public_key: str) -> dict[str, str]:
    """SHA-256 of every file that the holder of the key signed; ValueError, KeyError or TypeError if it is none."""
    envelope = bundle["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"], validate=True)
    [signature] = envelope["signatures"]
    _verify(public_key, base64.b64decode(signature["sig"], validate=True), envelope["payloadType"], payload)
    statement = json.loads(payload)
    if (envelope["payloadType"], statement["predicateType"]) != (_PAYLOAD_TYPE, _PREDICATE_TYPE):
        raise ValueError(f"it signs a {statement['predicateType']}, expected {_PREDICATE_TYPE}")
    resources = statement["predicate"]["resources"]
    if any(resource["algorithm"] != "sha256" for resource in resources):
        raise ValueError("it names files by another algorithm than sha256")
    return {resource["name"]: resource["digest"] for resource in resources}


def _verify(public_key: str, signature: bytes, payload_type: str, payload: bytes) -> None:
    """Raises ValueError unless the key signed this payload, as DSSE's pre-authentication encoding."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_public_key(public_key.encode())
    by_curve = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in by_curve:
        raise ValueError(f"{PUBLIC_KEY} is no elliptic-curve key of P-256, P-384 or P-521")
    kind = payload_type.encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    try:
        key.verify(signature, signed, ec.ECDSA(by_curve[key.curve.name]))
    except InvalidSignature:
        raise ValueError("this key did not sign it") from None
