"""A key that a service keeps signs like one in a file; what goes to the service is a digest."""

import hashlib
import sys

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

from components.errors import ComponentError
from components.signing.kms import KmsKey, aws_client
from components.signing.settings import SigningSettings
from components.signing.signature import sign_model, signing_key, verify_with_key


class Service:
    """Answers as AWS KMS does, with a key of its own."""

    def __init__(self, private_key) -> None:
        self.private_key = private_key
        self.asked: list[dict[str, object]] = []

    def get_public_key(self, **asked):
        self.asked.append(asked)
        der, info = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return {"PublicKey": self.private_key.public_key().public_bytes(der, info)}

    def sign(self, **asked):
        self.asked.append(asked)
        algorithm = {"ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384()}[asked["SigningAlgorithm"]]
        assert asked["MessageType"] == "DIGEST"
        return {"Signature": self.private_key.sign(asked["Message"], ec.ECDSA(utils.Prehashed(algorithm)))}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    return folder


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()], ids=lambda curve: curve.name)
def test_what_the_service_signs_is_verified_by_its_public_key(model, tmp_path, curve):
    service = Service(ec.generate_private_key(curve))
    sign_model(model, KmsKey(service, "alias/models"))
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "models.pub").write_bytes(service.private_key.public_key().public_bytes(pem, info))
    assert verify_with_key(model, tmp_path / "models.pub").signed_by
    assert {asked["KeyId"] for asked in service.asked} == {"alias/models"}


def test_the_service_gets_the_digest_and_never_the_model():
    service = Service(ec.generate_private_key(ec.SECP256R1()))
    KmsKey(service, "k").sign(b"x" * 10_000, ec.ECDSA(hashes.SHA256()))
    assert service.asked[-1]["Message"] == hashlib.sha256(b"x" * 10_000).digest()


def test_a_key_of_another_kind_is_refused():
    service = Service(rsa.generate_private_key(65537, 2048))
    with pytest.raises(ComponentError, match="ECC_NIST_P256"):
        KmsKey(service, "alias/rsa").public_key()


def test_what_the_service_refuses_is_told_with_the_key():
    class Refusing:
        def get_public_key(self, **_):
            raise RuntimeError("AccessDeniedException: no")

    with pytest.raises(ComponentError, match=r"alias/k: AWS KMS refused to get_public_key: AccessDenied"):
        KmsKey(Refusing(), "alias/k").public_key()


def test_without_boto3_the_message_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ComponentError, match="needs the package boto3"):
        signing_key(SigningSettings("kms", kms="awskms:///alias/k", public_key="k.pub"))
    with pytest.raises(ComponentError, match=r"signing\.mode key"):
        aws_client()
