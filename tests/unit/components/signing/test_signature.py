"""A signature holds for exactly the files that were signed, by exactly that key."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from components.errors import ComponentError
from components.model_digest import model_digest
from components.pusher.publish import RECEIPT, Seal, publish, versions
from components.signing.keys import key_id, load_private_key, load_public_key, new_key_pair
from components.signing.settings import SigningSettings
from components.signing.signature import (
    SIGNATURE,
    SignatureRefused,
    is_signed,
    sign_model,
    signing_key,
    verify_model,
    verify_with_key,
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> SigningSettings:
    folder = tmp_path_factory.mktemp("keys")
    new_key_pair(folder / "models.pem", folder / "models.pem.pub", None)
    return SigningSettings("key", str(folder / "models.pem"), public_key=str(folder / "models.pem.pub"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "7"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables/variables.data").write_bytes(b"weights")
    (folder / RECEIPT).parent.mkdir()
    (folder / RECEIPT).write_text('{"version": 7}')
    return folder


@pytest.fixture
def signed(model: Path, keys: SigningSettings) -> Path:
    sign_model(model, signing_key(keys))
    return model


def test_a_signed_model_passes_and_the_key_is_named(signed, keys):
    identity = key_id(load_public_key(Path(keys.public_key)))
    assert identity == hashlib.sha256(Path(keys.public_key).read_bytes()).hexdigest()
    checked = verify_model(signed, keys)
    assert checked.signed_by == identity
    assert checked.sentence == f"signed by key {identity[:12]}, checked"


def test_a_copy_under_another_name_passes(signed, keys, tmp_path):
    shutil.copytree(signed, tmp_path / "elsewhere")
    assert verify_model(tmp_path / "elsewhere", keys).signed_by


def test_signing_changes_no_file_of_the_model(model, keys):
    before = model_digest(model)
    sign_model(model, signing_key(keys))
    assert model_digest(model) == before


TAMPERED = {
    "a changed byte": (
        lambda folder: (folder / "saved_model.pb").write_bytes(b"grapf"),
        "not what was signed: saved_mo",
    ),
    "a changed receipt": (lambda folder: (folder / RECEIPT).write_text("{}"), f"not what was signed: {RECEIPT}"),
    "an added file": (lambda folder: (folder / "more").write_bytes(b""), "Extra files found in model '7': more"),
    "an added file of git": (lambda folder: (folder / ".gitignore").write_bytes(b""), "Extra files"),
    "a removed file": (lambda folder: (folder / "variables/variables.data").unlink(), "Missing files in model '7'"),
    "a renamed file": (lambda folder: (folder / "saved_model.pb").rename(folder / "other.pb"), "Extra files"),
    "a link": (lambda folder: (folder / "link").symlink_to("/etc/hostname"), "there is a link in the folder"),
    "no signature": (lambda folder: (folder / SIGNATURE).unlink(), "not signed"),
    "garbage for a signature": (lambda folder: (folder / SIGNATURE).write_text("x"), "no signature that can be read"),
    "bytes for a signature": (
        lambda folder: (folder / SIGNATURE).write_bytes(b"\xff"),
        "no signature that can be read",
    ),
    "an empty signature": (lambda folder: (folder / SIGNATURE).write_text("{}"), "no signature that can be read"),
    "a signature that is no JSON": (lambda folder: (folder / SIGNATURE).write_text("x"), "does not hold"),
    "a cut signature": (
        lambda folder: (folder / SIGNATURE).write_text((folder / SIGNATURE).read_text()[:-40]),
        "does not hold",
    ),
    "no folder": (shutil.rmtree, "no such model folder"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_done_to_a_signed_model_shows(signed, keys, what):
    tamper, words = TAMPERED[what]
    tamper(signed)
    with pytest.raises(SignatureRefused, match=words):
        verify_model(signed, keys)


def test_a_statement_under_the_signature_of_another_model_is_refused(signed, keys, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(signed, other)
    (other / "saved_model.pb").write_bytes(b"another")
    sign_model(other, signing_key(keys))
    shutil.copy(other / SIGNATURE, signed / SIGNATURE)
    with pytest.raises(SignatureRefused, match="not what was signed"):
        verify_model(signed, keys)


def test_another_key_is_refused(signed, tmp_path):
    new_key_pair(tmp_path / "b.pem", tmp_path / "b.pub", None)
    with pytest.raises(SignatureRefused, match="another key signed it"):
        verify_with_key(signed, tmp_path / "b.pub")


def test_a_forged_key_hint_is_refused(signed, keys, tmp_path):
    """The signature's own word on which key made it counts for nothing."""
    new_key_pair(tmp_path / "b.pem", tmp_path / "b.pub", None)
    hints = [key_id(load_public_key(Path(path))) for path in (keys.public_key, tmp_path / "b.pub")]
    text = (signed / SIGNATURE).read_text()
    assert hints[0] in text
    (signed / SIGNATURE).write_text(text.replace(*hints))
    with pytest.raises(SignatureRefused, match="was not made by this key"):
        verify_with_key(signed, tmp_path / "b.pub")


def test_the_librarys_own_command_accepts_the_signature(signed, keys):
    """A second implementation of nothing, but another way in: what we write is what others can check."""
    from model_signing import verifying

    verifying.Config().use_elliptic_key_verifier(public_key=keys.public_key).verify(signed, signed / SIGNATURE)


