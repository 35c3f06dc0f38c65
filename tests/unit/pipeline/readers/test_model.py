import json

import pytest

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.errors import NotFound
from pipeline.readers.model import ModelInput, read_model, read_pushed

SPEC = FeatureSpec(
    Label("left", LabelKind.BINARY, DType.STRING),
    (Feature("age", FeatureKind.NUMERIC, DType.INT64, required=True),),
)
DESCRIPTION = {
    "format": 1,
    "signatures": ["serving_default", "serving_raw"],
    "classes": ["no", "yes"],
    "inputs": {"age": {"argument": "age", "dtype": "int64", "missing": -1, "required": True}},
    "features": SPEC.to_json(),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Format-Serving" / "assets.extra").mkdir(parents=True)
    (tmp_path / "Format-Serving" / "saved_model.pb").write_bytes(b"12345")
    return tmp_path


def describe(folder, document):
    (folder / "Format-Serving" / "assets.extra" / "penstock.json").write_text(json.dumps(document))


def test_a_model_describes_itself(folder):
    describe(folder, DESCRIPTION)
    found = read_model(folder)
    assert found.classes == ("no", "yes")
    assert found.inputs == (ModelInput("age", "int64", True, "age", -1),)
    assert found.features == SPEC
    assert found.size_bytes == 5 + len(json.dumps(DESCRIPTION))


def test_a_regression_has_no_classes(folder):
    describe(folder, {**DESCRIPTION, "classes": None})
    assert read_model(folder).classes == ()


def test_a_model_without_description_is_said_so(folder):
    with pytest.raises(NotFound, match=r"penstock\.json: cannot be read"):
        read_model(folder)
    describe(folder, {"format": 1})
    with pytest.raises(NotFound, match="not the description of a model"):
        read_model(folder)


def test_a_pushed_model_says_where_it_is(tmp_path):
    version = tmp_path / "17"
    (version / "assets.extra").mkdir(parents=True)
    (version / "assets.extra" / "penstock_push.json").write_text('{"push_id": "p", "version": 17, "model_uri": "/m"}')
    properties = {"pushed": 1, "pushed_destination": str(version), "pushed_version": "17", "already_pushed": 1}
    found = read_pushed(properties)
    assert (found.pushed, found.version, found.destination, found.was_there) == (True, "17", version, True)
    assert (found.is_there, found.model_uri, found.reason) == (True, "/m", "")


def test_a_pushed_model_that_was_removed_since_is_said_so(tmp_path):
    found = read_pushed({"pushed": 1, "pushed_destination": str(tmp_path / "gone"), "pushed_version": "17"})
    assert (found.pushed, found.is_there) == (True, False)


def test_a_model_that_was_not_pushed_says_why():
    found = read_pushed({"pushed": 0, "not_pushed_reason": "not blessed"})
    assert (found.pushed, found.destination, found.is_there, found.reason) == (False, None, False, "not blessed")
