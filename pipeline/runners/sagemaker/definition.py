"""The pipeline definition document of SageMaker Pipelines, version 2020-12-01, from a plan of jobs. Pure.

Source: docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-pipeline.html and the definitions that Amazon's own SDK
writes. `Arguments` of a step are the request that starts its job. The name in it is how the job's own name begins; the
service ends it with `-<execution id>-<token>-<count of failures>`, which Amazon's SDK calls a custom job prefix
(docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html). Cache of steps stays off: its key leaves out
what changes an answer here, and a hit would publish nothing.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipeline import ir as ir_documents
from pipeline.errors import ConfigError
from pipeline.jobs import Gate, JobPlan, JobRequest, Join, Parameter, RunId, plan_jobs, plan_rest
from pipeline.jobs.limits import document_problem
from pipeline.runners.base import Capabilities, Document
from pipeline.runners.compiling import expressible_ir, planned_document

if TYPE_CHECKING:
    from pipeline.config import Config

NAME = "sagemaker"
CAPABILITIES = Capabilities(conditionals=True, runtime_parameters=True, runs_here=False, asks_in_registry=True)

DECISIONS = "decisions"
"""The output of a processing job that holds decision.json, and the property file that conditions read."""

_PARAMETER_TYPES = {"STRING": "String", "INT": "Integer", "DOUBLE": "Float"}


def compile_document(dsl_pipeline: Any, config: "Config") -> Document:
    """The definition, and the one that goes on after an approval.

    Raises:
      UnsupportedByRunner: listing every node that the runner cannot express.
      ConfigError: listing every node whose job SageMaker would refuse, and why.
    """
    ir_text = expressible_ir(NAME, CAPABILITIES, dsl_pipeline)
    plan, rest = plan_jobs(ir_text, config), plan_rest(ir_text, config)
    if problems := [*_approval_problems(plan, config)]:
        raise ConfigError(problems)
    return _document(plan, ir_text, None if rest is None else _document(rest, ir_text, None))


def _document(plan: JobPlan, ir_text: str, continuation: Document | None) -> Document:
    text = render(plan)
    if problem := document_problem(NAME, text, plan.node_ids):
        raise ConfigError([problem])
    return planned_document(NAME, plan, ir_text, text, continuation)


def _approval_problems(plan: JobPlan, config: "Config") -> Iterator[str]:
    waits = [job.awaits_approval for job in plan.jobs if job.awaits_approval]
    if waits and config.approval.mode != "auto" and config.on_aws.model_package_group is None:
        yield (
            f"Node '{waits[0]}' may have to wait for a person (approval.mode is {config.approval.mode}), and models "
            "wait in the model registry: set aws.model_package_group."
        )


def render(plan: JobPlan) -> str:
    """The document's text; the same plan gives the same bytes."""
    return json.dumps(definition(plan), indent=1)


def definition(plan: JobPlan) -> dict[str, Any]:
    """The document."""
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [_parameter(parameter) for parameter in plan.parameters],
        "Steps": list(_steps(plan.jobs, 0)),
    }


def _parameter(parameter: ir_documents.RuntimeParameter) -> dict[str, Any]:
    default = {} if parameter.default is None else {"DefaultValue": parameter.default}
    return {"Name": parameter.name, "Type": _PARAMETER_TYPES[parameter.type], **default}


def _steps(jobs: Sequence[JobRequest], depth: int) -> Iterator[dict[str, Any]]:
    """The steps of jobs that are behind the same `depth` gates; those behind one more are in that condition's step."""
    begun: set[str] = set()
    for job in jobs:
        if len(job.gates) == depth:
            yield _job_step(job)
        elif (gate := job.gates[depth]).name not in begun:
            begun.add(gate.name)
            inside = [other for other in jobs if gate in other.gates]
            yield _condition_step(gate, list(_steps(inside, depth + 1)))


def _condition_step(gate: Gate, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A step that starts other steps where the decision is as it must be."""
    file = {"Get": f"Steps.{gate.job}.PropertyFiles.{DECISIONS}"}
    decision = {"Std:JsonGet": {"PropertyFile": file, "Path": gate.node_id}}
    return {
        "Name": gate.name,
        "Type": "Condition",
        "Arguments": {
            "Conditions": [{"Type": "Equals", "LeftValue": decision, "RightValue": gate.value}],
            "IfSteps": steps,
            "ElseSteps": [],
        },
        "DependsOn": [gate.job],
    }


def _job_step(job: JobRequest) -> dict[str, Any]:
    kind = job.kind.capitalize()
    named = {**expression(job.request), f"{kind}JobName": job.name_base}
    step = {"Name": job.name, "Type": kind, "Arguments": named}
    deciders = {gate.job for gate in job.gates}  # the condition's step waits for them
    if waits_for := [name for name in job.depends_on if name not in deciders]:
        step["DependsOn"] = waits_for
    if job.retries:
        step["RetryPolicies"] = _retries(job.retries)
    if "ProcessingOutputConfig" in job.request:
        file = {"PropertyFileName": DECISIONS, "OutputName": DECISIONS, "FilePath": "decision.json"}
        step["PropertyFiles"] = [file]
    return step


def _retries(times: int) -> list[dict[str, Any]]:
    """Policies for failures of the service only: a node that fails, fails again.

    Source: docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html.
    """
    service = ["Step.SERVICE_FAULT", "Step.THROTTLING"]
    machines = ["SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"]
    return [
        {"ExceptionType": service, "IntervalSeconds": 10, "BackoffRate": 2.0, "MaxAttempts": times},
        {"ExceptionType": machines, "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": times},
    ]


def expression(value: Any) -> Any:
    """A request with its symbols as expressions of the definition."""
    if isinstance(value, Parameter):
        return {"Get": f"Parameters.{value.name}"}
    if isinstance(value, RunId):
        return {"Get": "Execution.PipelineExecutionId"}
    if isinstance(value, Join):
        return {"Std:Join": {"On": "", "Values": [expression(part) for part in value.parts]}}
    if isinstance(value, dict):
        return {key: expression(item) for key, item in value.items()}
    return [expression(item) for item in value] if isinstance(value, list) else value
