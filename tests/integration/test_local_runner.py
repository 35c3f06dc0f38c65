"""Parts of a pipeline: resumed, from a node, to a node, with an earlier run's outputs for the rest."""

from pathlib import Path

import pytest
from tiny_nodes_compile import compile_tiny

from pipeline.errors import ConfigError, NodeFailed
from pipeline.metadata import LineageStore
from pipeline.run_store import RunStore
from pipeline.runners.local import LocalRunner, RunOptions
from pipeline.runners.warm import WarmProcess

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    return WarmProcess(tmp_path_factory.mktemp("warm") / "warm.log")


class Tiny:
    """The tiny pipeline in a folder."""

    def __init__(self, warm, folder):
        self.warm, self.folder, self.store = warm, folder, RunStore(folder / "root")
        self.events = []

    def compile(self, **options):
        log = self.folder / "compile.log"
        return self.warm.call(compile_tiny, "local", self.folder / "artifacts", options, log_path=log)

    def run(self, document, **options):
        LocalRunner(self.store, self.warm, RunOptions(**options), on_event=self.events.append).submit(document, {})

    def record(self, run_id):
        return self.store.read(run_id)

    def states(self, run_id):
        return {node.node_id: node.state for node in self.record(run_id).nodes}

    def doubled(self, run_id):
        outputs = LineageStore(self.store.metadata_uri).outputs_of_run(run_id)
        (artifact,) = [artifact for artifact in outputs if artifact.node_id == "Double"]
        return artifact

    def starts(self, marker="marker"):
        return (self.folder / "artifacts" / marker).read_text().count("started")


@pytest.fixture
def tiny(warm, tmp_path):
    return Tiny(warm, tmp_path)


def test_going_on_runs_only_what_failed_or_never_ran(tiny):
    document = tiny.compile(mode="kill_once", branch="ok")
    with pytest.raises(NodeFailed):
        tiny.run(document, run_id="r")
    assert tiny.states("r") == {"MakeNumber": "COMPLETE", "Double": "FAILED", "Report": "NOT_RUN", "Other": "COMPLETE"}
    tiny.events.clear()
    tiny.run(document, run_id="r")
    started = [event.node_id for event in tiny.events if type(event).__name__ == "NodeStarted"]
    assert started == ["Double", "Report"]
    assert tiny.record("r").state == "COMPLETE"
    assert tiny.record("r").node("Double").attempt == 2
    assert tiny.record("r").node("Report").attempt == 1
    assert tiny.starts("other") == 1


def test_each_attempt_has_a_log_of_its_own(tiny):
    document = tiny.compile(mode="kill_once")
    with pytest.raises(NodeFailed):
        tiny.run(document, run_id="r")
    tiny.run(document, run_id="r")
    first, second = (tiny.store.log_path("r", "Double", attempt) for attempt in (1, 2))
    assert first.is_file()
    assert "Double" in second.read_text()


def test_to_stops_after_the_node_and_going_on_does_the_rest(tiny):
    document = tiny.compile()
    tiny.run(document, run_id="r", last="Double")
    assert tiny.states("r") == {"MakeNumber": "COMPLETE", "Double": "COMPLETE", "Report": "NOT_RUN"}
    assert tiny.record("r").state == "PARTIAL"
    assert tiny.record("r").node("Report").failure == "left out by --to Double"
    tiny.run(document, run_id="r")
    assert tiny.record("r").state == "COMPLETE"
    assert tiny.starts() == 1


def test_from_reads_the_earlier_run_that_is_named(tiny):
    tiny.run(tiny.compile(value=1), run_id="one")
    tiny.run(tiny.compile(value=2), run_id="two")
    tiny.run(tiny.compile(value=3), run_id="part", first="Double", base_run_id="one")
    assert tiny.states("part") == {"MakeNumber": "REUSED", "Double": "COMPLETE", "Report": "CACHED"}
    assert int(Path(tiny.doubled("part").uri).read_text()) == 2
    assert tiny.record("part").base_run_id == "one"


def test_from_takes_the_newest_run_that_can_give_what_is_needed(tiny):
    tiny.run(tiny.compile(value=4), run_id="whole")
    with pytest.raises(NodeFailed):
        tiny.run(tiny.compile(value=5, mode="raise"), run_id="broken")
    tiny.run(tiny.compile(value=4), run_id="part", first="Report")
    assert tiny.record("part").base_run_id == "whole"


def test_from_without_an_earlier_run_is_refused_before_anything_is_written(tiny):
    with pytest.raises(ConfigError, match="no earlier run has the outputs of MakeNumber"):
        tiny.run(tiny.compile(), run_id="r", first="Double")
    assert tiny.store.runs() == []


def test_from_refuses_a_run_whose_outputs_are_gone(tiny):
    tiny.run(tiny.compile(), run_id="whole")
    outputs = LineageStore(tiny.store.metadata_uri).outputs_of_run("whole")
    (made,) = [Path(artifact.uri) for artifact in outputs if artifact.node_id == "MakeNumber"]
    made.unlink()
    with pytest.raises(ConfigError, match=f"{made} was deleted"):
        tiny.run(tiny.compile(), run_id="part", first="Double", base_run_id="whole")
    assert [run.run_id for run in tiny.store.runs()] == ["whole"]


def test_a_node_runs_anew_although_nothing_changed_when_that_is_asked_for(tiny):
    tiny.run(tiny.compile(), run_id="one")
    tiny.run(tiny.compile(), run_id="two", uncached=("Double",))
    assert tiny.states("two") == {"MakeNumber": "CACHED", "Double": "COMPLETE", "Report": "CACHED"}
    with pytest.raises(ConfigError, match=r"--no-cache double: .* Did you mean 'Double'\?"):
        tiny.run(tiny.compile(), run_id="three", uncached=("double",))


def test_what_nodes_took_before_decides_their_share_of_the_memory(tiny):
    from pipeline.runners.local import expectations

    tiny.run(tiny.compile(), run_id="r")
    (expected,) = {expectation.memory_bytes for expectation in [expectations(tiny.store, "tiny")["Double"]]}
    assert expected == tiny.record("r").node("Double").peak_memory_bytes > 0


def test_everything_that_happened_is_in_the_journal(tiny):
    import json

    tiny.run(tiny.compile(), run_id="r")
    lines = [json.loads(line) for line in tiny.store.events_path("r").read_text().splitlines()]
    assert [lines[0]["event"], lines[-1]["event"]] == ["run_started", "run_ended"]
    assert lines[-1]["state"] == "COMPLETE"
    ended = {line["node_id"]: line["state"] for line in lines if line["event"] == "node_ended"}
    assert ended == {"MakeNumber": "COMPLETE", "Double": "COMPLETE", "Report": "COMPLETE"}
    assert {"event": "node_waiting", "node_id": "Report", "reason": "waits for Double"}.items() <= next(
        line for line in lines if line["event"] == "node_waiting" and line["node_id"] == "Report"
    ).items()
