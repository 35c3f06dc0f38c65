from pipeline.progress.state import RunView
from pipeline.run_store import NodeRecord
from pipeline.runners.events import NodeEnded, NodeProgress, NodeStarted, NodeWaiting, RunEnded, RunStarted


def test_a_node_goes_from_not_asked_to_its_outcome():
    view, states = RunView(), []
    for event in (
        RunStarted("r", "reviews", ("A", "B"), {"A": (), "B": ("A",)}),
        NodeWaiting("A", "waits for a free worker"),
        NodeStarted("A", 2, 1, 2),
        NodeProgress("A", 1.0, 100, done=1, total=4),
        NodeEnded(NodeRecord("A", "FAILED", attempt=2, failure="bad row"), 1, 2),
        NodeEnded(NodeRecord("B", "NOT_RUN", failure="A failed"), 2, 2),
        RunEnded("r", "FAILED"),
    ):
        view.take(event, now=5.0)
        states.append(view.nodes["A"].state)
    assert states == ["NOT_ASKED", "WAITING", "RUNNING", "RUNNING", "FAILED", "FAILED", "FAILED"]
    assert (view.nodes["A"].reason, view.nodes["A"].attempt, view.nodes["A"].fraction) == ("bad row", 2, 0.25)
    assert (view.nodes["B"].reason, view.state) == ("A failed", "FAILED")


def test_progress_that_arrives_after_the_end_changes_nothing():
    view = RunView()
    view.take(NodeEnded(NodeRecord("A", "COMPLETE"), 1, 1), 0.0)
    view.take(NodeProgress("A", 1.0, 100), 1.0)
    assert view.nodes["A"].state == "COMPLETE"


def test_a_new_attempt_begins_from_nothing():
    view = RunView()
    view.take(NodeProgress("A", 1.0, 10**9, done=3, total=4), 0.0)
    view.take(NodeStarted("A", 2, 1, 1), 1.0)
    assert (view.nodes["A"].done, view.nodes["A"].peak_memory_bytes) == (None, 0)


def test_more_done_than_there_was_to_do_is_all_and_a_total_of_nothing_is_unknown():
    view = RunView()
    view.take(NodeProgress("A", 1.0, 0, done=9, total=4), 0.0)
    view.take(NodeProgress("B", 1.0, 0, done=0, total=0), 0.0)
    assert (view.nodes["A"].fraction, view.nodes["B"].fraction) == (1.0, None)


def test_a_run_joined_in_the_middle_knows_how_long_a_node_has_been_running():
    view = RunView()
    view.take(NodeProgress("A", 40.0, 0), now=100.0)
    assert view.nodes["A"].started == 60.0
