import dataclasses
import datetime
import json
import math
from typing import get_args

import pytest

from pipeline.run_store import NodeRecord
from pipeline.runners.events import (
    Event,
    NodeEnded,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    RunEnded,
    RunStarted,
    to_json,
)
from pipeline.runners.journal import EventReader, TimedEvent, event_of

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.UTC)
EVENTS = (
    RunStarted("r", "reviews", ("A", "B"), {"A": (), "B": ("A",)}),
    NodeWaiting("B", "waits for A"),
    NodeStarted("A", 2, 1, 2),
    NodeProgress("A", 1.5, 2**20, 3, 10, "rows", {"loss": 0.5}, "second pass"),
    NodeEnded(NodeRecord("A", "FAILED", 7, 2, "t1", "t2", 1.5, 1.0, 2**21, "bad <row>"), 1, 2),
    RunEnded("r", "FAILED"),
)


def lines(events=EVENTS):
    return "".join(f"{json.dumps(to_json(event, NOW))}\n" for event in events)


def test_every_kind_of_event_is_read_back_as_it_was_written(tmp_path):
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    (tmp_path / "events.jsonl").write_text(lines())
    read = EventReader(tmp_path / "events.jsonl").read()
    assert read == [TimedEvent("2026-01-02T03:04:05.678+00:00", event) for event in EVENTS]


def test_a_journal_that_grows_is_read_on(tmp_path):
    path, text = tmp_path / "events.jsonl", lines()
    reader = EventReader(path)
    assert reader.read() == []
    seen = []
    for end in range(0, len(text) + 50, 50):
        path.write_text(text[:end])
        seen += [timed.event for timed in reader.read()]
    assert tuple(seen) == EVENTS


def test_what_is_no_event_is_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    damaged = b'\x00\xff\n[]\n7\n{"event": "node_waiting"}\n{"event": "node_started", "time": "t"}\n'
    odd = b'{"event": "node_progress", "time": "t", "metrics": [1]}\n{"event": "run_started", "time": "t"}\n'
    path.write_bytes(damaged + odd + lines().encode())
    assert [timed.event for timed in EventReader(path).read()] == list(EVENTS)


def test_fields_and_events_of_a_later_version_do_no_harm(tmp_path):
    later = {**to_json(EVENTS[1], NOW), "priority": 3}
    assert event_of(later).event == EVENTS[1]
    (tmp_path / "e").write_text('{"event": "node_paused", "time": "t"}\n' + lines())
    assert len(EventReader(tmp_path / "e").read()) == len(EVENTS)


def test_fields_that_an_older_version_did_not_write_have_their_defaults():
    older = to_json(EVENTS[4], NOW)
    del older["cpu_s"], older["started_at"]
    assert event_of(older).event.record == dataclasses.replace(EVENTS[4].record, cpu_s=0.0, started_at=None)


def test_a_metric_that_was_not_finite_is_nan():
    event = event_of({**to_json(EVENTS[3], NOW), "metrics": {"loss": None}}).event
    assert isinstance(event, NodeProgress)
    assert math.isnan(event.metrics["loss"])


def test_an_object_that_is_no_event_is_named():
    with pytest.raises(ValueError, match="not an event"):
        event_of({"event": "party", "time": "t"})
