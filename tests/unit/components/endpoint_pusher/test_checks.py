"""Nothing is deployed that is not approved, registered, signed, and byte for byte what was."""

import datetime
from pathlib import Path

import pytest

from components.endpoint_pusher.checks import DeployRefused, Registered, check_model
from components.model_digest import model_digest
from components.signing.keys import new_key_pair
from components.signing.settings import SigningSettings
from components.signing.signature import SignatureRefused, sign_model, signing_key

NOW = datetime.datetime(2026, 11, 26, 12, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    new_key_pair(folder / "models.pem", folder / "models.pem.pub", None)
    return SigningSettings("key", str(folder / "models.pem"), public_key=str(folder / "models.pem.pub"))


@pytest.fixture
def model(tmp_path: Path, keys) -> Path:
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    sign_model(folder, signing_key(keys))
    return folder


def approval(folder, **changes):
    return {"approved": True, "model_digest": model_digest(folder), "reasons": ["no."], **changes}


def test_a_model_that_is_all_of_it_may_be_deployed(model, keys):
    digest = model_digest(model)
    assert check_model(model, approval(model), Registered("7", digest), keys, NOW) == digest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"approved": False}, "not approved: no"),
        ({"model_digest": "0" * 64}, "bytes changed since it was approved"),
        ({"valid_until": "2026-11-26T11:59:59+00:00"}, "expired"),
        (None, "no approval"),
    ],
)
def test_without_an_approval_of_these_bytes_nothing_is_deployed(model, keys, changes, words):
    document = None if changes is None else approval(model, **changes)
    with pytest.raises(DeployRefused, match=words):
        check_model(model, document, Registered("7", model_digest(model)), keys, NOW)


@pytest.mark.parametrize(
    ("registered", "words"),
    [(Registered("", "", "it was refused."), "it was refused"), (Registered("7", "0" * 64), "not those of version 7")],
)
def test_what_the_registry_does_not_know_is_not_deployed(model, keys, registered, words):
    with pytest.raises(DeployRefused, match=words):
        check_model(model, approval(model), registered, keys, NOW)


def test_what_is_not_signed_is_not_deployed(model, keys):
    (model / "assets.extra" / "model.sig").unlink()
    registered = Registered("7", model_digest(model))
    with pytest.raises(SignatureRefused, match="not signed"):
        check_model(model, approval(model), registered, keys, NOW)
    with pytest.raises(DeployRefused, match="only models whose signature holds"):
        check_model(model, approval(model), registered, SigningSettings(), NOW)


def test_a_file_put_in_after_signing_shows_even_where_the_digest_leaves_it_out(model, keys):
    (model / "assets.extra" / "penstock_push.json").write_text("{}")
    with pytest.raises(SignatureRefused):
        check_model(model, approval(model), Registered("7", model_digest(model)), keys, NOW)