def test_unsigned_mode_is_said_and_asks_for_nothing(model, keys):
    assert verify_model(model, SigningSettings()).sentence == "unsigned: signing.mode is unsigned"
    sign_model(model, signing_key(keys))
    assert verify_model(model, SigningSettings()).sentence == "signed, not checked: signing.mode is unsigned"
    assert signing_key(SigningSettings()) is None


def test_a_signature_is_checked_in_unsigned_mode_too_where_a_key_is_named(signed, keys):
    settings = SigningSettings(public_key=keys.public_key)
    assert verify_model(signed, settings).signed_by
    (signed / "saved_model.pb").write_bytes(b"evil")
    with pytest.raises(SignatureRefused):
        verify_model(signed, settings)


def test_an_encrypted_key_needs_its_passphrase_and_no_message_tells_it(tmp_path, model):
    private, public = tmp_path / "k.pem", tmp_path / "k.pub"
    new_key_pair(private, public, "open sesame")
    settings = SigningSettings("key", str(private), "PASS", public_key=str(public))
    sign_model(model, signing_key(settings, {"PASS": "open sesame"}))
    assert verify_model(model, settings).signed_by
    for environment, words in (({}, "PASS .*is not set"), ({"PASS": "guess"}, "with the passphrase in PASS")):
        with pytest.raises(ComponentError, match=words) as refused:
            signing_key(settings, environment)
        assert "guess" not in str(refused.value)
    with pytest.raises(ComponentError, match=r"is encrypted, and signing\.passphrase_env is not set"):
        load_private_key(private, None, {})


def test_a_passphrase_for_an_open_key_is_refused(keys):
    with pytest.raises(ComponentError, match="is not encrypted"):
        load_private_key(Path(keys.private_key), "PASS", {"PASS": "x"})


def test_two_halves_of_different_keys_are_refused_before_anything_is_signed(keys, tmp_path):
    new_key_pair(tmp_path / "b.pem", tmp_path / "b.pub", None)
    mixed = SigningSettings("key", keys.private_key, public_key=str(tmp_path / "b.pub"))
    with pytest.raises(ComponentError, match="does not belong to the key that signs"):
        signing_key(mixed)


def test_a_key_pair_is_never_written_over_and_the_private_half_is_its_owners(tmp_path):
    private, public = tmp_path / "k.pem", tmp_path / "k.pub"
    new_key_pair(private, public, None)
    assert private.stat().st_mode & 0o077 == 0
    with pytest.raises(ComponentError, match="exists already"):
        new_key_pair(private, tmp_path / "other.pub", None)


@pytest.mark.parametrize(
    ("command", "words"),
    [(["genrsa", "-out", "k.pem", "2048"], "not an elliptic-curve key"), (["rand", "-out", "k.pem", "99"], "PEM key")],
)
def test_a_file_that_holds_no_fitting_key_is_refused(tmp_path, command, words):
    if shutil.which("openssl") is None:
        pytest.fail("these tests need openssl, which docs/registry.md names as another way to make keys")
    subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(ComponentError, match=words):
        load_private_key(tmp_path / "k.pem", None, {})


def test_keys_made_by_openssl_work(tmp_path, model):
    """The two commands in docs/registry.md."""
    for command in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k.pem"],
        ["ec", "-in", "k.pem", "-pubout", "-out", "k.pub"],
    ):
        subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True)
    settings = SigningSettings("key", str(tmp_path / "k.pem"), public_key=str(tmp_path / "k.pub"))
    sign_model(model, signing_key(settings))
    assert verify_model(model, settings).signed_by


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_larger_curves_sign_too(model, tmp_path, curve):
    from cryptography.hazmat.primitives import serialization

    key = ec.generate_private_key(curve)
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "k.pub").write_bytes(key.public_key().public_bytes(pem, info))
    sign_model(model, key)
    assert verify_with_key(model, tmp_path / "k.pub").signed_by


def test_a_link_in_a_model_is_not_signed(model, keys):
    (model / "link").symlink_to("/etc/hostname")
    with pytest.raises(SignatureRefused, match="cannot be signed"):
        sign_model(model, signing_key(keys))


def test_a_version_is_signed_before_anybody_can_see_it(model, keys, tmp_path):
    key, seen = signing_key(keys), []

    def put(folder: Path) -> None:
        seen.append([path.name for path in versions(tmp_path / "served")])
        sign_model(folder, key)

    seal = Seal(put, lambda folder: is_signed(folder))
    (model / RECEIPT).unlink()
    version = publish(model, tmp_path / "served", "run-1", "trained/1", 1000, seal).version
    assert seen == [[]]
    assert verify_model(version, keys).signed_by
    assert '"name": "1000"' in _statement(version)


def test_a_model_that_was_pushed_without_a_signature_is_pushed_again_with_one(model, keys, tmp_path):
    served, key = tmp_path / "served", signing_key(keys)
    (model / RECEIPT).unlink()
    publish(model, served, "run-1", "trained/1", 1000)
    seal = Seal(lambda folder: sign_model(folder, key), is_signed)
    names = [publish(model, served, f"run-{n}", "trained/1", 1000, seal).version.name for n in (2, 3)]
    assert names == ["1001", "1001"]


def _statement(version: Path) -> str:
    import base64
    import json

    bundle = json.loads((version / SIGNATURE).read_text())
    return base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
