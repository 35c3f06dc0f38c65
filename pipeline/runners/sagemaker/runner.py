"""Submits to SageMaker Pipelines, and follows, stops and resumes what was submitted.

A run is one execution of the pipeline, and, once its model is approved, one of the pipeline `<name>-continue`.
"""

import dataclasses
import datetime
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline import ir as ir_documents
from pipeline.aws_settings import AwsSettings
from pipeline.errors import ConfigError, NotFound
from pipeline.jobs import CONTINUE, RUN_ID_PARAMETER
from pipeline.run_handle import RunHandle
from pipeline.runners.aws.asking import NotThere, ask, ask_pages
from pipeline.runners.aws.clients import AwsClients, make_clients
from pipeline.runners.aws.ir_upload import upload_ir
from pipeline.runners.aws.job_reading import node_lines, usage_now
from pipeline.runners.aws.jobs import ask_failure
from pipeline.runners.base import Document, RunStatus
from pipeline.runners.remote import JobUsage, LogRange, RunProgress, check_given
from pipeline.runners.sagemaker.definition import CAPABILITIES, NAME, compile_document
from pipeline.runners.sagemaker.progress import StepNames, job_of, jobs_of, read_definition, run_state, text_of

if TYPE_CHECKING:
    from pipeline.config import Config

_RESUMABLE = ("Failed", "Stopped")


@dataclasses.dataclass(frozen=True)
class _Execution:
    """One execution, as DescribePipelineExecution answers."""

    arn: str
    status: str
    failure: str
    started_at: datetime.datetime

    @property
    def native_id(self) -> str:
        """The last part of the ARN, which the definition calls Execution.PipelineExecutionId."""
        return self.arn.rpartition("/")[2]


def make_runner(config: "Config") -> "SageMakerRunner":
    """The runner, with clients of the configuration's region.

    Raises:
      ConfigError: there is no section `aws`.
      PlatformRefused: there are no clients for AWS here.
    """
    return SageMakerRunner(make_clients(config.on_aws), config.on_aws)


