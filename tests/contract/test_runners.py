"""One suite over every runner; what differs comes from its capabilities, never from its name.

`harness` is every runner: what it compiles. `running` are those that carry runs out on this machine; what every runner
promises of its runs is in tests/fixtures/run_contract.py, and what is added here holds for those on this machine alone.
"""

import pytest
from run_contract import Ended, RunContract

from pipeline.errors import DataRefused, GateRefusedRun, NodeFailed, StoreBusy, UnsupportedByRunner
from pipeline.ir import node_ids
from pipeline.runners.base import RunHandle


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


class TestRunsOnThisMachine(RunContract):
    """Every promise, and what only a runner can promise that ends a run before `submit` returns."""

    @pytest.mark.parametrize(
        ("mode", "error", "words"),
        [
            ("bad_data", DataRefused, "rows.csv, line 3"),
            ("refuse", GateRefusedRun, "the gate says no"),
            ("segfault", NodeFailed, "SIGSEGV"),
        ],
    )
    def test_the_kind_of_failure_is_the_kind_of_error(self, running, mode, error, words):
        with pytest.raises(NodeFailed, match=words) as failed:
            running.runner().submit(running.compile(mode=mode), {})
        assert type(failed.value) is error
        assert failed.value.node_id == "Double"

    def test_a_killed_node_started_again_finishes_the_same_execution(self, running, tmp_path):
        super().test_a_killed_node_started_again_finishes_the_same_execution(running)
        (run_id,) = running.run_ids()
        running.go_on(Ended(RunHandle(running.name, "tiny", run_id)), running.compile(mode="kill_once"))
        marker = tmp_path / "artifacts" / "marker"
        assert marker.read_text().count("started") == 2, "what is complete must not run again"

    def test_a_second_run_on_a_held_store_is_told_who_holds_it(self, running):
        document = running.compile()
        with running.store.lock("the-first", wait=False), pytest.raises(StoreBusy, match="the-first"):
            running.runner().submit(document, {})
