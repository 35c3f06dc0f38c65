import datetime
import json
from types import SimpleNamespace

import pytest
from google.protobuf import struct_pb2
from ml_metadata.proto import metadata_store_pb2
from tfx.proto.orchestration import executable_spec_pb2

from components.errors import BadData
from pipeline.caching.file_index import FileIndex
from pipeline.caching.node_parts import NodeCall, node_key
from pipeline.caching.parts import changes

DAY = datetime.date(2026, 11, 22)


def artifact(uri, type_name="Examples", **properties):
    proto = metadata_store_pb2.Artifact(uri=str(uri))
    for name, value in properties.items():
        if isinstance(value, dict):
            proto.custom_properties[name].struct_value.CopyFrom(struct_pb2.Struct())
            proto.custom_properties[name].struct_value.update(value)
        elif isinstance(value, int):
            proto.custom_properties[name].int_value = value
        else:
            proto.properties[name].string_value = value
    return SimpleNamespace(
        uri=str(uri),
        type_name=type_name,
        mlmd_artifact=proto,
        get_string_custom_property=lambda name: proto.custom_properties[name].string_value,
    )


@pytest.fixture
def examples(tmp_path):
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "data.gz").write_bytes(b"rows")
    return folder


def call(inputs=None, properties=None, outputs=None, executor=None):
    return NodeCall(
        node=SimpleNamespace(node_info=SimpleNamespace(id="Node", type=SimpleNamespace(name="type.of.Node"))),
        pipeline_name="tiny",
        executor_spec=executor,
        driver_spec=None,
        inputs=inputs or {},
        outputs=outputs or {},
        exec_properties=properties or {},
    )


def parts(*arguments, today=DAY, lock="lock", **named):
    return node_key(call(*arguments, **named), FileIndex(None), today, lock).parts


def names_of_changes(old, new):
    return {(change.section, change.name) for change in changes(old, new)}


def test_place_number_and_order_of_writing_do_not_count(examples, tmp_path):
    moved = tmp_path / "moved"
    examples_properties = {"split_names": '["train", "eval"]', "sample_rate": {"eval": 1.0, "train": 1.0}}
    one = parts({"examples": [artifact(examples, **examples_properties, current_model_id=3)]})
    examples.rename(moved)
    other_properties = {"split_names": '["eval", "train"]', "sample_rate": {"train": 1.0, "eval": 1.0}}
    other = parts({"examples": [artifact(moved, **other_properties, current_model_id=4)]})
    assert one == other


def on_beam(*options):
    spec = executable_spec_pb2.BeamExecutableSpec(beam_pipeline_args=options)
    spec.python_executor_spec.class_path = "components.data_quality_gate.executor.Executor"
    for option in options:
        spec.beam_pipeline_args_placeholders.add().value.string_value = option
    return parts(executor=spec)


def test_where_beam_runs_does_not_count_and_its_other_options_do():
    here = on_beam("--runner=FnApiRunner", "--direct_num_workers=1", "--sdk_container_image=this-process")
    there = on_beam(
        "--runner=FlinkRunner", "--flink_master=flink:8081", "--parallelism=8", "--sdk_container_image=ours"
    )
    assert here == there
    other = on_beam("--runner=FnApiRunner", "--tfxio_use_byte_size_batching=false")
    assert names_of_changes(here, other) == {("parameters", "executor.beam_pipeline_args[0]")}


def test_bytes_properties_and_number_of_inputs_count(examples):
    before = parts({"examples": [artifact(examples, span=1)]})
    assert names_of_changes(before, parts({"examples": [artifact(examples, span=2)]})) == {("inputs", "examples.span")}
    assert names_of_changes(before, parts({"examples": [artifact(examples, span=1)] * 2})) == {
        ("inputs", f"examples{position}.{name}")
        for position in ("", "[0]", "[1]")
        for name in ("span", "type", "fingerprint")
    }
    (examples / "data.gz").write_bytes(b"ROWS")
    after = parts({"examples": [artifact(examples, span=1)]})
    assert names_of_changes(before, after) == {("inputs", "examples.fingerprint")}


def test_an_input_that_is_gone_is_another_input(examples):
    before = parts({"examples": [artifact(examples)]})
    (examples / "data.gz").unlink()
    examples.rmdir()
    assert parts({"examples": [artifact(examples)]})["inputs"]["examples.fingerprint"] is None
    assert before["inputs"]["examples.fingerprint"] is not None


