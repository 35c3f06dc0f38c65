"""Decisions on runs on AWS: on record first, then told to who waits."""

import dataclasses
import functools
import json

import boto3.session
import pytest
from aws_config import SETTINGS, config_on_aws
from botocore.stub import Stubber
from typer.testing import CliRunner

from components.ledger.ledger import Ledger
from components.model_approval.decisions import DecisionRefused
from components.model_registry.packages import PackageRefused
from pipeline.approvals.deciding import Decision
from pipeline.approvals.platforms import Queue, decide_on_platform, record_of, tell_registry
from pipeline.cli.app import app
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.platform_root import platform_root

CONFIG = config_on_aws()
URL = SETTINGS.approval_queue
YES = Decision("approved", "ann", "good")


@functools.cache
def session():
    return boto3.session.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-central-1")


def stubbed(service):
    client = session().client(service)
    stub = Stubber(client)
    stub.activate()
    return client, stub


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "approvals.jsonl")


def ask_for(ledger, run, digest="ab"):
    content = {"run": run, "model_uri": "s3://b/m", "model_digest": digest, "evidence_digest": "cd", "reasons": ["x"]}
    return ledger.append("requested", content)


def test_the_record_of_runs_on_aws_is_in_s3():
    assert record_of(platform_root("sagemaker", CONFIG)).path == "s3://bucket/prefix/approvals/reviews.jsonl"


def test_a_decision_is_on_record_with_its_source(ledger):
    asked = ask_for(ledger, "r1")
    request, entry, stands = decide_on_platform(CONFIG, ledger, "latest", YES)
    assert (request, stands.state) == (asked, "approved")
    assert (entry.kind, entry.content["by"], entry.content["reason"]) == ("approved", "ann", "good")
    assert (entry.content["request"], entry.content["source"]) == (1, {"place": "penstock"})


def test_the_requests_of_runs_on_aws_are_listed_with_their_decisions(ledger, tmp_path, monkeypatch):
    for run, digest in (("r1", "ab"), ("r2", "ef")):
        ask_for(ledger, run, digest)
    decide_on_platform(CONFIG, ledger, "r1", YES)
    monkeypatch.setattr("pipeline.approvals.platforms.record_of", lambda _: ledger)
    config = tmp_path / "penstock.yaml"
    config.write_text(CONFIG.model_dump_json(by_alias=True))
    shown = CliRunner().invoke(app, ["approvals", "--runner", "sagemaker", "--config", str(config)])
    assert shown.exit_code == 0, shown.output
    first, second, decision = (line.split() for line in shown.output.splitlines()[1:4])
    assert (first[0], first[2], second[0], second[2]) == ("r2", "pending", "r1", "approved")
    assert [word for word in decision if word in ("approved", "ann", "good")] == ["approved", "ann", "good"]
    one = CliRunner().invoke(app, ["approvals", "r2", "--runner", "step_functions", "--config", str(config)])
    assert "r2" in one.output
    assert "r1" not in one.output


def test_what_did_not_ask_and_what_is_decided_is_refused(ledger):
    with pytest.raises(DecisionRefused, match="has not asked"):
        decide_on_platform(CONFIG, ledger, "r1", YES)
    with pytest.raises(DecisionRefused, match="No run waits"):
        decide_on_platform(CONFIG, ledger, "latest", YES)
    ask_for(ledger, "r1")
    ask_for(ledger, "r2", "ef")
    with pytest.raises(DecisionRefused, match="2 runs wait: r1, r2"):
        decide_on_platform(CONFIG, ledger, "latest", YES)
    decide_on_platform(CONFIG, ledger, "r1", YES)
    with pytest.raises(DecisionRefused, match="already approved by ann"):
        decide_on_platform(CONFIG, ledger, "r1", YES)


def test_the_package_of_the_request_and_of_no_other_gets_the_status(ledger):
    requests = [ask_for(ledger, "r1"), ask_for(ledger, "r2")]
    arns = [f"arn:aws:sagemaker:eu-central-1:123456789012:model-package/reviews/{n}" for n in (1, 2)]
    for request, arn in zip(requests, arns, strict=True):
        ledger.append("package", {"run": "r", "request": 1, "request_hash": request.hash, "arn": arn})
    client, stub = stubbed("sagemaker")
    expected = {"ModelPackageArn": arns[0], "ModelApprovalStatus": "Approved", "ApprovalDescription": "ann: good"}
    stub.add_response("update_model_package", {"ModelPackageArn": arns[0]}, expected)
    assert arns[0] in tell_registry(CONFIG, ledger, client, requests[0], YES)
    stub.assert_no_pending_responses()


