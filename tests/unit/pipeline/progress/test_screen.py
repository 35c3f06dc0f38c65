import io

import pytest
from rich.console import Console

from pipeline.progress.screen import Progress
from pipeline.run_store import NodeRecord
from pipeline.runners.events import NodeEnded, NodeProgress, NodeStarted, NodeWaiting, RunEnded, RunStarted

MIB = 2**20
STARTED = RunStarted("r", "reviews", ("Transform", "Trainer"), {"Transform": (), "Trainer": ("Transform",)})


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def shown(*events, cost_s=None):
    """The lines of a screen that is no terminal; a number among the events lets so many seconds pass."""
    screen, clock = io.StringIO(), Clock()
    progress = Progress(Console(file=screen, width=120), cost_s=cost_s, clock=clock)
    progress.begin("loading")
    for event in events:
        if isinstance(event, int | float):
            clock.now += event
        else:
            progress.show(event)
    progress.end()
    return screen.getvalue().splitlines()


def ended(state, **fields):
    return NodeEnded(NodeRecord("Trainer", state, **fields), 3, 11)


def test_where_there_is_no_terminal_a_node_is_a_line_at_its_start_and_one_at_its_end():
    lines = shown(NodeStarted("Trainer", 1, 3, 11), ended("COMPLETE", wall_s=12.34, peak_memory_bytes=3 * MIB))
    assert lines == [
        "loading",
        "[ 3/11] Trainer                      started",
        "[ 3/11] Trainer                      done       12.3 s  3 MiB",
    ]


def test_a_second_attempt_says_so():
    assert shown(NodeStarted("Trainer", 2, 3, 11))[1].endswith("started again, attempt 2")


def test_a_running_node_is_a_line_every_ten_seconds_and_not_more_often():
    def said(elapsed_s):
        return NodeProgress("Trainer", elapsed_s, 700 * MIB, elapsed_s / 10, 5, "epochs", {"loss": 0.25}, "step 3/63")

    lines = shown(STARTED, NodeStarted("Trainer", 1, 2, 2), 6, said(6), 3, said(9), 1.5, said(10.5), 9, said(19.5))
    assert lines[2:] == [
        "[2/2] Trainer                      running    10.5 s  700 MiB  1.1/5 epochs  step 3/63  loss 0.25"
    ]


def test_the_states_have_words():
    states = ["COMPLETE", "CACHED", "SKIPPED", "FAILED", "REUSED", "NOT_RUN"]
    lines = shown(*(ended(state) for state in states))[1:]
    words = [line.split("Trainer")[1].split("0.0 s")[0].strip() for line in lines]
    assert words == ["done", "cached", "skipped", "failed", "reused", "not run"]


def test_a_state_of_a_later_version_is_shown_as_it_is():
    assert "on hold" in shown(ended("ON_HOLD"))[1]


def test_a_cached_node_says_what_it_took_when_it_ran():
    (line,) = shown(ended("CACHED", wall_s=0.2), cost_s={"Trainer": 20.5})[1:]
    assert line.endswith("saved 20.3 s")


def test_a_node_that_failed_says_why_in_one_line_and_nothing_in_it_reaches_the_terminal():
    (line,) = shown(ended("FAILED", failure="\x1b[2Jbad [bold]row[/]\nand more"))[1:]
    assert line.endswith("␛[2Jbad [bold]row[/]")


def on_terminal(*events, width=80, height=24):
    """What is written to a terminal, with its codes."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, legacy_windows=False)
    progress = Progress(console, clock=Clock())
    try:
        for event in events:
            progress.show(event)
    finally:
        progress.end()
    return console.file.getvalue()


@pytest.fixture
def plain_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.usefixtures("plain_terminal")
def test_on_a_terminal_the_table_goes_and_the_lines_of_ended_nodes_stay():
    text = on_terminal(
        STARTED,
        NodeWaiting("Trainer", "waits for Transform"),
        NodeStarted("Transform", 1, 1, 2),
        NodeEnded(NodeRecord("Transform", "COMPLETE", wall_s=1), 1, 2),
        RunEnded("r", "FAILED"),
    )
    assert "[1/2] Transform" in text
    assert "started" not in text  # the table says it
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is hidden, and comes back


@pytest.mark.usefixtures("plain_terminal")
def test_ctrl_c_leaves_the_cursor_visible():
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, legacy_windows=False)
    progress = Progress(console)
    progress.show(STARTED)
    progress.show(NodeStarted("Transform", 1, 1, 2))
    progress.end()  # what the command line does on its way out
    progress.end()
    codes = console.file.getvalue()
    assert codes.rindex("\x1b[?25h") > codes.rindex("\x1b[?25l")


@pytest.mark.usefixtures("plain_terminal")
def test_what_is_said_before_the_run_is_taken_for_words_and_not_for_markup():
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, legacy_windows=False)
    progress = Progress(console)
    progress.begin("loading [bold]TensorFlow[/]")
    progress.begin("compiling")
    progress.end()
    assert "loading [bold]TensorFlow[/]" in console.file.getvalue()


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[?25l" not in on_terminal(STARTED, NodeStarted("Transform", 1, 1, 2))
    assert "started" in on_terminal(STARTED, NodeStarted("Transform", 1, 1, 2))
