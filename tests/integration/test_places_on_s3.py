"""Places on S3 that are no artifacts: records that several change, pushed versions, data to plan from, inputs."""

import gzip
import json
import multiprocessing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.arrow_example_gen.remote_files import reached_by
from components.arrow_example_gen.source_files import list_files, open_bytes, resolve_input
from components.errors import BadData
from components.ledger.ledger import Ledger
from components.pusher.publish import RECEIPT, publish
from pipeline.config import Config
from pipeline.planning import make_plan
from pipeline.staging import stage_inputs
from pipeline.storage.errors import StorageError
from pipeline.storage.published import read_manifest
from pipeline.storage.pushed import mirrored_versions
from pipeline.storage.reading import S3Files
from pipeline.storage.s3 import Location, folders, listing, read_bytes, write_bytes, write_text

pytestmark = pytest.mark.integration

WRITERS = 4
ENTRIES = 6


def _append(uri, name):
    for number in range(ENTRIES):
        Ledger(uri).append("note", {"by": name, "count": number})


def test_programs_that_write_to_a_record_on_s3_at_once_make_one_chain_and_lose_nothing(s3_bucket):
    uri = f"s3://{s3_bucket}/approvals/reviews.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append, args=(uri, f"writer-{number}")) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    entries = Ledger(uri).entries()  # checks the chain
    assert [entry.number for entry in entries] == list(range(1, WRITERS * ENTRIES + 1))
    for number in range(WRITERS):
        own = [entry.content["count"] for entry in entries if entry.content["by"] == f"writer-{number}"]
        assert own == list(range(ENTRIES))


@pytest.fixture
def base(s3_bucket):
    return f"s3://{s3_bucket}/pushed/reviews"


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "data").write_bytes(bytes(200_000))
    (folder / "saved_model.pb").write_bytes(b"graph")
    return folder


def push(base, model, mirror, push_id, now_s, model_uri="trained/1"):
    """As a job pushes: what it publishes in its mirror is published on S3."""
    with mirrored_versions(base, mirror, (push_id,)):
        return publish(model, mirror, push_id, model_uri, now_s)


def test_a_pushed_version_is_on_s3_whole_with_its_manifest_written_last(base, model, tmp_path):
    push(base, model, tmp_path / "mirror", "run-1", 1000)
    manifest = read_manifest(f"{base}/1000")
    assert sorted(file.name for file in manifest.files) == [RECEIPT, "saved_model.pb", "variables/data"]
    assert read_bytes(f"{base}/1000/saved_model.pb") == b"graph"


def test_the_same_model_is_not_pushed_again_from_another_machine(base, model, tmp_path):
    push(base, model, tmp_path / "one", "run-1", 1000)
    again = push(base, model, tmp_path / "other", "run-2", 2000)
    assert (again.version.name, again.was_there) == ("1000", True)
    assert folders(Location.parse(base)) == ["1000"]


def test_a_push_that_was_repeated_after_its_machine_was_lost_is_found(base, model, tmp_path):
    push(base, model, tmp_path / "one", "run-1", 1000)
    push(base, model, tmp_path / "one", "run-2", 2000, model_uri="trained/2")
    again = push(base, model, tmp_path / "other", "run-1", 3000)
    assert (again.version.name, again.was_there) == ("1000", False)
    assert (again.version / "saved_model.pb").read_bytes() == b"graph"


