"""The seam between the one pipeline and the places that run it.

A runner's life:

    capabilities ──► check(dsl_pipeline) ──► compile(dsl_pipeline, config) ──► Document      pure: no network, clock,
                                                                                  │          randomness
                                                          submit(document, …) ◄───┘          the only side effects
                                                        │
                                                        ▼
                                                    RunHandle ──► status(handle) ──► RunStatus
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pipeline import ir as ir_documents
from pipeline.errors import UnsupportedByRunner
from pipeline.run_handle import RunHandle as RunHandle

if TYPE_CHECKING:
    from pipeline.config import Config

RunState = Literal["RUNNING", "COMPLETE", "PARTIAL", "AWAITING_APPROVAL", "FAILED", "INTERRUPTED"]


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """What a runner can express; what it cannot is an error before compiling.

    Attributes:
      conditionals: nodes inside `Cond` blocks.
      runtime_parameters: values bound when a run is submitted.
      runs_here: `submit` carries the run out on this machine, and keeps it at `pipeline.root`; otherwise it starts it
        on a platform, which keeps it at that platform's own root.
      asks_in_registry: models that wait for an approval wait in the platform's model registry.
      continues_when_told: a run whose model waits has ended; once a person has decided, `resume` goes on with it.
      schedules: runs can be started at times, see `pipeline.runners.remote.SchedulingRunner`.
      max_nodes: most nodes in one pipeline, None for no limit.
    """

    conditionals: bool
    runtime_parameters: bool
    runs_here: bool
    asks_in_registry: bool = False
    continues_when_told: bool = False
    schedules: bool = False
    max_nodes: int | None = None


@dataclasses.dataclass(frozen=True)
class Document:
    """What a runner compiled.

    Attributes:
      text: the document that its platform takes.
      node_ids: the nodes in topological order.
      parameters: runtime parameters and their types (`STRING`, `INT`, `DOUBLE`).
      ir: the pipeline's IR, which every node's launcher reads.
      continuation: the document that goes on once a model is approved, where the platform needs one of its own.
      warnings: what whoever starts a run of it should know first, a sentence each.
    """

    runner: str
    pipeline_name: str
    text: str
    node_ids: tuple[str, ...]
    parameters: Mapping[str, str]
    ir: str
    continuation: "Document | None" = None
    warnings: tuple[str, ...] = ()

    def check_parameters(self, values: Mapping[str, str]) -> None:
        """Raises ConfigError listing each name that the pipeline does not have and each value of the wrong type."""
        ir_documents.check_parameters(self.parameters, values)


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """Where a run stands; `nodes` maps node ids to the launcher's states, nodes not reached are absent."""

    state: RunState
    nodes: Mapping[str, str]


class Runner(Protocol):
    """A place that runs pipelines. Every runner must pass tests/contract."""

    @property
    def name(self) -> str:
        """The word after `--runner`."""

    @property
    def capabilities(self) -> Capabilities:
        """What this runner can express."""

    def compile(self, dsl_pipeline: Any, config: "Config") -> Document:
        """The platform's document; the same pipeline and configuration give the same bytes.

        Raises:
          UnsupportedByRunner: listing every node that the runner cannot express.
        """

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Starts a run (the local runner also finishes it).

        Raises:
          ConfigError: on a parameter that the pipeline does not have.
          NodeFailed: if the run was carried out here and a node failed.
        """

    def status(self, handle: RunHandle) -> RunStatus:
        """Where the run stands.

        Raises:
          NotFound: if there is no such run.
        """


def check_capabilities(runner_name: str, capabilities: Capabilities, ir: Any) -> None:
    """Raises UnsupportedByRunner with a sentence for every node that needs what the runner lacks."""
    from pipeline.runners.registry import runners_taking, runners_with

    nodes = [node.pipeline_node for node in ir.nodes]
    problems = []
    if not capabilities.conditionals:
        can = ", ".join(runners_with("conditionals"))
        problems += [
            f"Node '{node.node_info.id}' has a conditional, which runner '{runner_name}' cannot express. "
            f"Remove the Cond or run with: {can}."
            for node in nodes
            if node.inputs.conditionals
        ]
    if not capabilities.runtime_parameters:
        can = ", ".join(runners_with("runtime_parameters"))
        problems += [
            f"Node '{node.node_info.id}' takes runtime parameter '{name}', which runner '{runner_name}' cannot bind. "
            f"Give it a fixed value or run with: {can}."
            for node in nodes
            for name in ir_documents.runtime_parameters(node)
        ]
    if capabilities.max_nodes is not None and len(nodes) > capabilities.max_nodes:
        beyond = ", ".join(node.node_info.id for node in nodes[capabilities.max_nodes :])
        can = ", ".join(runners_taking(len(nodes)))
        problems.append(
            f"Runner '{runner_name}' takes {capabilities.max_nodes} nodes, the pipeline has also: {beyond}. "
            f"Leave nodes out or run with: {can}."
        )
    if problems:
        raise UnsupportedByRunner(problems)
