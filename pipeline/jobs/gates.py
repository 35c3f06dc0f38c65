"""Which jobs an orchestrator itself can leave out, on what decision, and which job makes that decision.

A `Cond` is decided by TFX in the job that has seen the last of what it needs. Where no single job has, or that job
cannot hand out a decision, the job is started and the launcher skips the node inside: right, and a job dearer.
"""

import dataclasses
from functools import cached_property

from pipeline.jobs.graph import JobGraph
from pipeline.jobs.request import Gate

Conditions = frozenset[str]


@dataclasses.dataclass(frozen=True)
class Gates:
    """The gates of a graph.

    Attributes:
      names: the jobs' names.
      training_decides: a training job can hand out a decision too.
    """

    graph: JobGraph
    names: dict[str, str]
    training_decides: bool = False

    def of(self, lead: str) -> tuple[Gate, ...]:
        """The gates before a job, outermost first."""
        own = self.conditions[lead]
        return tuple(gate for conditions, gate in self.accepted.items() if conditions <= own)

    def decided_by(self, lead: str) -> tuple[str, ...]:
        """The nodes of other jobs whose conditions are decided in this one."""
        gates = self.accepted.values()
        return tuple(gate.node_id for gate in gates if gate.job == self.names[lead] and gate.value == "run")

    @cached_property
    def conditions(self) -> dict[str, Conditions]:
        """Job → what must hold for it: its `Cond` blocks, and an approval that it comes after."""
        approvals = [lead for lead in self.graph.jobs if self._approver(lead)]
        return {
            lead: self.graph.nodes[lead].conditions
            | {_approved(job) for job in approvals if job in self.graph.above[lead]}
            for lead in self.graph.jobs
        }

    @cached_property
    def accepted(self) -> dict[Conditions, Gate]:
        """Conditions that hold together → their gate; fewer conditions first, so that outer gates come first."""
        distinct = list(dict.fromkeys(own for own in self.conditions.values() if own))
        needed = [own for own in distinct if self._approval_of(own) is not None]
        found: dict[Conditions, Gate] = {}
        for own in sorted(needed, key=len) + sorted((own for own in distinct if own not in needed), key=len):
            gate = self._gate(own)
            if gate is not None and self._closed(own) and not self._crosses(own, found):
                found[own] = gate
        return dict(sorted(found.items(), key=lambda item: len(item[0])))

    def _gate(self, own: Conditions) -> Gate | None:
        approver = self._approval_of(own)
        if approver is not None:
            node_id = self._approver(approver) or approver
            return Gate(f"If-{self.names[approver]}", self.names[approver], node_id, "approved")
        for lead in self._members(own):
            decider = self._decider(lead)
            if decider is not None and not own <= self.conditions[decider]:
                return Gate(f"If-{self.names[lead]}", self.names[decider], lead, "run")
        return None

    def _approval_of(self, own: Conditions) -> str | None:
        """The approving job, where coming after it is all that these conditions ask beyond that job's own."""
        for lead in self.graph.jobs:
            if _approved(lead) in own and own <= self.conditions[lead] | {_approved(lead)}:
                return lead
        return None

    def _approver(self, lead: str) -> str | None:
        return next((node_id for node_id in self.graph.jobs[lead] if self.graph.nodes[node_id].approves), None)

    def _members(self, own: Conditions) -> list[str]:
        return [lead for lead in self.graph.jobs if self.conditions[lead] == own]

    def _decider(self, lead: str) -> str | None:
        """The job that ends after all others that this one waits for, if it can hand out a decision."""
        direct = self.graph.reduced[lead]
        if len(direct) != 1 or (self.graph.nodes[direct[0]].trains and not self.training_decides):
            return None
        return direct[0]

    def _closed(self, own: Conditions) -> bool:
        """True if whatever waits for such a job has its conditions too: nothing outside waits for what may not run."""
        return all(own <= self.conditions[job] for lead in self._members(own) for job in self.graph.below[lead])

    def _crosses(self, own: Conditions, found: dict[Conditions, Gate]) -> bool:
        """True if a job would be behind this gate and one of those found, and neither gate is behind the other."""
        both = [own | other for other in found if not (own <= other or other <= own)]
        return any(together <= conditions for together in both for conditions in self.conditions.values())


def _approved(lead: str) -> str:
    return f"{lead} approved"
