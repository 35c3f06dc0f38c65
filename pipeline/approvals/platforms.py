"""A person decides on the model of a run on a platform: put on the record at its root, then told to who waits.

Kubeflow        the run has ended; what follows the approval is started as a run of its own
SageMaker       the model package of the request gets the decision's status, and EventBridge has the run go on
Step Functions  the request in the approval queue holds the token that the execution waits for, which is sent back
"""

import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

from components.ledger.ledger import Entry, Ledger, utc_now
from components.model_approval.decisions import (
    DecisionRefused,
    Standing,
    check_decision,
    latest_request,
    settings_of,
    standing,
    subject_of,
)
from components.model_registry.packages import Packages, PackageSettings, package_of
from pipeline.approvals.deciding import Decision, check_bytes
from pipeline.aws_settings import AwsSettings
from pipeline.config import Config
from pipeline.errors import ConfigError, PlatformRefused
from pipeline.places import is_on_s3
from pipeline.platform_root import PlatformRoot
from pipeline.runners.aws.asking import ask

_LOOK_S = 60.0
"""How long the queue is looked through."""

_HIDDEN_S = 60
"""How long a request that was looked at is kept from others who decide."""

_STALE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def record_of(root: PlatformRoot) -> Ledger:
    """The record of the approvals of runs with that root."""
    return Ledger(root.config.approvals_place)


def decide_on_platform(
    config: Config, ledger: Ledger, run_id: str, decision: Decision
) -> tuple[Entry, Entry, Standing]:
    """Puts the decision on the record; returns request, decision, and where the model stands now.

    A model on S3 is not looked at here: the job that goes on compares its bytes with what was decided about, and so
    does every node after it. One on a volume is at hand, and looked at before anything is recorded too.

    Raises:
      DecisionRefused: the run asked for nothing, several wait, another decision stands, or the model on a volume is
        not the one that was asked about.
      LedgerDamaged, LedgerUnreachable: the record cannot be relied on, or read.
    """
    entries = ledger.entries()
    request = latest_request(entries, _meant(config, entries) if run_id == "latest" else run_id)
    if request is None:
        raise DecisionRefused(f"Run '{run_id}' has not asked for an approval of its model ({ledger.path}).")
    settings = settings_of(request, config.approval)
    if not is_on_s3(request.content["model_uri"]):
        check_bytes(request, "penstock submit")
    content = {
        "run": request.content["run"],
        "by": decision.by.strip(),
        "reason": decision.reason,
        "model_digest": request.content["model_digest"],
        "evidence_digest": request.content["evidence_digest"],
        "request": request.number,
        "report": None,
        "supersedes": decision.supersedes,
        "source": {"place": "penstock"},
    }
    entry = ledger.append(
        decision.kind, content, lambda before: check_decision(before, content, decision.kind, settings, utc_now())
    )
    return request, entry, standing(ledger.entries(), subject_of(request), settings, utc_now())


def _meant(config: Config, entries: list[Entry]) -> str:
    """The one run that waits."""
    newest = {entry.content["run"]: entry for entry in entries if entry.kind == "requested"}
    waiting = [
        run
        for run, request in newest.items()
        if standing(entries, subject_of(request), settings_of(request, config.approval), utc_now()).state == "pending"
    ]
    if len(waiting) != 1:
        told = f"{len(waiting)} runs wait: {', '.join(waiting)}" if waiting else "No run waits"
        raise DecisionRefused(f"{told} for a decision. Name the one you mean.")
    return str(waiting[0])