def test_a_push_that_was_killed_is_not_visible(base, model, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.storage.pushed.upload", killed)
        with pytest.raises(KeyboardInterrupt):
            push(base, model, tmp_path / "mirror", "run-1", 1000)
    assert read_manifest(f"{base}/1000") is None


def test_a_push_after_a_killed_one_takes_the_next_number(base, model, tmp_path, s3_endpoint):
    write_text(f"{base}/1000/{RECEIPT}", json.dumps({"push_id": "run-0", "version": 1000, "model_uri": "x"}))
    found = push(base, model, tmp_path / "mirror", "run-1", 1000)
    assert found.version.name == "1001"
    assert read_manifest(f"{base}/1001") is not None


def killed_push(base, model, mirror, push_id, now_s):
    """A push whose machine is lost after it has sent something."""
    with pytest.raises(KeyboardInterrupt), mirrored_versions(base, mirror, (push_id,)):  # noqa: PT012
        version = publish(model, mirror, push_id, "trained/2", now_s).version
        write_text(f"{base}/{version.name}/{RECEIPT}", (version / RECEIPT).read_text())
        write_text(f"{base}/{version.name}/saved_model.pb", "half of it")
        raise KeyboardInterrupt


def test_a_push_that_starts_again_leaves_nothing_of_its_killed_attempt(base, model, tmp_path):
    push(base, model, tmp_path / "mirror", "run-1", 1000)
    killed_push(base, model, tmp_path / "mirror", "run-2", 2000)
    assert folders(Location.parse(base)) == ["1000", "2000"]
    for now_s in (2000, 3000):
        done = push(base, model, tmp_path / "other", "run-2", now_s, model_uri="trained/2")
        assert (done.version.name, done.was_there) == ("2000", False)
    assert folders(Location.parse(base)) == ["1000", "2000"]
    assert read_bytes(f"{base}/2000/saved_model.pb") == b"graph"


def test_a_killed_push_of_another_run_is_let_alone_and_hides_no_version(base, model, tmp_path):
    push(base, model, tmp_path / "mirror", "run-1", 1000)
    killed_push(base, model, tmp_path / "mirror", "run-2", 2000)
    again = push(base, model, tmp_path / "mirror", "run-3", 1500)
    assert (again.version.name, again.was_there) == ("1000", True), "what nobody can see is not the newest version"
    other = push(base, model, tmp_path / "mirror", "run-4", 1500, model_uri="trained/4")
    assert other.version.name == "2001"
    assert read_bytes(f"{base}/2000/saved_model.pb") == b"half of it"


def test_two_pushes_that_take_the_same_number_do_not_mix(base, model, tmp_path):
    def overtaken():
        with mirrored_versions(base, tmp_path / "slow", ("run-1",)):
            publish(model, tmp_path / "slow", "run-1", "trained/1", 1000)
            push(base, model, tmp_path / "fast", "run-2", 1000)

    with pytest.raises(StorageError, match="another push took this number"):
        overtaken()
    assert json.loads(read_bytes(f"{base}/1000/{RECEIPT}"))["push_id"] == "run-2"


def test_nothing_is_published_where_the_node_fails(base, model, tmp_path):
    def failing():
        with mirrored_versions(base, tmp_path / "mirror", ("run-1",)):
            publish(model, tmp_path / "mirror", "run-1", "trained/1", 1000)
            raise ValueError("later")

    with pytest.raises(ValueError, match="later"):
        failing()
    assert folders(Location.parse(base)) == []


TABLE = "x,zip,y\n" + "".join(f"{i}.5,0{i % 4},{i}.25\n" for i in range(40))


@pytest.fixture
def data(s3_bucket):
    """Spans 2 and 10 of a table, in several files and formats, and what is not data beside them."""
    base = f"s3://{s3_bucket}/my data"
    for span in ("02", "10"):
        write_text(f"{base}/span-{span}/part-a.csv", TABLE)
        write_text(f"{base}/span-{span}/_SUCCESS", "")
    write_bytes(f"{base}/zipped/part.csv.gz", gzip.compress(TABLE.encode()))
    columns = pa.Table.from_pylist([{"x": i + 0.5, "zip": f"0{i % 4}", "y": i + 0.25} for i in range(40)])
    sink = pa.BufferOutputStream()
    pq.write_table(columns, sink)
    write_bytes(f"{base}/parquet/part.parquet", sink.getvalue().to_pybytes())
    return base


def config_of(path, **sections):
    tree = {"pipeline": {"name": "test"}, "data": {"path": path}, "label": {"column": "y"}, **sections}
    return Config.model_validate_json(json.dumps(tree)).at("s3://bucket/home")


@pytest.mark.parametrize(
    ("path", "base", "pattern"),
    [
        ("span-{SPAN:2}/part-*.csv", "", "span-{SPAN:2}/part-*.csv"),
        ("span-10", "/span-10", "*"),
        ("zipped/part.csv.gz", "/zipped", "part.csv.gz"),
        ("parquet/*.parquet", "/parquet", "*.parquet"),
    ],
)
def test_a_run_is_planned_from_the_head_of_data_on_s3(data, path, base, pattern):
    plan = make_plan(config_of(f"{data}/{path}"))
    assert (plan.input_base, plan.input_pattern, plan.staged) == (f"{data}{base}", pattern, ())
    assert {feature.name: feature.dtype for feature in plan.features.features}["x"] == "float32"
    assert plan.features.label.kind == "regression"


def test_the_latest_span_and_its_files_are_found_on_s3(data, s3_bucket):
    with reached_by(S3Files()):
        found = resolve_input(data, "span-{SPAN:2}/part-*.csv")
        fixed = resolve_input(data, "span-{SPAN:2}/*", fixed_span=2)
    assert (found.span, found.files) == (10, (f"{data}/span-10/part-a.csv",))
    assert fixed.files == (f"{data}/span-02/part-a.csv",)  # a name that begins with _ holds no rows


def test_data_that_is_not_there_is_named_by_its_place_on_s3(data):
    with pytest.raises(BadData, match=rf"'\*.tsv' in '{data}/span-10'"):
        make_plan(config_of(f"{data}/span-10/*.tsv"))


def test_an_object_that_is_replaced_while_it_is_read_is_noticed(s3_bucket):
    place = f"s3://{s3_bucket}/large.csv"
    write_bytes(place, b"a" * 5_000_000)
    with reached_by(S3Files()), open_bytes(place) as file:
        assert file.read(10) == b"a" * 10
        write_bytes(place, b"b" * 5_000_000)
        with pytest.raises(StorageError, match=r"large\.csv"):
            file.read(4_000_000)


def test_inputs_of_this_machine_are_staged_once_and_stay(tmp_path, s3_bucket):
    home = f"s3://{s3_bucket}/home"
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "unsure.csv").write_text(TABLE)
    features = "".join(f'feature {{ name: "{name}" type: FLOAT }}\n' for name in ("x", "zip", "y"))
    (tmp_path / "schema.pbtxt").write_text(features)
    config = config_of(
        str(tmp_path / "table.csv"),
        schema={"path": str(tmp_path / "schema.pbtxt")},
        review={"path": str(tmp_path / "unsure.csv")},
    ).at(home)
    plan = make_plan(config)
    stage_inputs(config, plan)
    with reached_by(S3Files()):
        (file,) = list_files(plan.input_base, plan.input_pattern)
    assert read_bytes(file) == TABLE.encode()
    assert read_bytes(plan.place_of(config.review.path)) == TABLE.encode()
    before = {item.key: item.etag for item in listing(Location.parse(home))}
    assert len(before) == 3
    stage_inputs(config, plan)
    assert {item.key: item.etag for item in listing(Location.parse(home))} == before
