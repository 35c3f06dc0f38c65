"""One suite over every runner; what differs comes from its capabilities, never from its name.

`harness` is every runner: what it compiles. `running` are those that carry runs out on this machine.
"""

import dataclasses
from pathlib import Path

import pytest

from pipeline.errors import (
    ConfigError,
    DataRefused,
    GateRefusedRun,
    NodeFailed,
    NotFound,
    StoreBusy,
    UnsupportedByRunner,
)
from pipeline.ir import node_ids
from pipeline.metadata import LineageStore
from pipeline.runners.base import RunHandle


def outputs(harness, run_id):
    return {artifact.node_id: artifact for artifact in LineageStore(harness.store.metadata_uri).outputs_of_run(run_id)}


def value_of(artifact):
    return int(Path(artifact.uri).read_text())


def test_the_same_pipeline_compiles_to_the_same_bytes(harness):
    assert harness.compile().text == harness.compile().text == harness.compile_elsewhere().text


def test_another_pipeline_compiles_to_other_bytes(harness):
    assert harness.compile(value=1).text != harness.compile(value=2).text


def test_the_document_names_every_node_in_order(harness):
    assert harness.compile().node_ids == ("MakeNumber", "Double", "Report")


def test_the_document_carries_the_ir_that_its_nodes_are_launched_with(harness):
    assert node_ids(harness.compile().ir) == ("MakeNumber", "Double", "Report")


def test_a_runtime_parameter_is_in_the_document_or_refused_before_compiling(harness):
    if not harness.capabilities.runtime_parameters:
        with pytest.raises(UnsupportedByRunner, match="value"):
            harness.compile(with_parameter=True)
        return
    assert harness.compile(with_parameter=True).parameters["value"] == "INT"


def test_a_conditional_changes_the_document_or_is_refused_before_compiling(harness):
    if not harness.capabilities.conditionals:
        with pytest.raises(UnsupportedByRunner, match="Report"):
            harness.compile(with_conditional=True)
        return
    assert harness.compile(with_conditional=True).text != harness.compile().text


def test_a_run_completes_every_node_and_records_what_they_made(running):
    handle = running.runner().submit(running.compile(value=21), {})
    status = running.runner().status(handle)
    assert status.state == "COMPLETE"
    assert dict(status.nodes) == {"MakeNumber": "COMPLETE", "Double": "COMPLETE", "Report": "COMPLETE"}
    assert value_of(outputs(running, handle.run_id)["Double"]) == 42


def test_an_unchanged_pipeline_comes_from_the_cache(running):
    document = running.compile()
    first = running.runner(run_id="first").submit(document, {})
    second = running.runner(run_id="second").submit(document, {})
    assert running.runner().status(second).nodes["Double"] == "CACHED"
    assert outputs(running, first.run_id)["Double"].uri == outputs(running, second.run_id)["Double"].uri


def test_a_runtime_parameter_changes_the_run(running):
    handle = running.runner().submit(running.compile(with_parameter=True), {"value": "5"})
    assert value_of(outputs(running, handle.run_id)["Double"]) == 10


def test_unknown_and_mistyped_parameters_are_refused_together_before_anything_runs(running):
    document = dataclasses.replace(running.compile(), parameters={"value": "INT"})
    with pytest.raises(ConfigError) as refused:
        running.runner().submit(document, {"valeu": "5", "value": "five"})
    assert len(refused.value.problems) == 2
    assert "valeu" in refused.value.problems[0]
    assert "'five'" in refused.value.problems[1]
    assert running.store.runs() == []


def test_a_condition_that_is_false_skips_the_node(running):
    handle = running.runner().submit(running.compile(with_conditional=True), {})
    assert running.runner().status(handle).nodes["Report"] == "SKIPPED"


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("raise", NodeFailed, ["Node 'Double' failed", "the number is odd", "tiny_nodes.py"]),
        ("bad_data", DataRefused, ["rows.csv, line 3"]),
        ("refuse", GateRefusedRun, ["the gate says no"]),
        ("kill", NodeFailed, ["SIGKILL"]),
        ("segfault", NodeFailed, ["SIGSEGV"]),
    ],
)
def test_a_failing_node_stops_the_run_and_says_why(running, mode, error, words):
    with pytest.raises(NodeFailed) as failed:
        running.runner(run_id="broken").submit(running.compile(mode=mode), {})
    assert type(failed.value) is error
    assert failed.value.node_id == "Double"
    assert Path(failed.value.log_file).is_file()
    assert all(word in str(failed.value) for word in words)
    status = running.runner().status(RunHandle(running.name, "tiny", "broken"))
    assert status.state == "FAILED"
    assert dict(status.nodes) == {"MakeNumber": "COMPLETE", "Double": "FAILED", "Report": "NOT_RUN"}


def test_a_branch_that_does_not_depend_on_the_failure_is_finished(running):
    with pytest.raises(NodeFailed, match="Double"):
        running.runner(run_id="branches").submit(running.compile(mode="raise", branch="ok"), {})
    status = running.runner().status(RunHandle(running.name, "tiny", "branches"))
    assert dict(status.nodes) == {
        "MakeNumber": "COMPLETE",
        "Double": "FAILED",
        "Report": "NOT_RUN",
        "Other": "COMPLETE",
    }
    assert value_of(outputs(running, "branches")["Other"]) == 42


def test_nodes_whose_inputs_exist_run_at_the_same_time(running):
    handle = running.runner(max_workers=2).submit(running.compile(mode="meet", branch="meet"), {})
    assert running.runner().status(handle).state == "COMPLETE"


def test_several_failures_are_all_told(running):
    with pytest.raises(NodeFailed, match=r"(?s)'Double' failed.*Also failed: Other: .*odd in a strange way"):
        running.runner(max_workers=2).submit(running.compile(mode="raise", branch="raise"), {})


def test_a_killed_node_started_again_finishes_the_same_execution(running, tmp_path):
    document = running.compile(mode="kill_once")
    with pytest.raises(NodeFailed):
        running.runner(run_id="again").submit(document, {})
    running.runner(run_id="again").submit(document, {})
    assert value_of(outputs(running, "again")["Double"]) == 42
    assert (
        len([a for a in LineageStore(running.store.metadata_uri).outputs_of_run("again") if a.node_id == "Double"]) == 1
    )
    running.runner(run_id="again").submit(document, {})
    assert (tmp_path / "artifacts" / "marker").read_text().count("started") == 2


def test_a_run_cannot_be_continued_with_another_definition(running):
    running.runner(run_id="mine").submit(running.compile(value=1), {})
    with pytest.raises(ConfigError, match="another configuration"):
        running.runner(run_id="mine").submit(running.compile(value=2), {})


def test_a_second_run_on_a_held_store_is_told_who_holds_it(running):
    document = running.compile()
    with running.store.lock("the-first", wait=False), pytest.raises(StoreBusy, match="the-first"):
        running.runner().submit(document, {})


def test_an_unknown_run_is_not_found(running):
    with pytest.raises(NotFound, match="no run 'ghost'"):
        running.runner().status(RunHandle(running.name, "tiny", "ghost"))
