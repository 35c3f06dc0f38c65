"""Jobs as data: the request that starts one, with symbols where only the orchestrator knows the value."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from pipeline.ir import RuntimeParameter

JobKind = Literal["processing", "training"]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """The value that a run was given for a parameter of the plan, as text."""

    name: str


@dataclasses.dataclass(frozen=True)
class RunId:
    """The id of the run: the orchestrator's own for one launch of the document."""


@dataclasses.dataclass(frozen=True)
class Unique:
    """A text that no other job has, for names that may be used once."""


@dataclasses.dataclass(frozen=True)
class Join:
    """The parts one after the other; plain texts and symbols."""

    parts: "tuple[str | Parameter | RunId | Unique, ...]"


Symbol = Parameter | RunId | Unique | Join

SYMBOLS = (Parameter, RunId, Unique, Join)


@dataclasses.dataclass(frozen=True)
class Gate:
    """What must be decided before a job is reached.

    Attributes:
      name: of the step or state that asks.
      job: name of the job that writes the decision.
      node_id: the key in that job's decision.json.
      value: what it must be.
    """

    name: str
    job: str
    node_id: str
    value: Literal["run", "approved"]


@dataclasses.dataclass(frozen=True)
class JobRequest:
    """One job: some nodes of the pipeline in one container.

    Attributes:
      name: of the step or state; letters, digits and dashes, unique in the plan.
      node_ids: the nodes, in the order in which they run; the job is named for `lead`.
      lead: the node whose resource line the job has.
      kind: which request it is.
      request: CreateProcessingJob's or CreateTrainingJob's members, the job's name left out, with symbols.
      name_base: how the job's own name begins.
      depends_on: names of the jobs that must have succeeded, as few as say the same.
      gates: what must have been decided too, outermost first.
      awaits_approval: the node among `node_ids` that may have to wait for a person, if there is one.
      timeout_s: after so many seconds the job has ended, in one way or another.
      retries: times to start it anew after a failure of the service.
    """

    name: str
    node_ids: tuple[str, ...]
    lead: str
    kind: JobKind
    request: Mapping[str, Any]
    name_base: str
    depends_on: tuple[str, ...]
    gates: tuple[Gate, ...]
    awaits_approval: str | None
    timeout_s: int
    retries: int


@dataclasses.dataclass(frozen=True)
class JobPlan:
    """Everything to start for one run.

    Attributes:
      pipeline_name: as in the IR; with `-continue` at its end for what follows an approval.
      jobs: in topological order.
      parameters: sorted by name.
      ir_uri: where the jobs read the IR.
      decisions_uri: where job J of run R puts its decisions: `<decisions_uri>/R/J/decision.json`.
    """

    pipeline_name: str
    jobs: tuple[JobRequest, ...]
    parameters: tuple[RuntimeParameter, ...]
    ir_uri: str
    decisions_uri: str

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The nodes, in an order in which they can run."""
        return tuple(node_id for job in self.jobs for node_id in job.node_ids)

    def job(self, name: str) -> JobRequest:
        """The job of that name."""
        return next(job for job in self.jobs if job.name == name)
