"""What a signing configuration must say, and what it must never hold."""

import json

import pytest

from components.signing.settings import SigningSettings

KEY = {"private_key": "k.pem", "public_key": "k.pub"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "key", **KEY},
        {"mode": "key", **KEY, "passphrase_env": "PENSTOCK_KEY_PASSPHRASE"},
        {"mode": "kms", "kms": "awskms:///alias/models", "public_key": "k.pub"},
        {"mode": "kms", "kms": "awskms:///arn:aws:kms:eu-west-1:111122223333:key/1234", "public_key": "k.pub"},
        {"public_key": "k.pub"},
    ],
)
def test_settings_survive_being_written_down(given):
    settings = SigningSettings(**given)
    assert SigningSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "sigstore"}, "'sigstore' is not one of unsigned, key, kms"),
        ({"mode": "key", "public_key": "k.pub"}, "mode key needs private_key"),
        ({"mode": "key", "private_key": "k.pem"}, "mode key needs public_key"),
        ({"mode": "kms", "public_key": "k.pub"}, "mode kms needs kms"),
        ({"mode": "kms", "kms": "alias/models", "public_key": "k.pub"}, "expected awskms:///"),
        ({"mode": "kms", "kms": "awskms:///", "public_key": "k.pub"}, "expected awskms:///"),
        ({"mode": "kms", "kms": "awskms:///alias/", "public_key": "k.pub"}, "expected awskms:///"),
        ({"mode": "kms", "kms": "gcpkms://projects/p", "public_key": "k.pub"}, "expected awskms:///"),
    ],
)
def test_what_cannot_sign_or_be_verified_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        SigningSettings(**given)


def test_a_passphrase_in_place_of_a_variables_name_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="does not belong in a configuration") as refused:
        SigningSettings("key", **KEY, passphrase_env="correct horse!")
    assert "horse" not in str(refused.value)


def test_every_problem_is_told_at_once():
    with pytest.raises(ValueError, match=r"needs private_key(.|\n)*needs public_key"):
        SigningSettings("key")


def test_the_kms_key_is_what_aws_takes():
    assert SigningSettings("kms", kms="awskms:///alias/models", public_key="k").kms_key == "alias/models"
