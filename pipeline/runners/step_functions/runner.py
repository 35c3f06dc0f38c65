"""Submits to Step Functions, and follows, stops and resumes what was submitted.

A run is one execution, and those that went on with it: `<run>`, `<run>_resumed_2`, `<run>_resumed_3`, …
"""

import datetime
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline import ir as ir_documents
from pipeline.aws_settings import AwsSettings
from pipeline.errors import ConfigError, NotFound, PlatformRefused
from pipeline.run_handle import RunHandle
from pipeline.runners.aws.asking import NotThere, ask, ask_pages
from pipeline.runners.aws.clients import AwsClients, make_clients
from pipeline.runners.aws.ir_upload import upload_ir
from pipeline.runners.aws.job_reading import node_lines, usage_now
from pipeline.runners.base import Document, RunStatus
from pipeline.runners.remote import JobUsage, LogRange, RunProgress, check_given, typed_parameters
from pipeline.runners.run_ids import new_run_id
from pipeline.runners.step_functions.history import RUN_STATES, has_failed_on_purpose, jobs_of, read_machine
from pipeline.runners.step_functions.machine_logs import logging_configuration, logs_alike
from pipeline.runners.step_functions.state_machine import CAPABILITIES, NAME, compile_document

if TYPE_CHECKING:
    from pipeline.config import Config

_RESUMED = re.compile(r"(?P<run>.+)_resumed_(?P<number>\d+)")
_RESUMABLE = ("FAILED", "TIMED_OUT", "ABORTED")
_STARTS = 4
_SETTLING_S = 3.0


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def make_runner(config: "Config") -> "StepFunctionsRunner":
    """The runner, with clients of the configuration's region.

    Raises:
      ConfigError: there is no section `aws`.
      PlatformRefused: there are no clients for AWS here.
    """
    return StepFunctionsRunner(make_clients(config.on_aws), config.on_aws)


