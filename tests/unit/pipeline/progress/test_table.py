import io
import re

import pytest
from rich.console import Console, Group

from pipeline.progress.state import RunView
from pipeline.progress.table import ASCII, Screen, table_lines
from pipeline.run_store import NodeRecord
from pipeline.runners.events import NodeEnded, NodeProgress, NodeStarted, NodeWaiting, RunStarted

MIB = 2**20


def view_of(node_ids, *events, started_at=0.0):
    view = RunView()
    view.take(RunStarted("r", "reviews", tuple(node_ids), dict.fromkeys(node_ids, ())), started_at)
    for event in events:
        view.take(event, started_at)
    return view


def drawn(view, now=0.0, width=80, height=24, **options):
    """The lines as a terminal of that width shows them."""
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True, legacy_windows=False)
    console.print(Group(*table_lines(view, now, Screen(width, height, **options), workers=2)))
    return console.export_text().splitlines()


TRAINING = NodeProgress(
    "Trainer",
    elapsed_s=12.0,
    memory_bytes=700 * MIB,
    done=2.5,
    total=5,
    unit="epochs",
    metrics={"loss": 0.61234, "examples_per_s": 9113.8, "accuracy": 0.75},
    message="step 32/63",
)


def test_a_run_under_way_is_its_running_and_waiting_nodes_and_a_line_of_totals():
    view = view_of(
        ["ExampleGen", "Transform", "Trainer", "Evaluator"],
        NodeEnded(NodeRecord("ExampleGen", "CACHED"), 1, 4),
        NodeEnded(NodeRecord("Transform", "COMPLETE"), 2, 4),
        NodeStarted("Trainer", 1, 3, 4),
        TRAINING,
        NodeWaiting("Evaluator", "waits for Trainer"),
    )
    assert drawn(view, now=12.4) == [
        "● running  Trainer       0:12  ━━━━━━──────  50%  2.5/5 epochs",
        "           700 MiB  step 32/63  loss 0.6123  9,114 examples/s  accuracy 0.75",
        "○ waiting  Evaluator  for Trainer",
        "2 of 4 nodes: 1 cached, 1 done · 1 of 2 workers busy · 0:12 · 700 MiB",
    ]


def test_memory_shows_what_is_used_now_and_the_most_there_was():
    less = NodeProgress("N", 2.0, memory_bytes=600 * MIB)
    more = NodeProgress("N", 1.0, memory_bytes=900 * MIB)
    view = view_of(["N"], NodeStarted("N", 1, 1, 1), more, less)
    assert "600 MiB, peak 900" in drawn(view)[1]


def test_without_a_total_there_is_a_count_and_no_bar():
    view = view_of(["N"], NodeStarted("N", 1, 1, 1), NodeProgress("N", 1.0, 0, done=20000, unit="elements"))
    assert drawn(view)[0].endswith("20,000 elements")


def test_a_number_that_is_not_finite_is_shown_as_one():
    view = view_of(["N"], NodeStarted("N", 1, 1, 1), NodeProgress("N", 1.0, 0, metrics={"loss": float("nan")}))
    assert drawn(view)[1].strip() == "loss nan"


@pytest.mark.parametrize("reason", ["waits for a free worker", "waits for memory: needs 0.9 GiB, 0.4 GiB free"])
def test_a_waiting_node_says_what_it_waits_for(reason):
    assert drawn(view_of(["N"], NodeWaiting("N", reason)))[0] == f"○ waiting  N  {reason.removeprefix('waits ')}"


def test_nodes_that_this_start_of_the_run_has_nothing_to_do_with_are_not_counted():
    view = view_of(["Done", "Next"], NodeStarted("Next", 1, 2, 2))
    assert drawn(view)[-1].startswith("0 of 1 nodes")


@pytest.mark.parametrize("height", range(3, 30))
@pytest.mark.parametrize("running", [0, 1, 5, 40])
def test_the_table_is_never_higher_than_the_screen_and_hides_running_nodes_last(height, running):
    node_ids = [f"Node{number:02}" for number in range(60)]
    events = [NodeStarted(node_id, 1, 1, 60) for node_id in node_ids[-running:] if running]
    events += [NodeProgress(event.node_id, 1.0, MIB, message="busy") for event in events]
    events += [NodeWaiting(node_id, "waits for others") for node_id in node_ids[: 60 - running]]
    lines = drawn(view_of(node_ids, *events), height=height)
    assert len(lines) <= height - 1
    shown_running = sum("running  Node" in line for line in lines)
    shown_waiting = sum("waiting  Node" in line for line in lines)
    assert shown_running == running or shown_waiting == 0
    hidden = 60 - shown_running - shown_waiting
    named = sum(int(number) for line in lines if "not shown" in line for number in re.findall(r"\d+", line))
    assert named == hidden


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_screen_whatever_the_data_holds(width):
    hostile = "<script>\x1b[2J\u202e‮日本語😀" + "long " * 200
    metrics = {hostile: 1.0, "loss": 1e300}
    view = view_of(
        [hostile, "W"],
        NodeStarted(hostile, 12, 1, 2),
        NodeProgress(hostile, 1.0, 10**15, done=10**12, total=10**13, unit=hostile, metrics=metrics, message=hostile),
        NodeWaiting("W", hostile),
    )
    lines = table_lines(view, 10**6, Screen(width, 24))
    assert [line.cell_len <= width for line in lines] == [True] * len(lines)
    assert not any("\x1b" in line.plain or "\u202e" in line.plain for line in lines)


def test_a_terminal_without_unicode_gets_ascii_only():
    view = view_of(["A", "B"], NodeStarted("A", 1, 1, 2), NodeWaiting("B", "waits for A"), TRAINING)
    lines = table_lines(view, 0.0, Screen(80, 24, ASCII))
    assert all(line.plain.isascii() for line in lines)
