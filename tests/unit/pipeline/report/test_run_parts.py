"""Times, states and logs of a run by arithmetic."""

import re

import pytest

from pipeline.report.dag import run_graph
from pipeline.report.gantt import gantt, overlap, time_ticks
from pipeline.report.now import latest
from pipeline.report.record_parts import flattened
from pipeline.report.run_section import log_end, log_file
from pipeline.report.states import STATES, badge, state_of
from pipeline.run_store import NodeRecord, RunRecord


def node(node_id, state="COMPLETE", start=None, stop=None, **fields):
    times = {
        name: f"2026-01-01T00:00:{at:02d}+00:00"
        for name, at in (("started_at", start), ("ended_at", stop))
        if at is not None
    }
    return NodeRecord(node_id, state, **times, **fields)


def run(*nodes, state="COMPLETE", node_ids=None):
    ids = node_ids or tuple(item.node_id for item in nodes)
    return RunRecord("r", "p", state, "2026-01-01T00:00:00+00:00", None, 1, "d", ids, tuple(nodes))


def test_bars_lie_where_their_times_are():
    markup = gantt(run(node("A", start=10, stop=20), node("B", start=15, stop=30)))
    places = re.findall(r"pn-bar pn-\w+\" style=\"left:([\d.]+)%;width:([\d.]+)%", str(markup))
    assert [(float(left), float(width)) for left, width in places] == [(0, 50), (25, 75)]


def test_a_running_node_has_a_bar_until_now():
    markup = gantt(run(node("A", "RUNNING", start=10), state="RUNNING"), now="2026-01-01T00:00:16+00:00")
    assert "6.0 s" in markup


def test_nodes_taken_from_another_run_have_no_bar_and_a_run_of_them_no_chart():
    taken = node("A", "REUSED", start=1, stop=2)
    assert gantt(run(taken)) is None
    assert gantt(run(taken, node("B", start=3, stop=4))).count('role="listitem"') == 1


def test_two_nodes_at_once_half_of_the_time_are_one_and_a_half_on_average():
    assert overlap(run(node("A", start=0, stop=10), node("B", start=0, stop=5))) == pytest.approx(1.5)


@pytest.mark.parametrize("length", [0.1, 0.7, 3, 59, 61, 190, 3599, 7300, 100_000, 3_000_000])
def test_times_on_the_axis_are_few_and_start_at_nothing(length):
    ticks = time_ticks(length)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= length


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_is_told_by_a_mark_and_a_word_not_by_colour_alone(state):
    text = re.sub(r"<[^>]+>", "", str(badge(state)))
    assert text == f"{STATES[state].mark} {STATES[state].word}"
    assert len({(shown.mark, shown.word) for shown in STATES.values()}) == len(STATES)


def test_a_state_of_a_newer_version_is_shown_by_its_name():
    assert "half done" in badge("HALF_DONE")


def test_a_node_that_was_running_when_the_run_died_was_interrupted():
    assert state_of(run(node("A", "RUNNING"), state="INTERRUPTED"), "A") == "INTERRUPTED"
    assert state_of(run(state="RUNNING", node_ids=("A",)), "A") == "WAITING"
    assert state_of(run(state="FAILED", node_ids=("A",)), "A") == "NOT_RUN"


@pytest.mark.parametrize("direction", ["right", "down"])
def test_the_graph_tells_states_and_edges_in_words(direction):
    markup = run_graph(run(node("A", wall_s=3), node("B", "FAILED", failure="why")), {"B": ("A",)}, direction=direction)
    assert "what feeds what: A to B" in markup
    assert "✓ done · 3.0 s" in markup
    assert "✕ failed" in markup
    assert 'href="#node-A"' in markup


def test_the_log_is_of_the_last_attempt_or_of_the_older_layout(tmp_path):
    (tmp_path / "A.1.log").write_text("first")
    (tmp_path / "A.2.log").write_text("second")
    (tmp_path / "B.log").write_text("older")
    assert log_file(tmp_path, node("A", attempt=2)) == tmp_path / "A.2.log"
    assert log_file(tmp_path, node("B")) == tmp_path / "B.log"
    assert log_file(tmp_path, node("C")) is None


def test_the_end_of_a_huge_log_of_no_text_is_short(tmp_path):
    (tmp_path / "log").write_bytes(b"\xff" * 5_000_000 + b"\nlast")
    assert log_end(tmp_path / "log").endswith("\nlast")
    assert len(log_end(tmp_path / "log")) < 100_000


def test_the_newest_event_of_each_node_counts():
    events = [
        {"event": "node_waiting", "node_id": "B", "reason": "waits for A"},
        {"event": "node_started", "node_id": "A"},
        {"event": "node_progress", "node_id": "A", "done": 1},
        {"event": "node_progress", "node_id": "A", "done": 2},
        {"event": "node_started", "node_id": "C"},
        {"event": "node_ended", "node_id": "C"},
    ]
    busy, waiting = latest(events)
    assert {name: event["done"] for name, event in busy.items()} == {"A": 2}
    assert waiting == {"B": "waits for A"}
    assert latest([*events, {"event": "run_started"}]) == ({}, {})


def test_settings_are_named_by_their_whole_path():
    settings = {"a": {"b": 1, "c": {}}, "d": [{"e": None}], "f": [1, 2]}
    assert list(flattened(settings)) == [("a.b", 1), ("a.c", {}), ("d[0].e", None), ("f", [1, 2])]
