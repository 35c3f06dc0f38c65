"""The state machine document (Amazon States Language, JSONPath) from a plan of jobs. Pure.

    input over defaults → jobs, in chains and branches → Run done
          │                │ a job fails: the branches beside it go on to their end
          └─ refused ──────┴─► Tell of failure → Run failed

What a run knows of itself is in `$.run`: the parameters and `run_id`, both from the execution's input where it has
them; so an execution with the input `{"run_id": …}` goes on with an earlier run, whose finished nodes end at once.
Source: states-language.net/spec.html and docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError
from pipeline.jobs import JobPlan, plan_jobs
from pipeline.jobs.limits import MAX_STATE_BYTES, document_problem
from pipeline.runners.base import Capabilities, Document
from pipeline.runners.compiling import expressible_ir, planned_document
from pipeline.runners.step_functions.machine import machine
from pipeline.runners.step_functions.states import Platform

if TYPE_CHECKING:
    from pipeline.config import Config

NAME = "step_functions"
CAPABILITIES = Capabilities(conditionals=True, runtime_parameters=True, runs_here=False)


def compile_document(dsl_pipeline: Any, config: "Config") -> Document:
    """The state machine; a run that waits for an approval goes on in the same execution.

    Raises:
      UnsupportedByRunner: listing every node that the runner cannot express.
      ConfigError: listing every node whose job the platform would refuse, and why.
    """
    ir_text = expressible_ir(NAME, CAPABILITIES, dsl_pipeline)
    plan = plan_jobs(ir_text, config)
    text = render(plan, config)
    if problems := [*_problems(plan, config), *filter(None, [document_problem(NAME, text, plan.node_ids)])]:
        raise ConfigError(problems)
    return planned_document(NAME, plan, ir_text, text)


def _problems(plan: JobPlan, config: "Config") -> Iterator[str]:
    waits = [job.awaits_approval for job in plan.jobs if job.awaits_approval]
    if waits and config.approval.mode != "auto" and config.on_aws.approval_queue is None:
        yield (
            f"Node '{waits[0]}' may have to wait for a person (approval.mode is {config.approval.mode}), who is asked "
            "through a queue: set aws.approval_queue."
        )
    for parameter in plan.parameters:
        size = len(json.dumps(parameter.default).encode())
        if size > MAX_STATE_BYTES // 2:
            yield (
                f"Runtime parameter '{parameter.name}': its default has {size:,} bytes; all that a state knows must "
                f"fit in {MAX_STATE_BYTES:,}. Put the value in a file and pass its place."
            )


def render(plan: JobPlan, config: "Config") -> str:
    """The document's text; the same plan and configuration give the same bytes."""
    aws = config.on_aws
    platform = Platform(
        partition=aws.job_role.split(":")[1],
        decisions_uri=plan.decisions_uri,
        notify_topic=aws.notify_topic,
        approval_queue=aws.approval_queue,
    )
    return json.dumps(machine(plan, platform), indent=1)
