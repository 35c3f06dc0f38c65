"""Nodes whose artifacts lie on S3: what executors see, what the store is told, what a failure leaves."""

import re
import sqlite3
from contextlib import closing

import pytest
from s3_launch import artifacts_in, compile_on_s3, fileio_says, launch_on_s3

from pipeline.runners.warm import ProcessDied, WarmProcess
from pipeline.storage import read_text, write_text
from pipeline.storage.errors import Damaged, StorageError
from pipeline.storage.published import read_manifest
from pipeline.storage.s3 import Location, listing, s3_client

pytestmark = pytest.mark.integration

NODES = ("MakeRows", "Work", "Report")


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


class Launches:
    """Launches of the pipeline's nodes, each in a process of its own on one machine's folder."""

    def __init__(self, warm, folder, root, environment):
        self._warm, self.folder, self.root, self.log = warm, folder, root, folder / "nodes.log"
        self.uri = f"sqlite:///{folder / 'metadata.sqlite'}"
        self.scratch, self.checkpoints = folder / "machine" / "scratch", folder / "machine" / "checkpoints"
        machine = {"SCRATCH": str(self.scratch), "PENSTOCK_CHECKPOINTS": str(self.checkpoints)}
        self.environment = {**environment, **machine, "KILLED": str(folder / "killed")}
        self.text = self.compile()

    def call(self, function, *arguments):
        return self._warm.call(function, *arguments, log_path=self.log)

    def compile(self, **options):
        return self.call(compile_on_s3, self.root, options)

    def node(self, node_id, run_id):
        return self.call(launch_on_s3, self.text, node_id, run_id, self.uri, self.scratch, self.environment)

    def states(self, run_id, nodes=NODES):
        return [self.node(node_id, run_id) for node_id in nodes]

    def objects(self, below=""):
        place = Location.parse(f"{self.root}/{below}")
        return [f"s3://{place.bucket}/{item.key}" for item in listing(place) if not item.key.endswith("/")]

    def stored_texts(self):
        """Every text in the lineage store, in which table."""
        with closing(sqlite3.connect(self.folder / "metadata.sqlite")) as store:
            tables = [name for (name,) in store.execute("select name from sqlite_master where type = 'table'")]
            rows = [(table, row) for table in tables for row in store.execute(f'select * from "{table}"')]
        return [(table, str(value)) for table, row in rows for value in row if isinstance(value, str | bytes)]


@pytest.fixture
def launches(warm, tmp_path, s3_bucket, aws_services):
    return Launches(warm, tmp_path, f"s3://{s3_bucket}/root", aws_services.variables)


def test_executors_see_local_paths_only_and_the_store_is_told_s3_only(launches):
    assert launches.states("run-1") == ["COMPLETE"] * 3
    log = launches.log.read_text()
    (seen,) = re.findall(r"^SEEN (.*)$", log, re.MULTILINE)
    assert all(path.startswith(f"{launches.folder}/machine/") for path in seen.split()), seen
    assert "REPORT 18 some words" in log  # 3 rows of 6 characters
    uris = {
        f"{launches.root}/{place}"
        for place in ("MakeRows/rows/1", "Work/total/2/value", "Work/words/2/value", "Work/model_run/2")
    }
    assert launches.call(artifacts_in, launches.uri) == dict.fromkeys(uris, "LIVE")
    leaks = [(table, text) for table, text in launches.stored_texts() if f"{launches.folder}/machine" in text]
    assert not leaks
    told = [text for _, text in launches.stored_texts()]
    assert f"{launches.root}/MakeRows/rows/1" in told  # `made_in`
    assert f"see {launches.root}/MakeRows/rows/1/Split-train/part-00000, please" in told
    assert all(read_manifest(uri) is not None for uri in uris)


def test_a_second_run_on_another_machine_takes_everything_and_downloads_nothing(launches):
    assert launches.states("run-1") == ["COMPLETE"] * 3
    before = launches.objects()
    launches.scratch = launches.folder / "machine" / "another"
    assert launches.states("run-2") == ["CACHED"] * 3
    assert launches.objects() == before
    assert not launches.scratch.exists()


def test_an_answer_whose_objects_are_not_as_they_were_is_not_taken(launches):
    assert launches.node("MakeRows", "run-0") == "COMPLETE"
    changes = {
        "was changed since": lambda rows: write_text(f"{rows}/Split-train/part-00001", "row 9\n"),
        "part-00001 was deleted": lambda rows: delete(f"{rows}/Split-train/part-00001"),
        "was added since": lambda rows: write_text(f"{rows}/Split-train/more", "row\n"),
        "4 was deleted": lambda rows: delete(f"{rows}.manifest.json"),
    }
    for number, (reason, change) in enumerate(changes.items(), start=1):
        change(f"{launches.root}/MakeRows/rows/{number}")
        assert launches.node("MakeRows", f"run-{number}") == "COMPLETE", reason
        assert any(reason in text for table, text in launches.stored_texts() if table == "ExecutionProperty")
    assert launches.node("MakeRows", "run-9") == "CACHED"


