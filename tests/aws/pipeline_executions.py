"""An execution of a pipeline definition that can be watched, stopped and retried, as SageMaker Pipelines has them.

Steps, expressions, conditions and jobs are those of Amazon's local executor (run_definition.py). That one carries steps
out one after the other, ends at the first failure and knows no retries; added here, as the service's documentation has
it: a step starts when all that it waits for has succeeded; after a failure no further step starts, and what runs goes
on to its end; RetryPolicies wait for faults of the service; a retry leaves what has succeeded as it is.
"""

import collections
import datetime
import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import local_jobs
import service_jobs
from run_definition import Reader
from sagemaker.mlops.local import LocalPipelineSession
from sagemaker.mlops.local.exceptions import StepExecutionException
from sagemaker.mlops.local.pipeline import LocalPipelineExecutor
from sagemaker.mlops.local.pipeline_entities import _LocalPipelineExecution

_AT_ONCE = 8
_FAULTS = {
    "ThrottlingException": "Step.THROTTLING",
    "InternalServerError": "Step.SERVICE_FAULT",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}
"""Code of an answer → what RetryPolicies call it."""


class Execution(LocalPipelineExecutor):
    """One execution."""

    def __init__(self, execution_id: str, definition: str, given: Mapping[str, str], bucket: str) -> None:
        reader = Reader(json.loads(definition))
        session = local_jobs.session(bucket, LocalPipelineSession)
        pipeline = reader.pipeline("document", session)
        values = {name: reader.value(text, name) for name, text in given.items()}
        super().__init__(_LocalPipelineExecution(execution_id, pipeline, values, local_session=session), session)
        self.status = "Executing"
        self._jobs: dict[str, tuple[str, str]] = {}
        self._waits_for: dict[str, set[str]] = {name: set() for name in self.pipeline_dag.step_map}
        for name, following in self.pipeline_dag.adjacency_list.items():
            for other in following:
                self._waits_for[other].add(name)

    def start(self) -> None:
        """Carries the steps out that have not succeeded, in a thread of its own."""
        self.status = "Executing"
        for step in self.execution.step_execution.values():
            if step.status != "Succeeded":
                step.status = step.failure_reason = step.start_time = step.end_time = None
                self._jobs.pop(step.name, None)
        threading.Thread(target=self._carry_out, daemon=True).start()

    def stop(self) -> None:
        """Has no further step start, and stops the jobs of those that run."""
        self.status = "Stopping"
        for step in self.execution.step_execution.values():
            if step.status == "Executing" and step.name in self._jobs:
                service_jobs.stop(self._jobs[step.name][1])

    @property
    def failure(self) -> str:
        """Why it failed, empty if it has not."""
        failed = [step for step in self.execution.step_execution.values() if step.status == "Failed"]
        return f"Step failure: One or multiple steps failed: {failed[0].name}" if failed else ""

    def steps(self) -> list[dict[str, Any]]:
        """The steps that were reached, oldest first, as ListPipelineExecutionSteps describes them."""
        reached = [step for step in self.execution.step_execution.values() if step.status]
        return [self._described(step) for step in sorted(reached, key=lambda step: step.start_time)]

    def _described(self, step: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"StepName": step.name, "StepStatus": step.status, "Metadata": {}}
        found |= {
            key: datetime.datetime.fromtimestamp(moment, datetime.UTC)
            for key, moment in (("StartTime", step.start_time), ("EndTime", step.end_time))
            if moment
        }
        if step.failure_reason:
            found["FailureReason"] = step.failure_reason
        if "Outcome" in step.properties:
            found["Metadata"]["Condition"] = {"Outcome": str(step.properties["Outcome"])}
        elif (job := self._jobs.get(step.name)) and (known := service_jobs.description_of(job[1])):
            found["Metadata"][f"{job[0]}Job"] = {"Arn": known[f"{job[0]}JobArn"]}
        return found

    def _carry_out(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running: set[Future[None]] = set()
            while True:
                running |= {pool.submit(self._try, step) for step in list(self._ready())}
                if not running:
                    break
                _, running = wait(running, return_when=FIRST_COMPLETED)
        statuses = {step.status for step in self.execution.step_execution.values()}
        if self.status == "Stopping":
            self.status = "Stopped"
        else:
            self.status = "Failed" if "Failed" in statuses else "Succeeded"

    def _ready(self) -> Iterator[Any]:
        """Steps that may start now; each is marked as started, so that it is found once."""
        steps = self.execution.step_execution
        if self.status != "Executing" or any(step.status == "Failed" for step in steps.values()):
            return
        for name, step in self.pipeline_dag.step_map.items():
            waited = (steps[other].status for other in self._waits_for[name])
            if steps[name].status is None and name not in self._blocked_steps and set(waited) <= {"Succeeded"}:
                self.execution.mark_step_executing(name)
                yield step

    def _try(self, step: Any) -> None:
        """Carries one step out; how it ended is noted with it."""
        try:
            self._wait_out_faults(step)
            self._execute_step(step)
        except StepExecutionException:
            job = self._jobs.get(step.name)
            if job and service_jobs.is_stopped(job[1]):
                self.execution.step_execution[step.name].status = "Stopped"
        except Exception as error:  # what the service would call its own fault
            noted = self.execution.step_execution[step.name]
            noted.status, noted.failure_reason = "Failed", f"InternalServerError: {error!r}"

    def evaluate_step_arguments(self, step: Any) -> Any:
        """The request, whose job is noted with the step; a stop that came before it stops the job too."""
        request = super().evaluate_step_arguments(step)
        kind = step.step_type.value
        self._jobs[step.name] = (kind, request[f"{kind}JobName"])
        if self.status == "Stopping":
            service_jobs.stop(self._jobs[step.name][1])
        return request

    def _wait_out_faults(self, step: Any) -> None:
        """Waits as the step's policies say while the service does not start its job; fails where none does."""
        if step.step_type.value == "Condition":
            return
        tried: collections.Counter[int] = collections.Counter()
        policies = step.to_request().get("RetryPolicies", [])
        while code := service_jobs.take_fault(service_jobs.nodes_of(step.arguments)):
            kinds = [number for number, policy in enumerate(policies) if _FAULTS[code] in policy["ExceptionType"]]
            if not kinds or tried[kinds[0]] >= policies[kinds[0]]["MaxAttempts"]:
                self.execution.update_step_failure(
                    step.name, f"ClientError: {code}: the service could not start the job"
                )
            policy = policies[kinds[0]]
            time.sleep(policy["IntervalSeconds"] * policy["BackoffRate"] ** tried[kinds[0]])
            tried[kinds[0]] += 1