def tell_registry(config: Config, ledger: Ledger, client: Any, request: Entry, decision: Decision) -> str:
    """Gives the request's package the decision's status; returns what was done, in words.

    Raises:
      ConfigError: no package is on record.
      PackageRefused: AWS refuses; the decision stays on record.
    """
    aws = config.on_aws
    arn = package_of(ledger.entries(), request)
    if arn is None:
        raise ConfigError(
            [
                f"{ledger.path}: no model package is on record for run '{request.content['run']}'; it may "
                "still be asking."
            ]
        )
    settings = PackageSettings(aws.region, aws.model_package_group or "", aws.image, config.pipeline.name)
    Packages(settings, client).decide(arn, decision.kind, f"{decision.by}: {decision.reason}")
    return f"Model package {arn} is {decision.kind}."


@dataclasses.dataclass(frozen=True)
class Queue:
    """The requests for approval of state machines, each with the token that its execution waits for.

    Attributes:
      sqs: a client of SQS; `stepfunctions` one of Step Functions.
      aws: the configuration's section.
      clock: seconds.
    """

    sqs: Any
    stepfunctions: Any
    aws: AwsSettings
    clock: Callable[[], float] = time.monotonic

    def answer(self, run_id: str, kind: str) -> str:
        """Sends the token of a run's request back, so that its execution goes on and reads the record.

        Raises:
          ConfigError: there is no queue, or no request of that run in it.
          PlatformRefused: the execution waits no longer, or AWS refuses; the decision stays on record.
        """
        message, body = self._find(run_id)
        output = json.dumps({"run_id": run_id, "decision": kind})
        stale = self._send(run_id, str(body["task_token"]), output)
        ask(
            self.sqs,
            "delete_message",
            f"take the request of run '{run_id}' out of the queue",
            QueueUrl=self._url,
            ReceiptHandle=message["ReceiptHandle"],
        )
        if stale is not None:
            raise stale
        return f"The execution of run '{run_id}' goes on."

    @property
    def _url(self) -> str:
        if self.aws.approval_queue is None:
            raise ConfigError(["aws.approval_queue is not set, and state machines wait there for decisions."])
        return self.aws.approval_queue

    def _send(self, run_id: str, token: str, output: str) -> PlatformRefused | None:
        """Sends the token; returns the error if nobody waits for it any more."""
        try:
            ask(
                self.stepfunctions,
                "send_task_success",
                f"let run '{run_id}' go on",
                taskToken=token,
                output=output,
            )
        except PlatformRefused as error:
            if not any(name in str(error) for name in _STALE):
                raise
            return PlatformRefused(
                f"The execution of run '{run_id}' waits no longer (it was stopped, or 14 days have passed), and its "
                f"request was taken out of the queue. The decision is on record: penstock resume {run_id} --runner "
                "step_functions"
            )
        return None

    def _find(self, run_id: str) -> tuple[Any, Any]:
        """The run's message, kept from others for a while, and its body; the other messages are let go at once."""
        deadline, others = self.clock() + _LOOK_S, []
        try:
            while self.clock() < deadline:
                answer = ask(
                    self.sqs,
                    "receive_message",
                    "look through the approval queue",
                    QueueUrl=self._url,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=_HIDDEN_S,
                    WaitTimeSeconds=1,
                )
                messages = answer.get("Messages") or []
                found = [(message, body) for message in messages if (body := _body(message)).get("run_id") == run_id]
                others += [message for message in messages if message not in [one for one, _ in found]]
                if found:
                    return found[-1]
                if not messages:
                    break
        finally:
            self._let_go(others)
        raise ConfigError(
            [
                f"The approval queue holds no request of run '{run_id}': somebody else is answering it (wait a "
                "minute), it was answered, or the run does not wait yet. The decision is on "
                "record, and the run takes it when it asks."
            ]
        )

    def _let_go(self, messages: list[Any]) -> None:
        for message in messages:
            ask(
                self.sqs,
                "change_message_visibility",
                "let go of another run's request",
                QueueUrl=self._url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=0,
            )


def _body(message: Any) -> Any:
    """What a message says, nothing where it is none of ours."""
    try:
        body = json.loads(message["Body"])
    except ValueError:
        return {}
    return body if isinstance(body, dict) and isinstance(body.get("task_token"), str) else {}
