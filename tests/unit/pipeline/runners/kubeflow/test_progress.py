"""What the server says of a run, in our words: what is its own of these answers was read in its source (2.16.1)."""

import datetime

import pytest

from pipeline.runners.kubeflow.progress import Condition, TaskNames, explained, jobs_of, run_state
from pipeline.runners.remote import JobProgress

NAMES = TaskNames({"gen": "Gen", "push": "Push"}, {"condition-1": Condition("gen", "run", ("push",))})


def history(*states):
    return [{"state": state} for state in states]


@pytest.mark.parametrize(
    ("state", "before", "expected"),
    [
        ("RUNNING", ["RUNNING"], "RUNNING"),
        ("CANCELING", ["RUNNING", "CANCELING"], "RUNNING"),
        ("FAILED", ["RUNNING", "FAILED"], "FAILED"),
        ("FAILED", ["RUNNING", "CANCELING", "FAILED"], "INTERRUPTED"),
        ("SUCCEEDED", ["RUNNING", "CANCELING", "SUCCEEDED"], "COMPLETE"),
        ("FAILED", None, "FAILED"),
        (None, None, "RUNNING"),
        ("RUNTIME_STATE_UNSPECIFIED", None, "RUNNING"),
    ],
)
def test_a_run_that_was_stopped_is_known_by_its_history_because_the_server_calls_it_failed(state, before, expected):
    run = {"state": state, "state_history": before and history(*before)}
    assert run_state(run) == expected


@pytest.mark.parametrize(
    ("state", "why", "told"),
    [
        ("FAILED", "Error (exit code 3): no such column", ("FAILED", "Error (exit code 3): no such column")),
        ("FAILED", "Error (exit code 137)", ("FAILED", "Error (exit code 137)")),
        ("FAILED", "", ("FAILED", "")),
        ("INTERRUPTED", "Error (exit code 143): Interrupted by SIGTERM.", ("NOT_RUN", "")),
        ("INTERRUPTED", "Error (exit code 137)", ("NOT_RUN", "")),
        ("INTERRUPTED", "", ("NOT_RUN", "")),
        ("INTERRUPTED", "Error (exit code 1379)", ("FAILED", "Error (exit code 1379)")),
        ("INTERRUPTED", "Error (exit code 3): no such column", ("FAILED", "Error (exit code 3): no such column")),
    ],
)
def test_a_task_that_was_stopped_with_its_run_has_not_run_and_one_that_had_failed_has_failed(state, why, told):
    job = explained(JobProgress("Gen", ("Gen",), "FAILED"), state, why)
    assert (job.state, job.failure) == told


@pytest.mark.parametrize(
    "never", [datetime.datetime(1, 1, 1, tzinfo=datetime.UTC), datetime.datetime(1970, 1, 1), None]
)
def test_a_task_that_runs_has_no_end(never):
    began = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    (job,) = jobs_of(
        [{"display_name": "gen", "state": "RUNNING", "start_time": began, "end_time": never}], NAMES, set()
    )
    assert (job.started_at, job.ended_at) == ("2026-01-02T03:04:05+00:00", "")


def test_a_task_is_called_by_its_node_as_in_kubeflows_own_page():
    details = [{"display_name": "gen", "state": "SUCCEEDED"}, {"display_name": "condition-1", "state": "SKIPPED"}]
    jobs = jobs_of(details, NAMES, frozenset())
    assert [(job.name, job.state) for job in jobs] == [("Gen", "COMPLETE"), ("Push", "SKIPPED")]


@pytest.mark.parametrize("nothing", [{}, {"state": None}, {"state": "RUNTIME_STATE_UNSPECIFIED"}])
def test_a_task_that_was_left_out_because_one_before_it_failed_was_not_reached(nothing):
    """Argo calls it Omitted, for which the server has no state; its answers leave out what has none."""
    details = [{"display_name": "gen", "state": "FAILED"}, {"display_name": "push", **nothing}]
    assert [(job.name, job.state) for job in jobs_of(details, NAMES, frozenset())] == [("Gen", "FAILED")]