def test_a_request_without_a_package_is_told_as_such(ledger):
    request = ask_for(ledger, "r1")
    with pytest.raises(ConfigError, match="no model package is on record"):
        tell_registry(CONFIG, ledger, None, request, YES)
    ledger.append("package", {"run": "r1", "request": 1, "request_hash": request.hash, "arn": "arn:aws:x"})
    client, stub = stubbed("sagemaker")
    stub.add_client_error("update_model_package", "AccessDeniedException", "no")
    with pytest.raises(PackageRefused, match="UpdateModelPackage"):
        tell_registry(CONFIG, ledger, client, request, YES)


def message(run_id, number):
    body = {"pipeline": "reviews", "node": "ModelApproval", "run_id": run_id, "task_token": f"token-{number}"}
    return {"MessageId": str(number), "ReceiptHandle": f"handle-{number}", "Body": json.dumps(body)}


RECEIVE = {"QueueUrl": URL, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60, "WaitTimeSeconds": 1}


class Waiting:
    """A queue, and an execution behind it."""

    def __init__(self):
        sqs, self.sqs = stubbed("sqs")
        functions, self.functions = stubbed("stepfunctions")
        self.queue = Queue(sqs, functions, SETTINGS, clock=lambda: 0.0)

    def holds(self, *messages):
        self.sqs.add_response("receive_message", {"Messages": list(messages)} if messages else {}, RECEIVE)

    def lets_go(self, number):
        request = {"QueueUrl": URL, "ReceiptHandle": f"handle-{number}", "VisibilityTimeout": 0}
        self.sqs.add_response("change_message_visibility", {}, request)

    def deletes(self, number):
        self.sqs.add_response("delete_message", {}, {"QueueUrl": URL, "ReceiptHandle": f"handle-{number}"})

    def done(self):
        self.sqs.assert_no_pending_responses()
        self.functions.assert_no_pending_responses()


@pytest.fixture
def waiting():
    return Waiting()


def test_the_runs_own_token_is_sent_back_and_other_runs_are_let_go(waiting):
    waiting.holds(message("r2", 1))
    waiting.holds({"MessageId": "9", "ReceiptHandle": "handle-9", "Body": "not ours"}, message("r1", 3))
    waiting.lets_go(1)
    waiting.lets_go(9)
    output = json.dumps({"run_id": "r1", "decision": "approved"})
    waiting.functions.add_response("send_task_success", {}, {"taskToken": "token-3", "output": output})
    waiting.deletes(3)
    assert "goes on" in waiting.queue.answer("r1", "approved")
    waiting.done()


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_that_nobody_waits_for_is_said_and_taken_out(waiting, code):
    waiting.holds(message("r1", 1))
    waiting.functions.add_client_error("send_task_success", code, "gone")
    waiting.deletes(1)
    with pytest.raises(PlatformRefused, match=r"waits no longer.*penstock resume r1"):
        waiting.queue.answer("r1", "approved")
    waiting.done()


def test_a_token_that_was_not_sent_stays_in_the_queue(waiting):
    waiting.holds(message("r1", 1))
    waiting.functions.add_client_error("send_task_success", "AccessDeniedException", "no")
    with pytest.raises(PlatformRefused, match="SendTaskSuccess"):
        waiting.queue.answer("r1", "approved")
    waiting.done()


def test_a_queue_without_the_run_is_told(waiting):
    waiting.holds(message("r2", 1))
    waiting.holds()
    waiting.lets_go(1)
    with pytest.raises(ConfigError, match="holds no request of run 'r1'"):
        waiting.queue.answer("r1", "approved")
    waiting.done()


def test_without_a_queue_it_is_said_what_is_missing():
    queue = Queue(None, None, dataclasses.replace(SETTINGS, approval_queue=None))
    with pytest.raises(ConfigError, match="approval_queue"):
        queue.answer("r1", "approved")
