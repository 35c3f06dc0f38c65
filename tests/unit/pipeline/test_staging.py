"""What is staged is what the run was planned with, whole, or the run does not start."""

import hashlib
from pathlib import Path

import pytest
from aws_config import config_on_aws

from models.tabular_text.features import DType, FeatureSpec, Label, LabelKind
from pipeline.config import Config
from pipeline.definition import Plan, staged_schema_uri
from pipeline.errors import ConfigError
from pipeline.input_files import digest_of
from pipeline.staging import check_bucket, stage_inputs

SCHEMA = b'feature { name: "caf\xc3\xa9" }\n'


def plan_with(digest):
    return Plan(FeatureSpec(Label("y", LabelKind.BINARY, DType.INT64), ()), "/data", "*", digest)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "schema.pbtxt").write_bytes(SCHEMA)
    return Config.model_validate(
        {
            "pipeline": {"name": "tiny", "root": str(tmp_path / "root")},
            "data": {"path": "/data"},
            "label": {"column": "y"},
            "schema": {"path": str(tmp_path / "schema.pbtxt")},
        }
    )


@pytest.fixture
def plan():
    return plan_with(digest_of([("schema.pbtxt", SCHEMA)]))


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_schema_is_copied_to_the_folder_named_by_its_digest(config, plan, tmp_path):
    stage_inputs(config, plan)
    staged = Path(staged_schema_uri(config, plan))
    assert plan.schema_digest in staged.parts
    assert staged.read_bytes() == SCHEMA
    assert files_below(tmp_path / "root") == [staged]


def test_a_schema_edited_after_planning_stops_the_run_and_nothing_is_staged(config, plan, tmp_path):
    (tmp_path / "schema.pbtxt").write_bytes(SCHEMA + b"# edited\n")
    with pytest.raises(ConfigError, match=r"schema\.pbtxt: changed while the run was starting"):
        stage_inputs(config, plan)
    assert files_below(tmp_path) == [tmp_path / "schema.pbtxt"]


def test_a_schema_removed_after_planning_is_named(config, plan, tmp_path):
    (tmp_path / "schema.pbtxt").unlink()
    with pytest.raises(ConfigError, match=r"schema\.pbtxt: cannot be read"):
        stage_inputs(config, plan)


def test_what_is_staged_already_is_left_as_it_is(config, plan, tmp_path):
    stage_inputs(config, plan)
    staged = Path(staged_schema_uri(config, plan))
    before = staged.stat().st_mtime_ns, staged.stat().st_ino  # reading it changes the time of access
    (tmp_path / "schema.pbtxt").write_bytes(b"edited")
    stage_inputs(config, plan)
    assert staged.read_bytes() == SCHEMA
    assert (staged.stat().st_mtime_ns, staged.stat().st_ino) == before


def test_what_another_run_left_half_written_is_not_in_the_way(config, plan):
    staged = Path(staged_schema_uri(config, plan))
    staged.parent.mkdir(parents=True)
    for name in (f".{staged.name}.tmp", f".{staged.name}"):
        (staged.parent / name).mkdir()
    stage_inputs(config, plan)
    assert staged.read_bytes() == SCHEMA


def test_without_a_curated_schema_nothing_is_staged(config, tmp_path):
    stage_inputs(config, plan_with(None))
    assert not (tmp_path / "root").exists()


def test_the_digest_frames_names_and_contents():
    assert digest_of([("é", b"ab"), ("b", b"")]) == hashlib.sha256("é\x002\x00abb\x000\x00".encode()).hexdigest()
    assert digest_of([("a", b"b")]) != digest_of([("ab", b"")])


def test_a_bucket_of_another_region_than_jobs_is_refused_before_anything_is_compiled(monkeypatch):
    regions = {"bucket": "us-east-1"}
    monkeypatch.setattr("pipeline.staging.bucket_region", regions.get)
    with pytest.raises(ConfigError, match="bucket 'bucket' is in us-east-1, and jobs in eu-central-1 use buckets of"):
        check_bucket(config_on_aws())
    regions["bucket"] = "eu-central-1"
    check_bucket(config_on_aws())
    regions["bucket"] = None  # whoever may not ask finds out later
    check_bucket(config_on_aws())