class StepFunctionsRunner:
    """See `pipeline.runners.remote.RemoteRunner`."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(
        self,
        clients: AwsClients,
        aws: AwsSettings,
        *,
        clock: Callable[[], datetime.datetime] = _utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Takes clients of the configuration's region; `clock` gives the time with zone, `sleep` waits seconds."""
        self._clients = clients
        self._aws = aws
        self._clock = clock
        self._sleep = sleep

    def compile(self, dsl_pipeline: Any, config: Any) -> Document:
        """The state machine."""
        return compile_document(dsl_pipeline, config)

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Uploads the IR, creates or updates the state machine, starts an execution, which is named for the run.

        Raises:
          ConfigError: on a parameter that is unknown, mistyped or missing, or without aws.state_machine_role.
          PlatformRefused: what was started is not what was compiled, because somebody else changed it meanwhile.
        """
        check_given(document, parameters)
        role = self._role()
        upload_ir(self._clients.s3, self._aws, document.ir)
        machine = self._upsert(document, role)
        given = typed_parameters(document.parameters, parameters)
        for _ in range(_STARTS):
            run_id = new_run_id(self._clock())
            arn = self._start(machine, run_id, given)
            if self._definition(arn) == document.text:
                return self._handle(document, run_id, arn)
            self._stop(arn, "an earlier version of the state machine was started")
            self._sleep(_SETTLING_S)
        raise PlatformRefused(
            f"State machine '{document.pipeline_name}' still is not what was compiled. Does somebody else submit it at "
            "the same time? Submit again."
        )

    def _handle(self, document: Document, run_id: str, arn: str) -> RunHandle:
        return RunHandle(
            runner=self.name,
            pipeline_name=document.pipeline_name,
            run_id=run_id,
            execution_arn=arn,
            document_digest=ir_documents.digest(document.text),
            submitted_at=self._clock().isoformat(timespec="seconds"),
        )

    def _role(self) -> str:
        if self._aws.state_machine_role is None:
            raise ConfigError(
                ["Step Functions needs a role to start jobs with: set aws.state_machine_role (docs/step-functions.md)."]
            )
        return self._aws.state_machine_role

    def deployed(self, pipeline_name: str) -> str | None:
        """The definition that Step Functions has."""
        arn, what = self._machine(pipeline_name), f"look for state machine '{pipeline_name}'"
        try:
            return str(self._ask("describe_state_machine", what, stateMachineArn=arn)["definition"])
        except NotThere:
            return None

    def _upsert(self, document: Document, role: str) -> str:
        """The ARN of the machine, which is created, or made what document and settings say, tags and logs included."""
        name, arn = document.pipeline_name, self._machine(document.pipeline_name)
        logs = logging_configuration(self._aws)
        tags = [{"key": key, "value": value} for key, value in sorted(self._tags(name).items())]
        try:
            there = self._ask("describe_state_machine", f"look for state machine '{name}'", stateMachineArn=arn)
        except NotThere:
            self._ask(
                "create_state_machine",
                f"create state machine '{name}'",
                name=name,
                definition=document.text,
                roleArn=role,
                type="STANDARD",
                loggingConfiguration=logs,
                tags=tags,
            )
            return arn
        same_logs = logs_alike(there.get("loggingConfiguration"), logs)
        if (there["definition"], there["roleArn"], same_logs) != (document.text, role, True):
            self._ask(
                "update_state_machine",
                f"update state machine '{name}'",
                stateMachineArn=arn,
                definition=document.text,
                roleArn=role,
                loggingConfiguration=logs,
            )
        self._ask("tag_resource", f"tag state machine '{name}'", resourceArn=arn, tags=tags)
        return arn

    def _tags(self, name: str) -> dict[str, str]:
        return {**self._aws.tags, "penstock-pipeline": name}

    def _machine(self, pipeline_name: str) -> str:
        _, partition, _, _, account, *_ = self._aws.job_role.split(":")
        return f"arn:{partition}:states:{self._aws.region}:{account}:stateMachine:{pipeline_name}"

    def _start(self, machine: str, name: str, given: Mapping[str, Any]) -> str:
        answer = self._ask(
            "start_execution", f"start run '{name}'", stateMachineArn=machine, name=name, input=json.dumps(given)
        )
        return str(answer["executionArn"])

    def _definition(self, arn: str) -> str:
        """Of the machine that the execution was started with, not of today's."""
        what = f"read the state machine of run '{arn}'"
        return str(self._ask("describe_state_machine_for_execution", what, executionArn=arn)["definition"])

    def find(self, pipeline_name: str, run_id: str) -> RunHandle:
        """The handle of the newest execution of that run, of the newest run for `latest`."""
        known: list[str] = []
        for summary in self._executions(pipeline_name):
            name = _run_of(summary["name"])
            known.append(name)
            if run_id in ("latest", name):
                started = summary["startDate"].isoformat(timespec="seconds")
                return RunHandle(self.name, pipeline_name, name, summary["executionArn"], submitted_at=started)
        latest = list(dict.fromkeys(known))[:3]
        hint = f"Latest runs: {', '.join(latest)}." if latest else "None was submitted yet."
        raise NotFound(f"Step Functions knows no run '{run_id}' of pipeline '{pipeline_name}'. {hint}")

    def _executions(self, pipeline_name: str) -> Iterator[Mapping[str, Any]]:
        """Newest first; none if there is no such state machine."""
        request = {"stateMachineArn": self._machine(pipeline_name)}
        try:
            yield from self._pages("list_executions", "executions", f"list runs of '{pipeline_name}'", request)
        except NotThere:
            return

    def status(self, handle: RunHandle) -> RunStatus:
        """Where the run stands."""
        return self.watch(handle).status

    def watch(self, handle: RunHandle) -> RunProgress:
        """Where the run stands, by its newest execution."""
        arn = self._arn(handle)
        found = self._ask("describe_execution", f"look at run '{handle.run_id}'", executionArn=arn)
        jobs = jobs_of(self._events(arn), read_machine(self._definition(arn)))
        state = RUN_STATES[found["status"]]
        if state == "RUNNING" and any(job.state == "AWAITING_APPROVAL" for job in jobs):
            state = "AWAITING_APPROVAL"
        said = ": ".join(filter(None, (found.get("error", ""), found.get("cause", ""))))
        return RunProgress(state, jobs, "" if any(job.failure for job in jobs) else said)

    def _arn(self, handle: RunHandle) -> str:
        return handle.execution_arn or self.find(handle.pipeline_name, handle.run_id).execution_arn

    def _events(self, arn: str) -> Iterator[Mapping[str, Any]]:
        request = {"executionArn": arn, "includeExecutionData": True, "maxResults": 1000}
        return self._pages("get_execution_history", "events", f"read the history of run '{arn}'", request)

    def stop(self, handle: RunHandle) -> None:
        """Stops the execution, which stops its jobs.

        Raises:
          ConfigError: it is not under way.
        """
        arn = self._arn(handle)
        status = self._ask("describe_execution", f"look at run '{handle.run_id}'", executionArn=arn)["status"]
        if status != "RUNNING":
            raise ConfigError([f"Run '{handle.run_id}' is not under way (it is {status}); there is nothing to stop."])
        self._stop(arn, "stopped with penstock stop")

    def _stop(self, arn: str, why: str) -> None:
        self._ask("stop_execution", f"stop run '{arn}'", executionArn=arn, error="PenstockStopped", cause=why)

    def resume(self, handle: RunHandle) -> RunHandle:
        """Goes on with a run that failed or was stopped.

        One that was stopped is redriven: what is done is not started again. One whose failure was caught ended in a
        state that a redrive would only enter again, so a new execution goes on with the run: the jobs of nodes that
        are done start, see so, and end.
        """
        arn = self._arn(handle)
        found = self._ask("describe_execution", f"look at run '{handle.run_id}'", executionArn=arn)
        if found["status"] not in _RESUMABLE:
            raise ConfigError(
                [f"Run '{handle.run_id}' is {found['status']}; only one that failed or was stopped can be resumed."]
            )
        if not has_failed_on_purpose(self._events(arn)):
            self._ask("redrive_execution", f"resume run '{handle.run_id}'", executionArn=arn)
            return handle
        machine, _, name = arn.replace(":execution:", ":stateMachine:").rpartition(":")
        self._check_unchanged(machine, arn, handle)
        given = {**json.loads(found.get("input") or "{}"), "run_id": handle.run_id}
        following = self._start(machine, _next_name(handle.run_id, name), given)
        started = self._clock().isoformat(timespec="seconds")
        return RunHandle(
            self.name, handle.pipeline_name, handle.run_id, following, handle.document_digest, submitted_at=started
        )

    def _check_unchanged(self, machine: str, arn: str, handle: RunHandle) -> None:
        """Raises ConfigError if the machine is another one than the run was started with."""
        today = self._ask("describe_state_machine", f"look at '{handle.pipeline_name}'", stateMachineArn=machine)
        if today["definition"] != self._definition(arn):
            raise ConfigError(
                [
                    f"Run '{handle.run_id}' cannot go on: pipeline '{handle.pipeline_name}' was submitted anew since, "
                    f"and is another one now. Start a new run with: penstock submit --runner {self.name}. What is "
                    "unchanged comes from the cache."
                ]
            )

    def usage(self, handle: RunHandle) -> tuple[JobUsage, ...]:
        """What the run's jobs have taken."""
        return usage_now(self._clients, self.watch(handle))

    def logs(self, handle: RunHandle, node_id: str, wanted: LogRange) -> Iterator[str]:
        """What the node's job printed."""
        return node_lines(self._clients, self.watch(handle), node_id, wanted)

    def _ask(self, method: str, what: str, /, **request: Any) -> Any:
        return ask(self._clients.stepfunctions, method, what, **request)

    def _pages(self, method: str, key: str, what: str, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        return ask_pages(self._clients.stepfunctions, method, key, what, request)


def _run_of(execution_name: str) -> str:
    """The run that an execution is of, or goes on with.

    >>> _run_of("20261122-190501-3fa9_resumed_2")
    '20261122-190501-3fa9'
    """
    found = _RESUMED.fullmatch(execution_name)
    return found["run"] if found else execution_name


def _next_name(run_id: str, execution_name: str) -> str:
    """What the execution that goes on after this one is called.

    >>> _next_name("a", "a"), _next_name("a", "a_resumed_2")
    ('a_resumed_2', 'a_resumed_3')
    """
    found = _RESUMED.fullmatch(execution_name)
    return f"{run_id}_resumed_{int(found['number']) + 1 if found else 2}"
