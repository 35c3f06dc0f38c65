"""What compiling has in common for all runners: the IR that one can express, and a plan's document. Pure."""

from collections.abc import Sequence
from typing import Any, Protocol

from pipeline import ir as ir_documents
from pipeline.runners.base import Capabilities, Document, check_capabilities


class Plan(Protocol):
    """What a platform is to start for one run, as far as every document tells it."""

    @property
    def pipeline_name(self) -> str:
        """As in the IR; with `-continue` at its end for what follows an approval."""

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The nodes, in an order in which they can run."""

    @property
    def parameters(self) -> Sequence[ir_documents.RuntimeParameter]:
        """The runtime parameters that a run of it takes."""


def expressible_ir(runner: str, capabilities: Capabilities, dsl_pipeline: Any) -> str:
    """The IR of a pipeline that a runner can express.

    Raises:
      UnsupportedByRunner: listing every node that the runner cannot express.
    """
    ir_text = ir_documents.compile_ir(dsl_pipeline)
    check_capabilities(runner, capabilities, ir_documents.parse_ir(ir_text))
    return ir_text


def planned_document(
    runner: str, plan: Plan, ir_text: str, text: str, continuation: Document | None = None
) -> Document:
    """The document of a plan, whose text a runner has written."""
    return Document(
        runner=runner,
        pipeline_name=plan.pipeline_name,
        text=text,
        node_ids=plan.node_ids,
        parameters={parameter.name: parameter.type for parameter in plan.parameters},
        ir=ir_text,
        continuation=continuation,
    )
