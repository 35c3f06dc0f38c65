"""The part of a pipeline that one document runs: all of it, or what follows a person's decision about a model. Pure."""

import dataclasses
import re
from collections.abc import Mapping

from pipeline import ir as ir_documents
from pipeline.jobs.graph import Node, from_approval_on, nodes_of
from pipeline.jobs.request import Parameter, RunId

RUN_ID_PARAMETER = "RunId"
"""The parameter of the plan that goes on after an approval: the run that waits. EventBridge, which starts it, hands on
no parameter with an underscore in its name (PutTargets: SageMakerPipelineParameter)."""

CONTINUE = "-continue"
"""What follows a pipeline's name in that of the one that goes on after an approval."""

_PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclasses.dataclass(frozen=True)
class Part:
    """What a plan is made for.

    Attributes:
      nodes: by their ids.
      run_id: as the orchestrator gives it, or the parameter that names the run that goes on.
      parameters: runtime parameters.
      suffix: what follows the pipeline's name.
    """

    nodes: Mapping[str, Node]
    run_id: RunId | Parameter
    parameters: tuple[ir_documents.RuntimeParameter, ...]
    suffix: str = ""


def whole_run(ir_text: str) -> Part:
    """All of the pipeline."""
    return Part(nodes_of(ir_text), RunId(), ir_documents.parameters_of(ir_text))


def rest_of_run(ir_text: str) -> Part | None:
    """What follows from the approval of a model on, for the run that `RunId` names; None if nothing approves."""
    nodes = from_approval_on(nodes_of(ir_text))
    if not nodes:
        return None
    run_id = ir_documents.RuntimeParameter(RUN_ID_PARAMETER, "STRING", None)
    used = ir_documents.parameters_of(ir_text, frozenset(nodes))
    return Part(nodes, Parameter(RUN_ID_PARAMETER), (run_id, *used), CONTINUE)


def parameter_name_problem(parameter: ir_documents.RuntimeParameter) -> str | None:
    """Why a platform would not take a runtime parameter's name, None if all of them do."""
    if _PARAMETER_NAME.fullmatch(parameter.name):
        return None
    return (
        f"Runtime parameter '{parameter.name}': only letters, digits and underscores, a letter first, are names to "
        "every platform. Rename it."
    )