def test_parameters_are_named_by_path():
    found = parts(properties={"custom_config": json.dumps({"training": {"epochs": 5}}), "n": 3})
    assert found["parameters"] == {"custom_config.training.epochs": 5, "n": 3}


def test_what_tfx_makes_of_file_times_does_not_count():
    one, other = parts(properties={"input_fingerprint": "a"}), parts(properties={"input_fingerprint": "b"})
    assert one == other


@pytest.fixture
def example_gen(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "rows-1.csv").write_text("a\n1\n")
    config = json.dumps({"splits": [{"name": "all", "pattern": "rows-*.csv"}]})
    return data, {"input_base": str(data), "input_config": config}


def test_data_files_count_by_content(example_gen):
    data, properties = example_gen
    before = parts(properties=properties)
    (data / "rows-1.csv").touch()
    assert parts(properties=properties) == before
    (data / "rows-1.csv").write_text("a\n2\n")
    assert names_of_changes(before, parts(properties=properties)) == {("data", "rows-1.csv")}
    (data / "rows-2.csv").write_text("a\n2\n")
    assert set(parts(properties=properties)["data"]) == {"rows-1.csv", "rows-2.csv"}


def test_logged_requests_count_by_content_and_not_by_place(tmp_path):
    found = []
    for place, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / place).mkdir()
        path = tmp_path / place / "requests.csv"
        path.write_text(text)
        found.append(parts(properties={"serving_path": str(path)}))
    assert found[0] == found[1]
    assert names_of_changes(found[0], found[2]) == {("data", "requests.csv")}


def test_data_that_is_not_there_is_refused_in_the_users_words(example_gen):
    data, properties = example_gen
    (data / "rows-1.csv").unlink()
    with pytest.raises(BadData, match=r"No file matches the pattern"):
        parts(properties=properties)


def test_a_staged_schema_counts_by_content_wherever_it_is(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "schema.pbtxt").write_text("feature {}")
    one, two = (parts(properties={"schema_file": str(tmp_path / f / "schema.pbtxt")}) for f in ("one", "two"))
    assert one == two
    assert list(one["data"]) == ["schema.pbtxt"]


def test_python_and_the_lock_count():
    assert names_of_changes(parts(lock="a"), parts(lock="b")) == {("environment", "requirements.lock")}
    assert parts()["environment"]["python"].startswith("3.")


@pytest.mark.parametrize(("waivers", "misses"), [([], False), ([{"feature": "zip"}], True)])
def test_only_a_gate_with_waivers_depends_on_the_day(waivers, misses, monkeypatch):
    monkeypatch.setattr("google.protobuf.json_format.MessageToDict", lambda *_, **__: {})
    executor = SimpleNamespace(class_path="components.validation_gate.executor.Executor")
    properties = {"policy": json.dumps({"waivers": waivers})}
    one = parts(properties=properties, executor=executor)
    other = parts(properties=properties, executor=executor, today=DAY + datetime.timedelta(days=1))
    assert (one != other) == misses
    assert "components/validation_gate/verdict.py" in one["code"]


def test_a_users_function_counts_with_what_it_loads():
    code = parts(properties={"run_fn": "models.tabular_text.train.run_fn"})["code"]
    assert "models/tabular_text/model.py" in code


def test_an_edited_module_file_counts(tmp_path):
    (tmp_path / "mine.py").write_text("x = 1\n")
    before = parts(properties={"module_file": str(tmp_path / "mine.py")})
    (tmp_path / "mine.py").write_text("x = 2\n")
    after = parts(properties={"module_file": str(tmp_path / "mine.py")})
    assert names_of_changes(before, after) == {("code", "mine.py")}


def test_the_record_of_answers_and_the_rows_to_label_count_by_content(tmp_path):
    more, ledger = tmp_path / "more.csv", tmp_path / "answers.jsonl"
    more.write_text("a\n1\n")
    properties = {"review_path": str(more), "ledger": str(ledger)}
    before = parts(properties=properties)["data"]
    assert before["answers.jsonl"] is None
    ledger.write_text("{}\n")
    more.write_text("a\n2\n")
    after = parts(properties=properties)["data"]
    assert before["more.csv"] != after["more.csv"]
    assert after["answers.jsonl"] is not None


def test_another_key_in_the_same_file_counts_so_that_models_are_signed_anew(tmp_path):
    key = tmp_path / "models.pub"
    key.write_text("one")
    before = parts(properties={"public_key": str(key)})
    key.write_text("two")
    after = parts(properties={"public_key": str(key)})
    assert names_of_changes(before, after) == {("data", "models.pub")}
    assert parts(properties={"public_key": ""})["data"] == {}
