import hashlib
import json

import pytest

from pipeline.lineage.origin import DataFile, DataSource
from pipeline.metadata import ArtifactRecord
from pipeline.provenance import Provenance
from pipeline.reproduction.ingredients import (
    data_ingredients,
    environment_ingredients,
    parameters_ingredient,
    pinned_data,
    schema_ingredient,
)

EXAMPLES = ArtifactRecord(1, "Examples", "/a/1", "ArrowExampleGen", "examples", {})
THEN = Provenance("c" * 40, False, "d" * 64, "3.11.7", "Linux", {"tfx": "1.21.0", "numpy": "1.26.4"}, 2, 10)


def source(base, pattern="span-1/*.csv", *, names=("span-1/a.csv",), span=1, version=None):
    digest = hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    files = tuple(DataFile(f"{base}/{name}", digest) for name in names)
    return DataSource(str(base), pattern, span, version, files, {}, EXAMPLES)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "span-1").mkdir()
    (tmp_path / "span-1" / "a.csv").write_bytes(b"a,b\n1,2\n")
    return tmp_path


def test_data_with_the_same_bytes_is_the_same(data):
    (found,) = data_ingredients(source(data))
    assert (found.standing, found.blocks) == ("same", False)


def test_one_changed_byte_is_named_with_its_file(data):
    (data / "span-1" / "a.csv").write_bytes(b"a,b\n1,3\n")
    (found,) = data_ingredients(source(data))
    assert (found.standing, found.blocks) == ("differs", True)
    assert "span-1/a.csv: its bytes have changed" in found.seen


def test_a_file_that_is_gone_is_named(data):
    (data / "span-1" / "a.csv").unlink()
    (found,) = data_ingredients(source(data))
    assert (found.standing, found.blocks) == ("missing", True)
    assert "a.csv" in found.seen


def test_a_file_more_is_named(data):
    (data / "span-1" / "b.csv").write_bytes(b"")
    _, more = data_ingredients(source(data))
    assert (more.standing, more.blocks) == ("differs", True)
    assert "b.csv: was not there then" in more.seen


def test_data_that_nobody_noted_is_not_known(data):
    (found,) = data_ingredients(source(data, names=()))
    assert (found.standing, found.blocks) == ("unknown", False)
    assert data_ingredients(None)[0].standing == "unknown"


def test_a_newer_span_or_version_is_not_read(data):
    by_span = {"data": {"path": "/d/span-{SPAN}/*.csv", "span": None}}
    assert pinned_data(by_span, source("/d"))["span"] == 1
    versioned = {"data": {"path": "/d/span-{SPAN}/v{VERSION}.csv", "span": 1}}
    pinned = pinned_data(versioned, source("/d", "span-1/v7.csv", version=7))
    assert (pinned["path"], pinned["span"]) == ("/d/span-1/v7.csv", None)
    plain = {"data": {"path": "/d/rows.csv", "span": None}}
    assert pinned_data(plain, source("/d", "rows.csv", span=0)) == plain["data"]


def test_the_environment_says_what_moved_from_what_to_what():
    now = Provenance("c" * 40, False, "e" * 64, "3.11.7", "Linux", {"tfx": "1.22.0", "keras": "3"}, 4, 10)
    found = {item.name: item for item in environment_ingredients(THEN, now)}
    assert found["packages"].seen == "keras absent → 3, numpy 1.26.4 → absent, tfx 1.21.0 → 1.22.0"
    assert found["processors"].seen == "2 → 4"
    assert (found["lock"].standing, found["python"].standing) == ("differs", "same")
    assert not any(item.blocks for item in found.values()), "it cannot be brought back here"
    assert environment_ingredients(None, now)[0].standing == "unknown"


def parameter(name, **default):
    return {"nodes": [{"a": {"runtimeParameter": {"name": name, **default}}}]}


def test_a_parameter_without_default_must_be_given():
    text = json.dumps(parameter("epochs"))
    assert parameters_ingredient(text, {}).blocks
    assert parameters_ingredient(text, {"epochs": "3"}).standing == "same"
    assert parameters_ingredient(json.dumps(parameter("epochs", defaultValue={})), {}).standing == "unknown"


@pytest.mark.parametrize("name", ["pipeline-run-id", "pipeline-root"])
def test_tfxs_own_parameters_are_not_asked_for(name):
    assert parameters_ingredient(json.dumps(parameter(name)), {}).standing == "same"
    assert parameters_ingredient(None, {}).standing == "unknown"


class StoryWith:
    def __init__(self, schema):
        self.schema = schema


def test_a_schema_is_taken_as_it_was_then_or_said_to_be_gone(tmp_path):
    from pipeline.lineage.origin import Schema

    staged, artifact = tmp_path / "inputs" / "schema.pbtxt", tmp_path / "artifact" / "schema.pbtxt"
    today = tmp_path / "schemas" / "x.pbtxt"
    for path in (staged, artifact, today):
        path.parent.mkdir()
        path.write_text("")
    record = ArtifactRecord(2, "Schema", str(artifact.parent), "ImportSchemaGen", "schema", {})
    story, config = StoryWith(Schema(record, str(staged), "ab")), {"schema": {"path": str(today)}}
    seen = []
    for path in (staged, artifact, today, None):
        found, place = schema_ingredient(config, story)
        seen.append((found.standing, found.blocks, place))
        if path:
            path.unlink()
    assert seen == [
        ("same", False, str(staged)),
        ("same", False, str(artifact)),
        ("unknown", True, str(today)),
        ("missing", True, None),
    ]
    assert schema_ingredient({"schema": {"path": None}}, story)[1] is None


@pytest.mark.parametrize("text", ["", "\ufffd[[1,", "[" * 100_000])
def test_a_damaged_compiled_pipeline_leaves_the_parameters_unknown(text):
    assert parameters_ingredient(text, {}).standing == "unknown"
