"""The nodes of an IR, which of them share a job, and what each job waits for. Read without TFX."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from functools import cached_property

from pipeline.jobs.request import JobKind

_LOOKUPS = ("tfx.dsl.components.common.resolver.Resolver", "tfx.dsl.components.common.importer.Importer")
"""Nodes that only look up or register: seconds of work, which are not worth the minutes that a job takes to start."""

_TRAINING = ("Trainer", "Tuner")
"""Components that train: only training jobs have spot capacity, checkpoints and all kinds of GPU."""

_SHARED = ("Trainer",)
"""Components whose work several machines can share (pipeline.launch.node.SHARED_NODES)."""

_APPROVAL = "PenstockModelApproval"
"""The type of the artifact that an approving node makes (components.model_approval.artifact)."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A node as the plan sees it.

    Attributes:
      upstream: the nodes it waits for.
      conditions: what must hold for it to run: ids of `Cond` blocks.
      approves: true for a node that approves models, and may have to wait for a person.
    """

    node_id: str
    type_name: str
    upstream: frozenset[str]
    conditions: frozenset[str]
    approves: bool

    @property
    def component(self) -> str:
        """The class, without its module."""
        return self.type_name.rpartition(".")[2]

    @property
    def is_lookup(self) -> bool:
        """True for a node that needs no job of its own."""
        return self.type_name in _LOOKUPS

    @property
    def trains(self) -> bool:
        """True for a node that is a training job."""
        return self.component in _TRAINING

    @property
    def can_be_shared(self) -> bool:
        """True for a node that more machines do sooner."""
        return self.component in _SHARED

    @property
    def kind(self) -> JobKind:
        """The kind of job that it is."""
        return "training" if self.trains else "processing"


def nodes_of(ir_text: str) -> dict[str, Node]:
    """The nodes of an IR, in topological order."""
    found = {}
    for item in json.loads(ir_text)["nodes"]:
        node = item["pipelineNode"]
        node_id = node["nodeInfo"]["id"]
        conditions = frozenset(node.get("inputs", {}).get("conditionals", {}))
        upstream = frozenset(node.get("upstreamNodes", ()))
        outputs = node.get("outputs", {}).get("outputs", {}).values()
        approves = any(output["artifactSpec"]["type"]["name"] == _APPROVAL for output in outputs)
        found[node_id] = Node(node_id, node["nodeInfo"]["type"]["name"], upstream, conditions, approves)
    return found


def only(nodes: Mapping[str, Node], kept: Iterable[str]) -> dict[str, Node]:
    """Some of the nodes, which wait for each other only."""
    wanted = frozenset(kept)
    return {
        node_id: dataclasses.replace(node, upstream=node.upstream & wanted)
        for node_id, node in nodes.items()
        if node_id in wanted
    }


def from_approval_on(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The nodes that approve, and all that come after them; empty if none does."""
    after: set[str] = set()
    for node_id, node in nodes.items():
        if node.approves or node.upstream & after:
            after.add(node_id)
    return only(nodes, after)


@dataclasses.dataclass(frozen=True)
class JobGraph:
    """Nodes by the job that runs them; a job is known by the id of its leading node.

    Attributes:
      shares_jobs: lookups run in the job of another node where they can; otherwise every node has a job of its own.
    """

    nodes: Mapping[str, Node]
    shares_jobs: bool = True

    @cached_property
    def lead_of(self) -> dict[str, str]:
        """Node → the leading node of its job.

        A lookup that waits for nothing runs in the first job; one that waits for nodes of one job only runs there.
        """
        if not self.shares_jobs:
            return {node_id: node_id for node_id in self.nodes}
        free = [node for node in self.nodes.values() if not node.upstream and not node.conditions]
        first = next((node.node_id for node in free if not node.is_lookup), None)
        leads: dict[str, str] = {}
        for node_id, node in self.nodes.items():
            leads[node_id] = self._host(node, leads, first) or node_id
        return leads

    def _host(self, node: Node, leads: Mapping[str, str], first: str | None) -> str | None:
        if not node.is_lookup or node.conditions:
            return None
        if not node.upstream:
            return first
        hosts = {leads[above] for above in node.upstream}
        host = hosts.pop()
        lead = self.nodes[host]
        return host if not hosts and not lead.trains and not lead.conditions else None

    @cached_property
    def jobs(self) -> dict[str, tuple[str, ...]]:
        """Leading node → the nodes of its job in the order in which they run; the jobs in topological order."""
        members: dict[str, list[str]] = {lead: [] for lead in self.nodes if self.lead_of[lead] == lead}
        free = [node_id for node_id, node in self.nodes.items() if node.is_lookup and not node.upstream]
        for node_id in [*free, *(node_id for node_id in self.nodes if node_id not in free)]:
            members[self.lead_of[node_id]].append(node_id)
        return {lead: tuple(node_ids) for lead, node_ids in members.items()}

    @cached_property
    def above(self) -> dict[str, frozenset[str]]:
        """Job → all jobs that must have ended before it."""
        found: dict[str, frozenset[str]] = {}
        for lead in self.order:
            direct = self.direct[lead]
            found[lead] = direct.union(*(found[job] for job in direct))
        return found

    @cached_property
    def direct(self) -> dict[str, frozenset[str]]:
        """Job → the jobs that hold nodes which its own nodes wait for."""
        return {
            lead: frozenset(self.lead_of[up] for member in members for up in self.nodes[member].upstream) - {lead}
            for lead, members in self.jobs.items()
        }

    @cached_property
    def below(self) -> dict[str, frozenset[str]]:
        """Job → all jobs that wait for it."""
        return {lead: frozenset(job for job in self.jobs if lead in self.above[job]) for lead in self.jobs}

    @cached_property
    def reduced(self) -> dict[str, tuple[str, ...]]:
        """Job → the jobs that it waits for, without those that others of them wait for already."""
        return {
            lead: tuple(job for job in self.jobs if job in direct and not any(job in self.above[o] for o in direct))
            for lead, direct in self.direct.items()
        }

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The jobs, each after what it waits for: lookups may have moved, so it may differ from the nodes' order."""
        order: list[str] = []
        while len(order) < len(self.jobs):
            order.append(next(job for job in self.jobs if job not in order and self.direct[job] <= set(order)))
        return tuple(order)
