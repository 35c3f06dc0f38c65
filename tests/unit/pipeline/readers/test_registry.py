"""As what a run's model was registered, read from its document and from the registry as it is now."""

import json

import pytest

from components.model_digest import model_digest
from components.model_registry.document import VERSION_FILE, VersionDocument
from components.model_registry.local import LocalRegistry
from components.model_registry.registry import Ask, Registration
from components.signing.settings import SigningSettings
from pipeline.errors import NotFound
from pipeline.readers.registry import read_registered


def written(folder, document):
    (folder / VERSION_FILE).write_text(json.dumps(document.to_json()))
    return folder


@pytest.fixture
def registry(tmp_path):
    made = LocalRegistry(tmp_path / "registry", SigningSettings())
    model = tmp_path / "pushed"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"graph")
    made.register(model, Registration("7", "run-1", "/m", model_digest(model), "", "rules", {}))
    return made


def document(registry, version="7"):
    return VersionDocument(True, "churn", str(registry.root), version, "candidate", "d" * 64, "unsigned")


def test_the_stage_is_that_of_now(registry, tmp_path):
    folder = written(tmp_path, document(registry))
    assert read_registered(folder).stage == "candidate"
    registry.promote("7", "staging", Ask("ann", "good"))
    found = read_registered(folder)
    assert (found.stage, found.document.stage, found.problem) == ("staging", "candidate", "")


def test_a_moved_registry_is_read_where_it_is(registry, tmp_path):
    folder = written(tmp_path, document(registry))
    moved = registry.root.rename(tmp_path / "elsewhere")
    assert "knows no version 7" in read_registered(folder).problem
    assert read_registered(folder, moved).version.version == "7"


def test_what_was_not_registered_says_why(tmp_path):
    folder = written(tmp_path, VersionDocument(False, "churn", "/nowhere", reason="Nothing was pushed: too bad."))
    found = read_registered(folder)
    assert (found.version, found.stage) == (None, "")
    assert found.sentence == "not registered. Nothing was pushed: too bad."


@pytest.mark.parametrize("text", ['{"format": 2}', '{"format": 1, "odd": 1}', "[]", "x", None])
def test_a_document_that_cannot_be_read_is_missing_with_its_place(tmp_path, text):
    if text is not None:
        (tmp_path / VERSION_FILE).write_text(text)
    with pytest.raises(NotFound, match=VERSION_FILE):
        read_registered(tmp_path)


def test_a_record_that_cannot_be_read_is_told_and_stops_nothing(registry, tmp_path):
    folder, record = written(tmp_path, document(registry)), registry.record.path
    record.unlink()
    record.mkdir()
    found = read_registered(folder)
    assert found.version is None
    assert "cannot be read" in found.problem
    assert str(record) in found.problem
