"""The registry that is one record: a version's stage is what the record says, and of two changes at once one wins.

The record is a file here; that it may be an object on S3 is the ledger's matter.
"""

import dataclasses
import json
from pathlib import Path

import pytest

from components.ledger.ledger import Ledger
from components.model_digest import model_digest
from components.model_registry.registry import Ask, ModelDamaged, Registration
from components.model_registry.remote import RemoteRegistry, image_of, place_of
from components.model_registry.versions import ChangeRefused
from components.signing.settings import SigningSettings

ASK = Ask("ann", "good enough")


@pytest.fixture
def registry(tmp_path):
    approvals = str(tmp_path / "approvals.jsonl")
    return RemoteRegistry(str(tmp_path / "registry"), SigningSettings(), approvals, fetch=Path)


@pytest.fixture
def push(tmp_path):
    """Pushes a model as that version; returns where, and what is known of it."""

    def made(version, content=b"weights"):
        folder = tmp_path / "pushed" / version
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_bytes(content + version.encode())
        digest = model_digest(folder)
        return folder, Registration(version, f"run-{version}", "/m", digest, "e" * 64, "rules", {"accuracy": 0.9})

    return made


def add(registry, push, *versions):
    for version in versions:
        folder, registration = push(version)
        registry.register(folder, registration, str(folder))


def stages(registry):
    return {number: version.stage for number, version in registry.history().versions.items()}


def test_a_version_is_on_record_with_the_place_that_it_was_pushed_to(registry, push):
    folder, registration = push("1")
    version = registry.register(folder, registration, "s3://bucket/pushed/1", "penstock@sha256:ab")
    assert (version.version, version.stage, place_of(version)) == ("1", "candidate", "s3://bucket/pushed/1")
    assert image_of(version) == "penstock@sha256:ab"
    assert version.metrics == {"accuracy": 0.9}


def test_a_model_is_registered_once_however_often_its_run_starts_again(registry, push):
    folder, registration = push("1")
    first = registry.register(folder, registration)
    assert registry.register(folder, registration) == first
    assert registry.register(folder, dataclasses.replace(registration, version="2")) == first
    assert len(registry.record.entries()) == 1


def test_other_bytes_under_a_number_that_is_taken_are_refused(registry, push):
    add(registry, push, "1")
    with pytest.raises(ModelDamaged, match="other bytes"):
        registry.register(*push("1", content=b"others"))


def test_bytes_that_nobody_approved_are_not_registered(registry, push):
    folder, registration = push("1")
    (folder / "saved_model.pb").write_bytes(b"others")
    with pytest.raises(ModelDamaged, match="approved"):
        registry.register(folder, registration)
    assert registry.record.entries() == []


def test_one_version_is_in_production_and_the_one_before_comes_back(registry, push):
    add(registry, push, "1", "2")
    for version in ("1", "2"):
        registry.promote(version, "staging", ASK)
        registry.promote(version, "production", ASK)
    assert stages(registry) == {"1": "archived", "2": "production"}
    assert registry.rollback(ASK).version == "1"
    assert stages(registry) == {"1": "production", "2": "archived"}


def test_a_version_whose_bytes_have_changed_is_not_promoted(registry, push):
    add(registry, push, "1")
    push("1", content=b"others")
    with pytest.raises(ModelDamaged, match="registered"):
        registry.promote("1", "staging", ASK)
    assert stages(registry) == {"1": "candidate"}


def test_a_version_whose_approval_is_gone_is_not_promoted(registry, push):
    folder, registration = push("1")
    registry.register(folder, dataclasses.replace(registration, decided_by="people"))
    with pytest.raises(ModelDamaged, match=r"approvals\.jsonl"):
        registry.promote("1", "staging", ASK)


def test_of_two_changes_at_once_one_is_made_and_the_other_asked_to_look_again(registry, push):
    add(registry, push, "1", "2")
    for version in ("1", "2"):
        registry.promote(version, "staging", ASK)

    def overtaken(place):
        other = dataclasses.replace(registry, fetch=Path)
        if stages(other)["2"] != "production":
            other.promote("2", "production", Ask("bob", "first"))
        return Path(place)

    slow = dataclasses.replace(registry, fetch=overtaken)
    with pytest.raises(ChangeRefused, match="changed while version 1"):
        slow.promote("1", "production", ASK)
    assert stages(registry) == {"1": "staging", "2": "production"}


def test_a_version_whose_bytes_are_gone_is_named_with_its_place(registry, push, tmp_path):
    add(registry, push, "1", "2")
    gone = str(tmp_path / "pushed" / "2")
    looked = dataclasses.replace(registry, missing=lambda places: [place for place in places if place == gone])
    assert looked.misplaced(looked.history()) == [f"{gone}: nothing whole is there; the bytes of version 2 are gone."]
    assert registry.misplaced(registry.history()) == []


def test_what_is_wrong_with_a_copy_is_said_of_the_place_that_it_was_made_of(registry, push, tmp_path):
    add(registry, push, "1")
    copy = tmp_path / "copy"
    copy.mkdir()
    with pytest.raises(ModelDamaged, match=rf"{tmp_path}/pushed/1: the model's bytes are not those"):
        dataclasses.replace(registry, fetch=lambda _: copy).promote("1", "staging", ASK)


def test_a_version_without_a_place_on_record_cannot_be_looked_at(registry, push):
    registry.register(*push("1"))
    with pytest.raises(ModelDamaged, match="does not say where its bytes are"):
        registry.promote("1", "staging", ASK)


def test_a_change_is_told_as_it_was_made_whatever_follows_it(registry, push, monkeypatch):
    add(registry, push, "1")
    real = Ledger.append

    def followed(ledger, kind, content, allow=None):
        entry = real(ledger, kind, content, allow)
        real(ledger, "promoted", {**content, "from_stage": "staging", "to_stage": "archived", "by": "bob"})
        return entry

    monkeypatch.setattr(Ledger, "append", followed)
    assert registry.promote("1", "staging", ASK).stage == "staging"
    assert stages(registry) == {"1": "archived"}


def test_the_record_is_a_ledger_that_anybody_can_check(registry, push):
    add(registry, push, "1")
    (entry,) = Ledger(f"{registry.root}/registry.jsonl").entries()
    assert json.loads(json.dumps(dict(entry.content)))["signature"] == "unsigned: signing.mode is unsigned"
