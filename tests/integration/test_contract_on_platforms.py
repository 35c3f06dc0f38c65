"""The contract of runners for those whose runs are carried out elsewhere, and what they promise beside it.

One suite with tests/contract: tests/fixtures/run_contract.py. What stands in for the platforms: tests/aws/
and tests/kubeflow/.
"""

import pytest
from contract_on_platforms import hurried
from run_contract import NODES, RunContract, executions_of, value_of
from tiny_platform import EPOCHS

from pipeline.errors import ConfigError, NotFound
from pipeline.runners.remote import LogRange

pytestmark = pytest.mark.integration


class TestRunsOnPlatforms(RunContract):
    """Every promise of the contract."""


def test_a_run_is_found_again_by_its_id_and_shows_what_its_jobs_printed(running):
    ended = running.carry_out(running.compile())
    found = running.runner.find("tiny", ended.handle.run_id)
    assert found.execution_arn == ended.handle.execution_arn
    assert running.runner.find("tiny", "latest").run_id == ended.handle.run_id
    followed = list(running.runner.logs(found, "Double", LogRange(follow_s=5, poll_s=0.1)))
    assert any("NODE Double COMPLETE" in line for line in followed)
    with pytest.raises(NotFound, match="Did you mean 'Double'"):
        running.log(found, "Duoble")


def test_a_run_that_is_stopped_ends_its_job_politely_and_goes_on_with_the_same_execution(running):
    handle = running.submit(running.compile(mode="sleep_once"))
    running.wait_for_mark()
    with pytest.raises(ConfigError, match="only"):
        running.runner.resume(handle)
    running.runner.stop(handle)
    stopped = running.wait(handle)
    status = running.status(handle)
    assert status.state == "INTERRUPTED", stopped
    assert status.nodes == {"MakeNumber": "COMPLETE", "Double": "NOT_RUN"}
    (job,) = running.place.ended_jobs()["Double"]
    assert job["exit_code"] == 143
    assert executions_of(running.store_uri, handle.run_id)["Double"] == ["RUNNING"]
    with pytest.raises(ConfigError, match="not under way"):
        running.runner.stop(handle)

    ended = running.wait(running.runner.resume(handle))
    assert running.status(ended.handle).state == "COMPLETE", ended
    assert ended.handle.run_id == handle.run_id
    assert executions_of(running.store_uri, handle.run_id) == {node_id: ["COMPLETE"] for node_id in NODES}
    assert value_of(running, ended) == 42


def test_a_training_that_is_stopped_keeps_its_checkpoints_and_goes_on_from_them(running):
    place = running.place
    handle = running.submit(place.compile(running.name, trainer="hang"))
    place.wait_for_note("hangs")
    running.runner.stop(handle)
    assert running.status(running.wait(handle).handle).state == "INTERRUPTED"
    (job,) = place.ended_jobs()["Trainer"]
    assert job["exit_code"] == 143
    assert executions_of(running.store_uri, handle.run_id)["Trainer"] == ["RUNNING"]

    ended = running.wait(running.runner.resume(handle))
    assert running.status(ended.handle).state == "COMPLETE", ended
    assert executions_of(running.store_uri, handle.run_id)["Trainer"] == ["COMPLETE"]
    assert [place.noted(f"epoch-{epoch}") for epoch in range(1, EPOCHS + 1)] == [1] * EPOCHS


def test_a_job_that_does_not_end_when_it_is_asked_to_is_killed_after_the_grace(running):
    handle = running.submit(running.compile(mode="deaf"))
    running.wait_for_mark()
    running.runner.stop(handle)
    assert running.status(running.wait(handle).handle).state == "INTERRUPTED"
    (job,) = running.place.ended_jobs()["Double"]
    assert job["exit_code"] == 137
    assert executions_of(running.store_uri, handle.run_id)["Double"] == ["RUNNING"]


def test_a_service_that_does_not_start_a_job_is_asked_again_and_the_node_runs_once_and_is_paid_once(on_aws):
    on_aws.refuse_starts("Double", "ThrottlingException", "InternalServerError")
    ended = on_aws.carry_out(hurried(on_aws.compile()))
    assert on_aws.status(ended.handle).state == "COMPLETE", ended
    assert executions_of(on_aws.store_uri, ended.handle.run_id)["Double"] == ["COMPLETE"]
    assert len(on_aws.place.jobs()["Double"]) == 1
    assert (on_aws.notes / "marker").read_text().count("started") == 1
    usages = on_aws.runner.usage(ended.handle)
    assert [(usage.name, usage.kind) for usage in usages] == [(node_id, "processing") for node_id in NODES]
    assert all(usage.ran_s > 0 for usage in usages)


def test_a_service_that_never_starts_a_job_fails_the_run_with_its_answer(on_aws):
    on_aws.refuse_starts("Double", *["InternalServerError"] * 3)  # the first try, and two more
    ended = on_aws.carry_out(hurried(on_aws.compile()))
    assert on_aws.status(ended.handle).state == "FAILED"
    assert "InternalServerError" in ended.failure
    assert "Double" not in on_aws.place.jobs()
    assert executions_of(on_aws.store_uri, ended.handle.run_id) == {"MakeNumber": ["COMPLETE"]}
