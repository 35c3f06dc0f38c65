"""The registry of a configuration, and what is told of its versions."""

import pytest

from components.model_digest import model_digest
from components.model_registry.registry import Ask, Registration
from components.model_registry.versions import ChangeRefused
from pipeline.config import load_config
from pipeline.errors import NotFound
from pipeline.model_versions import history_json, model_folder, nothing_registered, registry_of, version_rows

SMALLEST = "pipeline: {name: churn}\ndata: {path: customers.csv}\nlabel: {column: churned}\n"


def configured(folder, more=""):
    (folder / "penstock.yaml").write_text(SMALLEST + more)
    return load_config(folder / "penstock.yaml")


@pytest.fixture
def registry(tmp_path):
    made = registry_of(configured(tmp_path))
    for number in ("5", "6"):
        model = tmp_path / "pushed" / number
        model.mkdir(parents=True)
        (model / "saved_model.pb").write_bytes(number.encode())
        metrics = {"accuracy": 0.91234567, "auc": None}
        made.register(model, Registration(number, f"run-{number}", "/m", model_digest(model), "", "rules", metrics))
    return made


def test_the_registry_lies_below_the_root_under_the_models_name(tmp_path):
    assert registry_of(configured(tmp_path)).root == tmp_path / ".penstock/registry/churn"
    named = configured(tmp_path, "registry: {name: leavers}\n")
    assert registry_of(named).root == tmp_path / ".penstock/registry/leavers"


def test_another_model_of_the_root_can_be_named_and_an_unknown_one_is_refused_with_those_there_are(registry, tmp_path):
    config = configured(tmp_path, "registry: {name: other}\n")
    assert list(registry_of(config, "churn").history().versions) == ["5", "6"]
    with pytest.raises(NotFound, match=r"No model 'chum' .*There are: churn"):
        registry_of(config, "chum")
    for path in (".", "..", "../../data", ""):
        with pytest.raises(NotFound, match="No model "):
            registry_of(config, path)


def test_paths_of_keys_are_relative_to_the_configuration(tmp_path):
    signing = configured(tmp_path, "signing: {mode: key, private_key: k.pem, public_key: /keys/k.pub}\n").signing
    assert (signing.private_key, signing.public_key) == (str(tmp_path / "k.pem"), "/keys/k.pub")


def test_versions_are_listed_the_newest_first_with_what_was_measured(registry):
    header, newest, older = version_rows(registry.history())
    assert dict(zip(header, newest, strict=True))["metrics"] == "accuracy 0.9123"
    assert [row[:3] for row in (newest, older)] == [("6", "candidate", "run-6"), ("5", "candidate", "run-5")]


def test_as_data_everything_on_record_is_told(registry):
    registry.promote("5", "staging", Ask("ann", "good"))
    data = history_json(registry, registry.history())
    assert (data["name"], data["head"], data["production"]) == ("churn", registry.record.head, None)
    version = data["versions"][0]
    assert version["folder"] == str(registry.stage_folder("staging") / "5")
    assert [change["kind"] for change in version["changes"]] == ["registered", "promoted"]
    assert version["changes"][1]["reason"] == "good"


def test_without_a_word_what_is_in_production_is_meant_and_else_the_newest(registry, tmp_path):
    assert model_folder(registry, None)[1] == registry.stage_folder("candidate") / "6"
    for stage in ("staging", "production"):
        registry.promote("5", stage, Ask("ann", "good"))
    assert model_folder(registry, None)[1] == registry.stage_folder("production") / "5"
    assert model_folder(registry, "6")[1] == registry.stage_folder("candidate") / "6"
    assert model_folder(registry, str(tmp_path / "pushed" / "5"))[1] == tmp_path / "pushed" / "5"
    with pytest.raises(ChangeRefused, match="'7' is not in the registry"):
        model_folder(registry, "7")
    for folder in (str(tmp_path), "/nowhere"):
        with pytest.raises(ChangeRefused, match=r"no saved_model\.pb is in it"):
            model_folder(registry, folder)


def test_an_empty_record_beside_folders_of_versions_is_not_taken_for_a_new_registry(registry):
    registry.record.path.write_bytes(b"")
    assert "no version is on record" in nothing_registered(registry)
    assert "Put the true file back" in nothing_registered(registry)


def test_a_new_registry_says_how_a_version_gets_there(tmp_path):
    assert "penstock run" in nothing_registered(registry_of(configured(tmp_path)))


def test_an_empty_registry_is_named(tmp_path):
    with pytest.raises(ChangeRefused, match=r"Nothing is registered by .*registry/churn/registry\.jsonl yet"):
        model_folder(registry_of(configured(tmp_path)), None)
