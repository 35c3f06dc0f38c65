import datetime
import io
import json
import math
import os
import subprocess
import sys

import pytest
import typer

from components.errors import BadData
from pipeline.errors import ConfigError, NodeFailed, StoreBusy
from pipeline.progress.json_lines import JsonProgress, RunFinished
from pipeline.runners.events import NodeProgress, NodeStarted, RunEnded, RunStarted

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


class Pipe(io.StringIO):
    """Notes how much had been written at each flush."""

    def __init__(self):
        super().__init__()
        self.flushed = []

    def flush(self):
        self.flushed.append(len(self.getvalue()))


def written(*steps):
    events, words = Pipe(), Pipe()
    progress = JsonProgress(events, words, clock=lambda: NOW)
    for step in steps:
        step(progress)
    return events, words


def test_standard_output_holds_a_line_an_event_and_nothing_else():
    events, words = written(
        lambda p: p.begin("loading"),
        lambda p: p.show(NodeStarted("A", 1, 1, 1)),
        lambda p: p.end(),
        lambda p: p.finish(RunFinished("r", "COMPLETE", 0)),
    )
    assert [json.loads(line)["event"] for line in events.getvalue().splitlines()] == ["node_started", "run_finished"]
    assert words.getvalue() == "loading\n"


def test_each_line_is_written_at_once():
    events, _ = written(lambda p: p.show(NodeStarted("A", 1, 1, 1)), lambda p: p.show(NodeStarted("B", 1, 1, 1)))
    ends = [index + 1 for index, character in enumerate(events.getvalue()) if character == "\n"]
    assert events.flushed == ends


def test_the_lines_are_json_whatever_the_data_holds():
    odd = NodeProgress("A", 1.0, 0, math.inf, None, "", {"loss": math.nan}, "two\nlines\u2028 \x1b[2J \ud800 <script>")
    events, _ = written(lambda p: p.show(odd))
    (line,) = events.getvalue().splitlines()
    assert line.isascii()
    assert "NaN" not in line
    read = json.loads(line)
    assert (read["metrics"], read["done"]) == ({"loss": None}, None)
    assert read["message"] == odd.message


def test_the_last_event_tells_what_came_of_it():
    outcome = RunFinished(
        "r", "COMPLETE", 5, metrics={"accuracy": 0.5, "skill": math.nan}, blessed=False, reasons=("low",)
    )
    events, _ = written(lambda p: p.finish(outcome))
    read = json.loads(events.getvalue())
    assert read == {
        "event": "run_finished",
        "time": "2026-01-02T03:04:05.000+00:00",
        "run_id": "r",
        "state": "COMPLETE",
        "exit_code": 5,
        "error": "",
        "rows": {},
        "metrics": {"accuracy": 0.5, "skill": None},
        "blessed": False,
        "reasons": ["low"],
        "servable": None,
        "serving_reasons": [],
        "pushed_to": None,
    }


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (ConfigError(["data.path is wrong."]), 2, "data.path is wrong."),
        (NodeFailed("Node 'A' failed", node_id="A"), 3, "Node 'A' failed"),
        (BadData("row 3 is short"), 4, "row 3 is short"),
        (StoreBusy("in use"), 6, "in use"),
        (KeyboardInterrupt(), 130, "KeyboardInterrupt"),
        (ZeroDivisionError("by zero"), 1, "by zero"),
        (PermissionError(13, "Permission denied", "root"), 2, "[Errno 13] Permission denied: 'root'"),
    ],
)
def test_an_error_is_the_last_event_and_is_raised_on(error, exit_code, said):
    events = Pipe()
    progress = JsonProgress(events, Pipe(), clock=lambda: NOW)
    with pytest.raises(type(error)), progress.telling_errors():
        raise error
    read = json.loads(events.getvalue())
    assert (read["event"], read["exit_code"], read["error"], read["run_id"]) == ("run_finished", exit_code, said, None)


def test_an_error_of_a_run_names_the_run_and_how_it_ended():
    events = Pipe()
    progress = JsonProgress(events, Pipe(), clock=lambda: NOW)
    progress.show(RunStarted("r", "reviews", (), {}))
    progress.show(RunEnded("r", "FAILED"))
    with pytest.raises(NodeFailed), progress.telling_errors():
        raise NodeFailed("no", node_id="A")
    read = json.loads(events.getvalue().splitlines()[-1])
    assert (read["run_id"], read["state"]) == ("r", "FAILED")


@pytest.mark.parametrize("leave", [SystemExit(5), typer.Exit(5)])
def test_leaving_after_the_last_event_adds_none(leave):
    events = Pipe()
    progress = JsonProgress(events, Pipe(), clock=lambda: NOW)
    progress.finish(RunFinished("r", "COMPLETE", 5))
    with pytest.raises(type(leave)), progress.telling_errors():
        raise leave
    assert len(events.getvalue().splitlines()) == 1


def test_everything_else_that_is_printed_goes_to_standard_error():
    program = (
        "import os, typer\n"
        "from pipeline.progress.json_lines import JsonProgress, RunFinished\n"
        "progress = JsonProgress.on_standard_output()\n"
        "typer.echo('to people'); print('printed'); os.system('echo from a child'); progress.begin('begun')\n"
        "progress.finish(RunFinished(None, None, 0))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in result.stdout.splitlines()] == ["run_finished"]
    assert sorted(result.stderr.splitlines()) == ["begun", "from a child", "printed", "to people"]


def test_a_reader_that_goes_away_does_not_stop_the_run():
    reader, writer = os.pipe()
    os.close(reader)
    words = Pipe()
    with os.fdopen(writer, "w") as events:
        progress = JsonProgress(events, words)
        progress.show(NodeStarted("A", 1, 1, 1))
        progress.show(NodeStarted("B", 1, 1, 1))
    assert words.getvalue() == "Nobody reads the events any more; the run goes on.\n"
