"""What `components/signing` signs, checked without its library."""

import base64
import json
import shutil

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.model_digest import model_digest
from components.signing.signature import SIGNATURE, sign_model
from serving.model_check import check_model
from serving.model_folder import ModelRefused, find_model, missing_values


def pem(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A signed folder, and its key."""
    folder, key = tmp_path_factory.mktemp("signed") / "7", ec.generate_private_key(ec.SECP256R1())
    for name in ("saved_model.pb", "variables/variables.index", "assets.extra/penstock_push.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    sign_model(folder, key)
    return folder, key


@pytest.fixture
def model(signed, tmp_path):
    folder, key = signed
    return shutil.copytree(folder, tmp_path / "7"), key


def test_what_the_library_signed_holds(model):
    folder, key = model
    assert check_model(folder, model_digest(folder), pem(key)) == "its signature holds"
    assert "not checked" in check_model(folder, model_digest(folder), "")


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_every_curve_that_signs_is_checked(model, curve):
    folder, _ = model
    key = ec.generate_private_key(curve)
    sign_model(folder, key)
    assert check_model(folder, model_digest(folder), pem(key)) == "its signature holds"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "saved_model.pb").write_bytes(b"other"),
        lambda folder: (folder / "variables" / "variables.index").unlink(),
        lambda folder: (folder / "new").write_bytes(b""),
    ],
    ids=["changed", "removed", "added"],
)
def test_model_whose_bytes_changed_is_refused_by_its_digest(model, spoil):
    folder, key = model
    digest = model_digest(folder)
    spoil(folder)
    with pytest.raises(ModelRefused, match="not those that were deployed"):
        check_model(folder, digest, pem(key))
    with pytest.raises(ModelRefused, match="other files than were signed"):
        check_model(folder, model_digest(folder), pem(key))


def test_receipt_that_changed_is_refused_by_the_signature(model):
    folder, key = model
    digest = model_digest(folder)
    (folder / "assets.extra" / "penstock_push.json").write_bytes(b"other")
    with pytest.raises(ModelRefused, match=r"other files than were signed: assets.extra/penstock_push.json"):
        check_model(folder, digest, pem(key))


def test_other_keys_signature_is_refused(model):
    folder, _ = model
    with pytest.raises(ModelRefused, match="this key did not sign it"):
        check_model(folder, model_digest(folder), pem(ec.generate_private_key(ec.SECP256R1())))


def rewritten(bundle, change):
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()


def without_signature(bundle):
    bundle["dsseEnvelope"]["signatures"] = []


def other_payload(bundle):
    rewritten(bundle, lambda statement: statement["predicate"]["resources"].pop())


def other_type(bundle):
    bundle["dsseEnvelope"]["payloadType"] = "text/plain"


@pytest.mark.parametrize("change", [without_signature, other_payload, other_type, dict.clear])
def test_signature_that_was_tampered_with_is_refused(model, change):
    folder, key = model
    bundle = json.loads((folder / SIGNATURE).read_text())
    change(bundle)
    (folder / SIGNATURE).write_text(json.dumps(bundle))
    with pytest.raises(ModelRefused, match="signature does not hold"):
        check_model(folder, model_digest(folder), pem(key))


def test_statement_of_another_kind_is_refused_though_the_key_signed_it(model):
    folder, key = model
    bundle = json.loads((folder / SIGNATURE).read_text())
    rewritten(bundle, lambda statement: statement.update(predicateType="https://example.com/other"))
    envelope = bundle["dsseEnvelope"]
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    from cryptography.hazmat.primitives import hashes

    envelope["signatures"][0]["sig"] = base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()
    (folder / SIGNATURE).write_text(json.dumps(bundle))
    with pytest.raises(ModelRefused, match=r"example\.com/other, expected"):
        check_model(folder, model_digest(folder), pem(key))


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\xff"])
def test_file_that_is_no_signature_is_refused(model, content):
    folder, key = model
    (folder / SIGNATURE).unlink()
    if content is not None:
        (folder / SIGNATURE).write_bytes(content)
    with pytest.raises(ModelRefused, match="signature does not hold"):
        check_model(folder, model_digest(folder), pem(key))


def test_key_that_is_none_is_refused(model):
    folder, _ = model
    with pytest.raises(ModelRefused, match="signature does not hold"):
        check_model(folder, model_digest(folder), "-----BEGIN NOTHING-----")


def test_link_and_model_without_a_digest_are_refused(model):
    folder, key = model
    with pytest.raises(ModelRefused, match="PENSTOCK_MODEL_DIGEST is not set"):
        check_model(folder, "", pem(key))
    digest = model_digest(folder)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ModelRefused, match="a link"):
        check_model(folder, digest, pem(key))


def test_model_is_found_where_an_archive_is_unpacked_and_two_are_none(signed, tmp_path):
    folder, _ = signed
    assert find_model(folder) == folder
    assert find_model(folder.parent) == folder
    shutil.copytree(folder, tmp_path / "7")
    shutil.copytree(folder, tmp_path / "8")
    with pytest.raises(ModelRefused, match="there is 7, 8"):
        find_model(tmp_path)


def test_missing_values_are_the_descriptions_in_its_order_and_none_of_other_inputs(tmp_path):
    (tmp_path / "assets.extra").mkdir()
    columns = {"Stars": {"argument": "stars", "missing": None}, "body": {"argument": "body", "missing": ""}}
    (tmp_path / "assets.extra" / "penstock.json").write_text(json.dumps({"inputs": columns}))
    assert list(missing_values(tmp_path, {"body": 1, "stars": 1}).items()) == [("stars", None), ("body", "")]
    assert missing_values(tmp_path, {"examples": 1}) == {}
    assert missing_values(tmp_path / "assets.extra", {"body": 1}) == {}