class SageMakerRunner:
    """See `pipeline.runners.remote.RemoteRunner`."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, clients: AwsClients, aws: AwsSettings) -> None:
        """Takes clients of the configuration's region."""
        self._clients = clients
        self._aws = aws

    def compile(self, dsl_pipeline: Any, config: Any) -> Document:
        """The definition."""
        return compile_document(dsl_pipeline, config)

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Uploads the IR, creates or updates the pipeline (and the one that goes on after an approval), starts a run.

        Raises:
          ConfigError: on a parameter that is unknown, mistyped or missing, or without aws.pipeline_role.
        """
        check_given(document, parameters)
        role = self._role()
        upload_ir(self._clients.s3, self._aws, document.ir)
        if document.continuation is not None:
            self._upsert(document.continuation, role)
        self._upsert(document, role)
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        answer = self._ask(
            "start_pipeline_execution",
            f"start pipeline '{document.pipeline_name}'",
            PipelineName=document.pipeline_name,
            PipelineParameters=given,
            ClientRequestToken=secrets.token_hex(16),
        )
        arn = answer["PipelineExecutionArn"]
        return RunHandle(
            runner=self.name,
            pipeline_name=document.pipeline_name,
            run_id=arn.rpartition("/")[2],
            execution_arn=arn,
            document_digest=ir_documents.digest(document.text),
            submitted_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def _role(self) -> str:
        if self._aws.pipeline_role is None:
            raise ConfigError(
                ["SageMaker Pipelines needs a role to start jobs with: set aws.pipeline_role (docs/sagemaker.md)."]
            )
        return self._aws.pipeline_role

    def deployed(self, pipeline_name: str) -> str | None:
        """The definition that SageMaker has."""
        try:
            there = self._ask("describe_pipeline", f"look for pipeline '{pipeline_name}'", PipelineName=pipeline_name)
        except NotThere:
            return None
        return str(there["PipelineDefinition"])

    def _upsert(self, document: Document, role: str) -> None:
        """Creates the pipeline, or makes the one of that name what the document says, tags included."""
        name = document.pipeline_name
        request = {"PipelineName": name, "PipelineDefinition": document.text, "RoleArn": role}
        tags = [{"Key": key, "Value": value} for key, value in sorted(self._tags(name).items())]
        try:
            there = self._ask("describe_pipeline", f"look for pipeline '{name}'", PipelineName=name)
        except NotThere:
            token = secrets.token_hex(16)
            self._ask("create_pipeline", f"create pipeline '{name}'", **request, Tags=tags, ClientRequestToken=token)
            return
        if (there["PipelineDefinition"], there.get("RoleArn")) != (document.text, role):
            self._ask("update_pipeline", f"update pipeline '{name}'", **request)
        self._ask("add_tags", f"tag pipeline '{name}'", ResourceArn=there["PipelineArn"], Tags=tags)

    def _tags(self, name: str) -> dict[str, str]:
        return {**self._aws.tags, "penstock-pipeline": name.removesuffix(CONTINUE)}

    def find(self, pipeline_name: str, run_id: str) -> RunHandle:
        """The handle of the execution of that id, of the newest for `latest`."""
        known: list[str] = []
        for summary in self._executions(pipeline_name):
            arn = summary["PipelineExecutionArn"]
            known.append(arn.rpartition("/")[2])
            if run_id in ("latest", known[-1]):
                started = summary["StartTime"].isoformat(timespec="seconds")
                return RunHandle(self.name, pipeline_name, known[-1], execution_arn=arn, submitted_at=started)
        hint = f"Latest runs: {', '.join(known[:3])}." if known else "None was submitted yet."
        raise NotFound(f"SageMaker knows no run '{run_id}' of pipeline '{pipeline_name}'. {hint}")

    def _executions(self, pipeline_name: str, **only: Any) -> Iterator[Mapping[str, Any]]:
        """Summaries, newest first; none if there is no such pipeline."""
        request = {"PipelineName": pipeline_name, "SortBy": "CreationTime", "SortOrder": "Descending", **only}
        what = f"list runs of pipeline '{pipeline_name}'"
        try:
            yield from self._pages("list_pipeline_executions", "PipelineExecutionSummaries", what, request)
        except NotThere:
            return

    def status(self, handle: RunHandle) -> RunStatus:
        """Where the run stands."""
        return self.watch(handle).status

    def watch(self, handle: RunHandle) -> RunProgress:
        """Where the run stands, what went on after an approval included."""
        first, *later = self._executions_of(handle)
        names = self._names(first)
        progress = self._progress(first, names, handle.run_id)
        for execution in later:  # oldest first: what ran last counts
            more = self._progress(execution, self._names(execution), handle.run_id)
            again = {job.name for job in more.jobs}
            jobs = (*(job for job in progress.jobs if job.name not in again), *more.jobs)
            progress = RunProgress(more.state, jobs, more.failure)
        return progress

    def _executions_of(self, handle: RunHandle) -> list[_Execution]:
        """The run's execution, and those that went on with it, oldest first."""
        arn = handle.execution_arn or self.find(handle.pipeline_name, handle.run_id).execution_arn
        first = self._execution(arn)
        if first.status != "Succeeded":
            return [first]
        summaries = self._executions(f"{handle.pipeline_name}{CONTINUE}", CreatedAfter=first.started_at)
        later = [s["PipelineExecutionArn"] for s in summaries if self._continues(s["PipelineExecutionArn"], handle)]
        return [first, *(self._execution(arn) for arn in reversed(later))]

    def _continues(self, arn: str, handle: RunHandle) -> bool:
        return self._parameters(arn).get(RUN_ID_PARAMETER) == handle.run_id

    def _execution(self, arn: str) -> _Execution:
        found = self._ask("describe_pipeline_execution", f"look at run '{arn}'", PipelineExecutionArn=arn)
        return _Execution(arn, found["PipelineExecutionStatus"], found.get("FailureReason", ""), found["CreationTime"])

    def _parameters(self, arn: str) -> dict[str, str]:
        what, request = f"list parameters of run '{arn}'", {"PipelineExecutionArn": arn}
        found = self._pages("list_pipeline_parameters_for_execution", "PipelineParameters", what, request)
        return {parameter["Name"]: parameter["Value"] for parameter in found}

    def _names(self, execution: _Execution) -> StepNames:
        """Of the definition that the execution was started with, not of today's."""
        answer = self._ask(
            "describe_pipeline_definition_for_execution",
            f"read the definition of run '{execution.arn}'",
            PipelineExecutionArn=execution.arn,
        )
        return read_definition(answer["PipelineDefinition"])

    def _progress(self, execution: _Execution, names: StepNames, run_id: str) -> RunProgress:
        what, request = f"list steps of run '{execution.arn}'", {"PipelineExecutionArn": execution.arn}
        steps = list(
            self._pages(
                "list_pipeline_execution_steps", "PipelineExecutionSteps", what, {**request, "SortOrder": "Ascending"}
            )
        )
        waiting = self._waiting(steps, names, execution, run_id)
        failures = {step["StepName"]: self._failure(step) for step in steps if step["StepStatus"] == "Failed"}
        jobs = jobs_of(steps, names, failures, waiting)
        failure = "" if any(job.failure for job in jobs) else execution.failure
        return RunProgress(run_state(execution.status, waiting), jobs, failure)

    def _failure(self, step: Mapping[str, Any]) -> str:
        """Why the step failed: the launcher's words from its job, else SageMaker's."""
        job = job_of(step)
        said = ask_failure(self._clients.sagemaker, job) if job else ""
        return said or step.get("FailureReason", "no reason given")

    def _waiting(
        self, steps: list[Mapping[str, Any]], names: StepNames, execution: _Execution, run_id: str
    ) -> frozenset[str]:
        """The steps whose model waits for a person: the approval's condition is false, the decision says `waiting`."""
        untrue = {
            step["StepName"]
            for step in steps
            if step.get("Metadata", {}).get("Condition", {}).get("Outcome") == "False"
        }
        gates = [names.conditions[name] for name in untrue if names.conditions[name].value == "approved"]
        if not gates:
            return frozenset()
        parameters = self._parameters(execution.arn)
        found = set()
        for gate in gates:
            folder = text_of(
                names.decisions[gate.decider], execution.native_id, {**parameters, RUN_ID_PARAMETER: run_id}
            )
            if self._decisions(f"{folder}/decision.json").get(gate.node_id) == "waiting":
                found.add(gate.decider)
        return frozenset(found)

    def _decisions(self, uri: str) -> Mapping[str, str]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        answer = ask(self._clients.s3, "get_object", f"read the decision in {uri}", Bucket=bucket, Key=key)
        found: Mapping[str, str] = json.loads(answer["Body"].read())
        return found

    def stop(self, handle: RunHandle) -> None:
        """Stops the execution that is under way, and its jobs.

        Raises:
          ConfigError: none is.
        """
        execution = self._executions_of(handle)[-1]
        if execution.status not in ("Executing", "Stopping"):
            raise ConfigError([f"Run '{handle.run_id}' is not under way (it is {execution.status}); nothing to stop."])
        self._ask(
            "stop_pipeline_execution",
            f"stop run '{handle.run_id}'",
            PipelineExecutionArn=execution.arn,
            ClientRequestToken=secrets.token_hex(16),
        )

    def resume(self, handle: RunHandle) -> RunHandle:
        """Runs again what failed or was stopped, and what follows; steps that succeeded stay as they are."""
        execution = self._executions_of(handle)[-1]
        if execution.status not in _RESUMABLE:
            raise ConfigError(
                [f"Run '{handle.run_id}' is {execution.status}; only a run that failed or was stopped can be resumed."]
            )
        self._ask(
            "retry_pipeline_execution",
            f"resume run '{handle.run_id}'",
            PipelineExecutionArn=execution.arn,
            ClientRequestToken=secrets.token_hex(16),
        )
        return handle

    def usage(self, handle: RunHandle) -> tuple[JobUsage, ...]:
        """What the run's jobs have taken."""
        return usage_now(self._clients, self.watch(handle))

    def logs(self, handle: RunHandle, node_id: str, wanted: LogRange) -> Iterator[str]:
        """What the node's job printed."""
        return node_lines(self._clients, self.watch(handle), node_id, wanted)

    def _ask(self, method: str, what: str, /, **request: Any) -> Any:
        return ask(self._clients.sagemaker, method, what, **request)

    def _pages(self, method: str, key: str, what: str, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        return ask_pages(self._clients.sagemaker, method, key, what, request)
