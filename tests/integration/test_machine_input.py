"""What a state machine does with the input of an execution, in moto's interpreter; jobs start there and end at once."""

import json
import time
import uuid

import pytest
from aws_config import config_on_aws, in_region
from aws_services import REGION
from ir_by_hand import ir_of, node

from pipeline.jobs import plan_jobs
from pipeline.runners.step_functions.state_machine import render

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("interpreter")]

END_S = 60
ROLE = "arn:aws:iam::123456789012:role/penstock-state-machine"


@pytest.fixture
def carry_out(aws_services):
    """Runs a machine of one job on an input: how it ended, the states that it entered, what the topic was told."""
    name = uuid.uuid4().hex
    sns, sqs = aws_services.client("sns"), aws_services.client("sqs")
    topic, queue = sns.create_topic(Name=name)["TopicArn"], sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    config = config_on_aws(**vars(in_region(REGION, notify_topic=topic, kms_key=None, metadata="sqlite:////x")))
    text = ir_of(node("Gen", parameters={"span": 3, "rate": 0.5, "day": str}))
    definition = render(plan_jobs(text, config), config).replace("Job.sync", "Job")
    client = aws_services.client("stepfunctions")
    machine = client.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]

    def run(given):
        execution = client.start_execution(stateMachineArn=machine, name="a-run", input=given)["executionArn"]
        deadline = time.monotonic() + END_S
        while (end := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, end
            time.sleep(0.1)
        events = client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ())
        return end, entered, [json.loads(message["Body"])["Message"] for message in messages]

    return run


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ("[]", "must be a JSON object of parameters, and it is []."),
        ('["2026-01-01"]', 'must be a JSON object of parameters, and it is ["2026-01-01"].'),
        ('"2026-01-01"', 'must be a JSON object of parameters, and it is "2026-01-01".'),
        ("7", "must be a JSON object of parameters, and it is 7."),
        ("true", "must be a JSON object of parameters, and it is true."),
        ("null", "must be a JSON object of parameters, and it is null."),
        ("{}", "Parameter day has no default, and the input of the execution has no value of it: {}."),
        ('{"day": 7}', "Parameter day must be a text, and in the input of the execution it is 7."),
        ('{"day": "x", "span": "7"}', 'Parameter span must be a number, and in the input of the execution it is "7".'),
        (
            '{"day": "x", "rate": null}',
            "Parameter rate must be a number, and in the input of the execution it is null.",
        ),
        (
            '{"day": "x", "span": {"a": [1]}}',
            "Parameter span must be a number, and in the input of the execution it is",
        ),
        ('{"day": "x", "run_id": 5}', "Parameter run_id must be a text, and in the input of the execution it is 5."),
    ],
)
def test_input_that_makes_no_sense_starts_no_job_and_the_topic_is_told_what_is_wrong_with_it(carry_out, given, cause):
    end, entered, told = carry_out(given)
    assert (end["status"], end["error"]) == ("FAILED", "PenstockRunFailed")
    assert cause in end["cause"]
    assert "Gen" not in entered
    assert entered[-2:] == ["Tell of failure", "Run failed"]
    (message,) = told
    assert message.startswith("Run a-run of pipeline tiny failed: ")
    assert cause in message


def test_input_that_makes_sense_reaches_the_job(carry_out):
    end, entered, told = carry_out('{"day": "2026-01-01", "span": 7, "run_id": "earlier"}')
    assert end["status"] == "SUCCEEDED", end
    assert entered[-2:] == ["Gen", "Run done"]
    assert told == []
