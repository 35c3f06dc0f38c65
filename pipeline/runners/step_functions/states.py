"""The states of one job, of one gate and of one question to people."""

import dataclasses
from typing import Any

from pipeline.jobs import Gate, JobRequest, Join, RunId, Unique
from pipeline.runners.step_functions.expressions import RUN_ID, template

State = dict[str, Any]

START_S = 1800
"""Seconds that a job may take to get its machine and its image, beside what its node may take."""

APPROVAL_WAIT_S = 14 * 24 * 3600
"""A person has fourteen days to answer: no queue keeps a message, and the token in it, for longer."""


@dataclasses.dataclass(frozen=True)
class Platform:
    """What states name beside what is in the plan.

    Attributes:
      partition: `aws`, or that of China or of the US government.
      decisions_uri: where jobs' decisions are.
      notify_topic: ARN of the topic that is told of failures; None = nobody is.
      approval_queue: URL of the queue that gets requests for approval; None = nobody is asked.
    """

    partition: str
    decisions_uri: str
    notify_topic: str | None
    approval_queue: str | None

    def integration(self, name: str) -> str:
        """The ARN of a service integration."""
        return f"arn:{self.partition}:states:::{name}"


def onward(then: str | None) -> State:
    """Where a state goes: to another, or to the end of its branch."""
    return {"End": True} if then is None else {"Next": then}


def caught(fail: str) -> State:
    """Every error leads there, and is in `$.error`."""
    return {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": fail}]}


def job_state(job: JobRequest, platform: Platform, then: str | None, fail: str) -> State:
    """Starts the job and waits for its end; nothing of its answer is kept, nodes speak through artifacts."""
    kind = job.kind.capitalize()
    name = {f"{kind}JobName": Join((f"{job.name_base}-", Unique()))}
    state = {
        "Type": "Task",
        "Resource": platform.integration(f"sagemaker:create{kind}Job.sync"),
        "Parameters": template({**job.request, **name}),
        "ResultPath": None,
        "TimeoutSeconds": job.timeout_s + START_S,
    }
    if job.retries:
        state["Retry"] = [_retry(["SageMaker.AmazonSageMakerException", *_SHORT_OF], 30, job.retries)]
    return {**state, **caught(fail), **onward(then)}


_SHORT_OF = ("SageMaker.ResourceLimitExceededException", "SageMaker.ThrottlingException")


def _retry(errors: list[str], interval_s: int, times: int) -> State:
    return {"ErrorEquals": errors, "IntervalSeconds": interval_s, "BackoffRate": 2.0, "MaxAttempts": times}


def read_state(job: str, platform: Platform, then: str, fail: str) -> State:
    """Reads the decisions of a job into `$.decided`."""
    bucket, _, prefix = platform.decisions_uri.removeprefix("s3://").partition("/")
    key = Join((f"{prefix}/", RunId(), f"/{job}/decision.json"))
    return {
        "Type": "Task",
        "Resource": platform.integration("aws-sdk:s3:getObject"),
        "Parameters": template({"Bucket": bucket, "Key": key}),
        "ResultSelector": {"by.$": "States.StringToJson($.Body)"},
        "ResultPath": "$.decided",
        "TimeoutSeconds": 60,
        "Retry": [_retry(["States.TaskFailed"], 2, 3)],
        **caught(fail),
        "Next": then,
    }


def choice_state(gate: Gate, inside: str, beyond: str) -> State:
    """Goes inside where the decision is as it must be."""
    return _choice(gate.node_id, gate.value, inside, beyond)


def waits_state(node_id: str, ask: str, beyond: str) -> State:
    """Goes to ask where a model waits for a person."""
    return _choice(node_id, "waiting", ask, beyond)


def _choice(node_id: str, value: str, yes: str, no: str) -> State:
    asked = {"Variable": f"$.decided.by.{node_id}", "StringEquals": value, "Next": yes}
    return {"Type": "Choice", "Choices": [asked], "Default": no}


def ask_state(node_id: str, pipeline_name: str, platform: Platform, then: str, fail: str) -> State:
    """Puts a request in the queue, and waits until someone who approves or refuses sends its token back."""
    body = {
        "pipeline": pipeline_name,
        "node": node_id,
        "run_id.$": RUN_ID,
        "execution_arn.$": "$$.Execution.Id",
        "task_token.$": "$$.Task.Token",
    }
    return {
        "Type": "Task",
        "Resource": platform.integration("sqs:sendMessage.waitForTaskToken"),
        "Parameters": {"QueueUrl": platform.approval_queue, "MessageBody": body},
        "ResultPath": None,
        "TimeoutSeconds": APPROVAL_WAIT_S,
        **caught(fail),
        "Next": then,
    }


def notify_state(pipeline_name: str, platform: Platform, then: str) -> State:
    """Tells the topic which run failed and why; goes on also if that fails."""
    words = f"States.Format('Run {{}} of pipeline {pipeline_name} failed: {{}}', {RUN_ID}, $.error.Cause)"
    return {
        "Type": "Task",
        "Resource": platform.integration("sns:publish"),
        "Parameters": {
            "TopicArn": platform.notify_topic,
            "Subject": f"Penstock: a run of {pipeline_name} failed",
            "Message.$": words,
        },
        "ResultPath": None,
        "TimeoutSeconds": 60,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.notification", "Next": then}],
        "Next": then,
    }
