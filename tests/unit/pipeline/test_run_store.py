import dataclasses
import datetime
import json
import subprocess
import sys

import pytest

from pipeline.errors import ConfigError, NotFound, StoreBusy
from pipeline.run_store import NodeRecord, RunRecord, RunStore, check_run_id
from pipeline.runners.local import new_run_id


def record(run_id="r1", state="COMPLETE", started_at="2026-01-01T00:00:00+00:00", **changes):
    made = RunRecord(run_id, "tiny", state, started_at, None, 1, "digest", ("A", "B"))
    return dataclasses.replace(made, **changes)


def test_a_record_is_read_as_it_was_written(tmp_path):
    store = RunStore(tmp_path)
    written = (
        record()
        .with_node(NodeRecord("A", "COMPLETE", 7, 2, wall_s=1.5, cpu_s=1.25, peak_memory_bytes=2**20))
        .with_node(NodeRecord("B", "FAILED"))
    )
    store.write(written)
    assert store.read("r1") == written


def test_a_node_is_recorded_once():
    twice = record().with_node(NodeRecord("A", "FAILED")).with_node(NodeRecord("A", "COMPLETE"))
    assert [node.state for node in twice.nodes] == ["COMPLETE"]


def test_an_unknown_run_names_the_latest_ones(tmp_path):
    store = RunStore(tmp_path)
    with pytest.raises(NotFound, match="There are no runs yet"):
        store.read("r9")
    store.write(record("older", started_at="2026-01-01T00:00:00+00:00"))
    store.write(record("newer", started_at="2026-01-02T00:00:00+00:00"))
    with pytest.raises(NotFound, match="newer, older"):
        store.read("r9")


def test_a_run_whose_process_died_reads_as_interrupted(tmp_path):
    store = RunStore(tmp_path)
    store.write(record(state="RUNNING"))
    assert store.read("r1").state == "INTERRUPTED"


def test_a_run_that_holds_the_lock_reads_as_running(tmp_path):
    store = RunStore(tmp_path)
    store.write(record(state="RUNNING"))
    with store.lock("r1", wait=False):
        assert store.read("r1").state == "RUNNING"


def test_the_lock_is_exclusive_and_names_its_holder(tmp_path):
    store = RunStore(tmp_path)
    with (
        store.lock("r1", wait=False),
        pytest.raises(StoreBusy, match=r"run 'r1' \(process \d+\).*--wait"),
        store.lock("r2", wait=False),
    ):
        pass
    with store.lock("r3", wait=False):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    script = (
        "import os, pathlib, signal\n"
        "from pipeline.run_store import RunStore\n"
        f"with RunStore(pathlib.Path({str(tmp_path)!r})).lock('dead', wait=False):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with RunStore(tmp_path).lock("alive", wait=False):
        assert json.loads((tmp_path / "store.lock").read_text())["run_id"] == "alive"


def test_a_held_store_is_noticed_before_anything_slow_begins(tmp_path):
    store = RunStore(tmp_path)
    store.check_free()
    with store.lock("r1", wait=False), pytest.raises(StoreBusy, match="r1"):
        store.check_free()
    store.check_free()


@pytest.mark.parametrize("run_id", ["../../x", "a/b", "", "latest", ".hidden", "x" * 65, "a b"])
def test_an_id_that_cannot_be_a_folder_is_refused(run_id):
    with pytest.raises(ConfigError, match="letters, digits"):
        check_run_id(run_id)


def test_ids_made_here_are_accepted():
    check_run_id(new_run_id(datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)))


def test_a_record_outside_the_store_is_not_read(tmp_path):
    store = RunStore(tmp_path / "root")
    RunStore(tmp_path).write(record("secret"))
    with pytest.raises(NotFound):
        store.read("../../runs/secret")


@pytest.mark.parametrize("text", ['{"run_id": "bad"', "", "null", "3", '"text"', "[]", "[" * 100_000, "\0" * 50])
def test_a_damaged_record_hides_no_other_run(tmp_path, text):
    store = RunStore(tmp_path)
    store.write(record("good"))
    broken = store.run_folder("bad") / "run.json"
    broken.parent.mkdir(parents=True)
    broken.write_text(text)
    assert [run.run_id for run in store.runs()] == ["good"]
    assert store.damaged() == [broken]
    with pytest.raises(NotFound, match="not the record of a run"):
        store.read("bad")


def test_a_run_waits_for_a_node_that_outlived_its_command(tmp_path, monkeypatch):
    import fcntl

    from pipeline import run_store

    monkeypatch.setattr(run_store, "_NODES_END_S", 0.0)
    store = RunStore(tmp_path)
    with (tmp_path / run_store.NODES_LOCK).open("a+") as node:
        fcntl.flock(node, fcntl.LOCK_SH)
        with pytest.raises(StoreBusy, match="A node of an earlier run still runs"), store.lock("r1", wait=False):
            pass
    with store.lock("r2", wait=False):
        pass
