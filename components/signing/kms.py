"""A signing key that AWS KMS keeps: only a digest goes there, only a signature comes back."""

import functools
from typing import TYPE_CHECKING, Any, Protocol

from components.aws_advice import client_advice
from components.errors import ComponentError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_ALGORITHMS = {"sha256": "ECDSA_SHA_256", "sha384": "ECDSA_SHA_384", "sha512": "ECDSA_SHA_512"}
"""KMS' names by hash: https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html"""


class KmsClient(Protocol):
    """The two calls of boto3's KMS client that signing needs."""

    def get_public_key(self, *, KeyId: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """`PublicKey` is the DER-encoded SubjectPublicKeyInfo."""

    def sign(
        self,
        *,
        KeyId: str,  # noqa: N803
        Message: bytes,  # noqa: N803
        MessageType: str,  # noqa: N803
        SigningAlgorithm: str,  # noqa: N803
    ) -> dict[str, Any]:
        """`Signature` is DER-encoded."""


class KmsKey:
    """A `SigningKey` whose private half never leaves the service."""

    def __init__(self, client: KmsClient, key: str) -> None:
        """Takes the client, and the key's id, ARN or alias; asks for nothing yet."""
        self._client = client
        self._key = key

    def public_key(self) -> "EllipticCurvePublicKey":
        """The public half, as the service gives it.

        Raises:
          ComponentError: it is no elliptic-curve key, or the service refuses.
        """
        return self._public_key

    @functools.cached_property
    def _public_key(self) -> "EllipticCurvePublicKey":
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = serialization.load_der_public_key(self._call("get_public_key", KeyId=self._key)["PublicKey"])
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise ComponentError(
                f"signing.kms {self._key}: not an elliptic-curve key. Name one of ECC_NIST_P256, ECC_NIST_P384 or "
                "ECC_NIST_P521 with key usage SIGN_VERIFY."
            )
        return key

    def sign(self, data: bytes, signature_algorithm: Any) -> bytes:
        """The DER-encoded ECDSA signature; the hash is taken here, because KMS takes 4,096 bytes at most.

        Raises:
          ComponentError: the service refuses.
        """
        from cryptography.hazmat.primitives import hashes

        digest = hashes.Hash(signature_algorithm.algorithm)
        digest.update(data)
        answer = self._call(
            "sign",
            KeyId=self._key,
            Message=digest.finalize(),
            MessageType="DIGEST",
            SigningAlgorithm=_ALGORITHMS[signature_algorithm.algorithm.name],
        )
        return bytes(answer["Signature"])

    def _call(self, name: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, name)(**arguments)
        except Exception as error:  # botocore's errors, which cannot be imported without it
            raise ComponentError(f"signing.kms {self._key}: AWS KMS refused to {name}: {error}") from error
        return answer


def aws_client() -> KmsClient:
    """boto3's KMS client, by the credentials and region of the environment.

    Raises:
      ComponentError: boto3 is not installed.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise ComponentError(
            "signing.mode is kms, which needs the package boto3; it is not part of the local environment. Install it "
            "beside the lock (pip install boto3), or sign with a key file: signing.mode key."
        ) from error
    try:
        client: KmsClient = boto3.client("kms")
    except BotoCoreError as error:
        raise ComponentError(f"AWS KMS cannot be asked: {error}. {client_advice(error)}".rstrip()) from error
    return client
