"""What we compile for Step Functions, carried out by moto's interpreter: tests/aws/platform_server.py.

Jobs run in SageMaker's Local Mode. That branches run at the same time, that what is unchanged comes from the cache, and
that runs go on which were killed or stopped, is in the contract of runners (test_contract_on_platforms.py).
"""

import json

import pytest
from tiny_platform import EPOCHS

pytestmark = pytest.mark.integration

NODES = ("Make", "Left", "Right", "Sum", "Trainer", "Judge")


def all_of(state, *more):
    return dict.fromkeys((*NODES, *more), state)


@pytest.fixture
def notifications(place):
    """What the topic was told: a function that waits for the next message."""
    queue = place.services.client("sqs").create_queue(QueueName=f"{place.config.aws.bucket}-told")["QueueUrl"]
    sqs, topic = place.services.client("sqs"), place.config.aws.notify_topic
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    place.services.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def told():
        return [json.loads(text)["Message"] for text in messages(place, queue)]

    return told


def messages(place, queue):
    """The bodies that are in a queue now."""
    found = place.services.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
    return [message["Body"] for message in found.get("Messages", ())]


def test_a_cold_run_runs_every_node(place):
    run = place.begin_machine(place.create_machine(place.compile("step_functions")), "cold-run")
    end = run.wait()
    assert end["status"] == "SUCCEEDED", end
    assert place.states("cold-run") == all_of("COMPLETE", "Publish")


def test_where_the_condition_is_false_the_job_behind_it_is_never_started(place):
    run = place.begin_machine(place.create_machine(place.compile("step_functions")), "false-run", {"value": 10})
    end = run.wait()
    assert end["status"] == "SUCCEEDED", end
    assert "If-Publish" in run.states()
    assert "Publish" not in run.states()
    assert place.states("false-run") == all_of("COMPLETE")


def test_a_failing_node_fails_the_run_its_branch_mate_ends_and_the_topic_is_told_why(place, notifications):
    run = place.begin_machine(place.create_machine(place.compile("step_functions", right="fail")), "failed-run")
    end = run.wait()
    assert end["status"] == "FAILED"
    assert "the branch broke at row 17" in end["cause"]
    assert place.states("failed-run")["Left"] == "COMPLETE"
    assert "Tell of failure" in run.states()
    (message,) = notifications()
    assert message.startswith("Run failed-run of pipeline tiny failed: ")
    assert "the branch broke at row 17" in message


def test_input_that_only_a_job_can_judge_is_caught_before_any_node_runs_and_the_topic_is_told(place, notifications):
    machine = place.create_machine(place.compile("step_functions"))
    run = place.begin_machine(machine, "bad-input", {"value": 5.5})
    end = run.wait()
    assert end["status"] == "FAILED"
    assert "value" in end["cause"]
    assert set(place.jobs()) == {"Make"}
    assert place.states("bad-input") == {}
    (message,) = notifications()
    assert "5.5" in message


def test_a_training_whose_spot_machine_is_taken_back_goes_on_from_its_checkpoints(place):
    run = place.begin_machine(place.create_machine(place.compile("step_functions", trainer="hang")), "spot-run")
    place.wait_for_note("hangs")
    place.kill("Trainer", interruption=True)
    end = run.wait()
    assert end["status"] == "SUCCEEDED", end
    assert place.noted("trainer") == 2
    assert [place.noted(f"epoch-{epoch}") for epoch in range(1, EPOCHS + 1)] == [1] * EPOCHS
    assert place.executions("spot-run")["Trainer"] == ["COMPLETE"]
