import dataclasses
import socket

import pytest

from pipeline.errors import ConfigError
from pipeline.metadata import LineageStore, handles
from pipeline.run_handle import RunHandle
from pipeline.run_store import RunStore
from pipeline.submissions import as_remembered, remember, runner_of, submitted

OLD = RunHandle("sagemaker", "reviews", "a1", "arn:a1", "d", "2026-11-26T10:00:00+00:00")
NEW = RunHandle("step_functions", "reviews", "b2", "arn:b2", "d", "2026-11-26T11:00:00+00:00")
OTHER = RunHandle("sagemaker", "churn", "c3", "arn:c3", "d", "2026-11-26T12:00:00+00:00")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "root")


@pytest.fixture
def jobs_store(tmp_path):
    return f"sqlite:///{tmp_path / 'jobs.sqlite'}"


def test_a_submitted_run_is_kept_here_and_in_the_jobs_store(store, jobs_store):
    assert remember(OLD, store, jobs_store) is None
    assert submitted(store) == handles(LineageStore(jobs_store)) == [OLD]


def test_runs_are_listed_newest_first_and_by_pipeline(store, jobs_store):
    for handle in (OLD, OTHER, NEW):
        remember(handle, store, jobs_store)
    assert submitted(store, "reviews") == [NEW, OLD]
    assert submitted(store) == [OTHER, NEW, OLD]


def test_a_folder_from_which_nothing_was_submitted_lists_nothing_and_gets_no_store(store):
    assert submitted(store) == []
    assert not store.root.exists()


def test_a_store_that_does_not_answer_is_a_warning_that_says_what_is_lost(store, monkeypatch):
    monkeypatch.setenv("PENSTOCK_METADATA_PASSWORD", "testing")
    with socket.socket() as taken:  # a port where nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        lost = remember(OLD, store, f"mysql://jobs@127.0.0.1:{port}/mlmd")
    assert lost is not None
    assert f"127.0.0.1:{port} does not answer" in lost
    assert "Nothing else is lost" in lost
    assert submitted(store) == [OLD]


def test_the_platform_of_a_run_is_that_it_was_submitted_to(store, jobs_store):
    for handle in (OLD, NEW):
        remember(handle, store, jobs_store)
    assert runner_of(store, "reviews", "latest") == "step_functions"
    assert runner_of(store, "reviews", "a1") == "sagemaker"


def test_what_the_platform_does_not_keep_of_a_run_is_remembered(store, jobs_store):
    remember(OLD, store, jobs_store)
    found = dataclasses.replace(OLD, document_digest="", execution_arn="arn:a1_resumed_2")
    assert as_remembered(found, store) == dataclasses.replace(found, document_digest="d")
    assert as_remembered(dataclasses.replace(found, run_id="zz"), store).document_digest == ""


@pytest.mark.parametrize("run_id", ["latest", "zz"])
def test_a_run_that_was_not_submitted_from_here_needs_its_platform_named(store, run_id):
    with pytest.raises(ConfigError, match="--runner"):
        runner_of(store, "reviews", run_id)