def delete(uri):
    place = Location.parse(uri)
    s3_client().delete_object(Bucket=place.bucket, Key=place.key)


def test_a_damaged_input_fails_the_node_that_needs_it(launches):
    assert launches.node("MakeRows", "run-1") == "COMPLETE"
    write_text(f"{launches.root}/MakeRows/rows/1/Split-train/part-00001", "row 9\n")
    launches.scratch = launches.folder / "machine" / "another"
    with pytest.raises(Damaged, match="part-00001: its bytes do not have the SHA-256"):
        launches.node("Work", "run-1")
    assert "SEEN" not in launches.log.read_text()
    assert launches.objects("Work") == []


def test_an_executor_that_fails_publishes_nothing(launches):
    launches.text = launches.compile(mode="raise")
    assert launches.node("MakeRows", "run-1") == "COMPLETE"
    with pytest.raises(ValueError, match="the executor is broken"):
        launches.node("Work", "run-1")
    assert launches.objects("Work") == []
    assert list(launches.call(artifacts_in, launches.uri)) == [f"{launches.root}/MakeRows/rows/1"]
    assert not list(launches.checkpoints.rglob("checkpoint"))


def test_a_gate_that_refuses_leaves_its_evidence_on_s3(launches):
    launches.text = launches.compile(mode="refuse")
    assert launches.node("MakeRows", "run-1") == "COMPLETE"
    with pytest.raises(Exception, match="the gate says no"):
        launches.node("Work", "run-1")
    evidence = f"{launches.root}/Work/words/2/value"
    assert launches.call(artifacts_in, launches.uri)[evidence] == "ABANDONED"
    assert evidence in launches.objects()
    assert read_manifest(evidence) is not None
    assert not [text for _, text in launches.stored_texts() if f"{launches.folder}/machine" in text]


def test_a_killed_node_goes_on_from_its_checkpoints_on_another_machine(launches):
    launches.text = launches.compile(mode="kill_once")
    assert launches.node("MakeRows", "run-1") == "COMPLETE"
    with pytest.raises(ProcessDied):
        launches.node("Work", "run-1")
    assert launches.objects("Work") == []
    launches.scratch = launches.folder / "machine" / "another"  # only the checkpoints outlive the machine
    assert launches.node("Work", "run-1") == "COMPLETE"
    assert re.findall("^CHECKPOINT (.*)$", launches.log.read_text(), re.MULTILINE) == ["none", "epoch 1"]
    assert f"{launches.root}/Work/model_run/2/checkpoint" in launches.objects()
    assert launches.node("Report", "run-1") == "COMPLETE"


def test_another_run_does_not_go_on_from_the_checkpoints_of_a_killed_one(launches):
    launches.text = launches.compile(mode="kill_once")
    assert launches.node("MakeRows", "run-1") == "COMPLETE"
    with pytest.raises(ProcessDied):
        launches.node("Work", "run-1")
    assert launches.states("run-2", ("MakeRows", "Work")) == ["CACHED", "COMPLETE"]
    assert re.findall("^CHECKPOINT (.*)$", launches.log.read_text(), re.MULTILINE) == ["none", "none"]


def test_an_executor_that_names_a_place_of_its_machine_is_refused(launches):
    launches.text = launches.compile(mode="leak")
    assert launches.node("MakeRows", "run-1") == "COMPLETE"
    with pytest.raises(StorageError, match=r"Node 'Work': what its executor published names .*/scratch, a folder of"):
        launches.node("Work", "run-1")
    assert not [text for _, text in launches.stored_texts() if f"{launches.folder}/machine" in text]


def test_a_node_of_beam_has_local_copies_and_reads_s3_itself_too(launches):
    write_text(f"{launches.root}/elsewhere.txt", "one\ntwo\n")
    launches.text = launches.compile(elsewhere=f"{launches.root}/elsewhere.txt")
    assert launches.states("run-1", ("MakeRows", "CountByBeam")) == ["COMPLETE"] * 2
    assert read_text(f"{launches.root}/CountByBeam/counts/2/count") == "5\n"
    assert not [text for _, text in launches.stored_texts() if f"{launches.folder}/machine" in text]


def test_tfx_file_operations_answer_on_s3_as_on_a_disk(launches):
    (launches.folder / "disk").mkdir()
    on_disk = launches.call(fileio_says, str(launches.folder / "disk"), launches.environment)
    on_s3 = launches.call(fileio_says, f"{launches.root}/fileio", launches.environment)
    assert on_s3 == on_disk
