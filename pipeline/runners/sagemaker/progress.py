"""Where a run stands, from its definition and what SageMaker says of its steps. Pure."""

import dataclasses
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.runners.aws.jobs import Job, job_of_arn, nodes_in
from pipeline.runners.base import RunState
from pipeline.runners.remote import JobProgress

_STATES = {
    "Starting": "RUNNING",
    "Executing": "RUNNING",
    "Stopping": "RUNNING",
    "Stopped": "NOT_RUN",
    "Failed": "FAILED",
    "Succeeded": "COMPLETE",
}
"""SageMaker's state of a step as a node's."""

_RUN_STATES: Mapping[str, RunState] = {
    "Executing": "RUNNING",
    "Stopping": "RUNNING",
    "Stopped": "INTERRUPTED",
    "Failed": "FAILED",
    "CompletedWithFailures": "FAILED",
    "Succeeded": "COMPLETE",
}
"""SageMaker's state of an execution as a run's."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """A condition's step.

    Attributes:
      decider: name of the step that wrote the decision.
      node_id: the decision's key.
      value: what it must be.
      inside: names of the steps that are started where it is.
    """

    decider: str
    node_id: str
    value: str
    inside: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class StepNames:
    """What a definition says of its steps: nodes by step, conditions by step, places of decisions by step."""

    nodes: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, Condition]
    decisions: Mapping[str, Any]


def read_definition(text: str) -> StepNames:
    """The steps of a definition, those inside conditions included."""
    nodes, conditions, decisions = {}, {}, {}
    for step in _steps(json.loads(text)["Steps"]):
        arguments = step["Arguments"]
        if step["Type"] == "Condition":
            conditions[step["Name"]] = _condition(arguments)
        else:
            part = arguments.get("AppSpecification") or arguments.get("AlgorithmSpecification") or {}
            nodes[step["Name"]] = nodes_in(part.get("ContainerArguments", ()))
            for output in arguments.get("ProcessingOutputConfig", {}).get("Outputs", ()):
                decisions[step["Name"]] = output["S3Output"]["S3Uri"]
    return StepNames(nodes, conditions, decisions)


def _steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            yield from _steps(step["Arguments"]["IfSteps"])
            yield from _steps(step["Arguments"]["ElseSteps"])


def _condition(arguments: Mapping[str, Any]) -> Condition:
    asked = arguments["Conditions"][0]
    decision = asked["LeftValue"]["Std:JsonGet"]
    decider = decision["PropertyFile"]["Get"].split(".")[1]
    inside = tuple(step["Name"] for step in _steps(arguments["IfSteps"]))
    return Condition(decider, decision["Path"], asked["RightValue"], inside)


def text_of(expression: Any, run_id: str, parameters: Mapping[str, str]) -> str:
    """The text of an expression of a definition in one execution.

    >>> text_of({"Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineExecutionId"}]}}, "x1", {})
    's3://b/x1'
    """
    if isinstance(expression, dict) and "Std:Join" in expression:
        joined = expression["Std:Join"]
        return str(joined["On"]).join(text_of(value, run_id, parameters) for value in joined["Values"])
    if isinstance(expression, dict) and "Get" in expression:
        name = expression["Get"]
        return run_id if name == "Execution.PipelineExecutionId" else parameters[name.removeprefix("Parameters.")]
    return str(expression)


def job_of(step: Mapping[str, Any]) -> Job | None:
    """The job that a step started, None before it has one and for conditions."""
    metadata = step.get("Metadata", {})
    arn = (metadata.get("ProcessingJob") or metadata.get("TrainingJob") or {}).get("Arn")
    return None if arn is None else job_of_arn(arn)


def jobs_of(
    steps: Sequence[Mapping[str, Any]], names: StepNames, failures: Mapping[str, str], waiting: frozenset[str]
) -> tuple[JobProgress, ...]:
    """The jobs that were reached, and those that a condition left out.

    Args:
      steps: as ListPipelineExecutionSteps answers, oldest first.
      names: of the execution's definition.
      failures: by step, why it failed.
      waiting: steps that ended with a model that waits for a person.
    """
    found: list[JobProgress] = []
    for step in steps:
        name = step["StepName"]
        condition = names.conditions.get(name)
        if condition is None or step["StepStatus"] == "Failed":  # a condition fails if its decision cannot be read
            found.append(_job(step, names, failures.get(name, ""), is_waiting=name in waiting))
        elif _is_false(step) and condition.decider not in waiting:
            found += [
                JobProgress(inner, names.nodes[inner], "SKIPPED") for inner in condition.inside if inner in names.nodes
            ]
    return tuple(found)


def _is_false(step: Mapping[str, Any]) -> bool:
    return bool(step.get("Metadata", {}).get("Condition", {}).get("Outcome") == "False")


def _job(step: Mapping[str, Any], names: StepNames, failure: str, *, is_waiting: bool) -> JobProgress:
    job = job_of(step)
    return JobProgress(
        name=step["StepName"],
        node_ids=names.nodes.get(step["StepName"], ()),
        state="AWAITING_APPROVAL" if is_waiting else _STATES[step["StepStatus"]],
        job_name=job.name if job else "",
        log_group=job.log_group if job else "",
        started_at=_iso(step.get("StartTime")),
        ended_at=_iso(step.get("EndTime")),
        failure=failure,
    )


def run_state(status: str, waiting: frozenset[str]) -> RunState:
    """An execution's state; one that succeeded and left a model to a person waits for that person."""
    return "AWAITING_APPROVAL" if status == "Succeeded" and waiting else _RUN_STATES[status]


def _iso(time: datetime.datetime | None) -> str:
    return "" if time is None else time.isoformat(timespec="seconds")
