"""The lineage as a graph in memory: artifacts and executions, joined by what was read and written.

    upstream   ◄── artifact ◄── execution ◄── artifact …     what it was made from
    downstream ──► execution ──► artifact ──► execution …    what was made from it

A node that took its outputs from the cache did not make them: upstream goes through the execution that did. And a
model that another was compared with is not what it was made from: comparisons are edges of their own.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Self

from pipeline.metadata import ArtifactRecord, EventRecord, ExecutionRecord, LineageStore, Snapshot

COMPARISON_KEYS = frozenset({"baseline", "baseline_model", "baseline_bias", "previous", "previous_metrics"})
"""Inputs that a node compares with, and makes nothing from."""


@dataclasses.dataclass(frozen=True)
class Closure:
    """Ids of all artifacts and executions that can be reached."""

    artifacts: frozenset[int]
    executions: frozenset[int]

    def __or__(self, other: "Closure") -> "Closure":
        """What either reaches."""
        return Closure(self.artifacts | other.artifacts, self.executions | other.executions)


@dataclasses.dataclass(frozen=True)
class LineageGraph:
    """Everything that one lineage store knows; made by `LineageGraph.read`."""

    snapshot: Snapshot

    @classmethod
    def read(cls, store: LineageStore) -> Self:
        """The graph as it is now."""
        return cls(store.snapshot())

    @cached_property
    def _events_of(self) -> dict[int, list[EventRecord]]:
        """Events by execution."""
        found: dict[int, list[EventRecord]] = {}
        for event in self.snapshot.events:
            found.setdefault(event.execution_id, []).append(event)
        return found

    @cached_property
    def _events_at(self) -> dict[int, list[EventRecord]]:
        """Events by artifact."""
        found: dict[int, list[EventRecord]] = {}
        for event in self.snapshot.events:
            found.setdefault(event.artifact_id, []).append(event)
        return found

    @cached_property
    def _executions_by_run(self) -> dict[str, list[ExecutionRecord]]:
        found: dict[str, list[ExecutionRecord]] = {}
        for execution in self.snapshot.executions.values():
            for run_id in execution.run_ids:
                found.setdefault(run_id, []).append(execution)
        return found

    @property
    def run_ids(self) -> list[str]:
        """Runs that published anything, in the order of their first execution."""
        return list(self._executions_by_run)

    def artifact(self, artifact_id: int) -> ArtifactRecord | None:
        """The artifact of that id."""
        return self.snapshot.artifacts.get(artifact_id)

    def artifacts_at(self, uri: str) -> list[ArtifactRecord]:
        """Artifacts whose bytes are at this place, or around it (a file of an artifact names the artifact)."""
        place = os.path.normpath(uri)
        around = [a for a in self.snapshot.artifacts.values() if a.uri and _is_within(place, os.path.normpath(a.uri))]
        longest = max((len(os.path.normpath(artifact.uri)) for artifact in around), default=0)
        return [artifact for artifact in around if len(os.path.normpath(artifact.uri)) == longest]

    def artifacts_of_type(self, type_name: str) -> list[ArtifactRecord]:
        """Artifacts of a TFX type, oldest first."""
        found = [artifact for artifact in self.snapshot.artifacts.values() if artifact.type_name == type_name]
        return sorted(found, key=lambda artifact: artifact.artifact_id)

    def inputs_of(self, execution_id: int) -> list[EventRecord]:
        """What the execution read."""
        return [event for event in self._events_of.get(execution_id, []) if event.kind == "input"]

    def outputs_of(self, execution_id: int) -> list[EventRecord]:
        """What the execution published, taken from the cache or made."""
        return [event for event in self._events_of.get(execution_id, []) if event.kind == "output"]

    def executions_of_run(self, run_id: str, pipeline_name: str | None = None) -> list[ExecutionRecord]:
        """What the run of that pipeline executed, oldest first; without a name, the runs of any with that id."""
        found = self._executions_by_run.get(run_id, [])
        chosen = [execution for execution in found if pipeline_name in (None, execution.pipeline_name)]
        return sorted(chosen, key=lambda execution: execution.execution_id)

    def outputs_of_run(self, run_id: str, pipeline_name: str | None = None) -> list[ArtifactRecord]:
        """What the run's nodes published or took from the cache; the node and key are those of this run."""
        return [
            dataclasses.replace(self.snapshot.artifacts[event.artifact_id], node_id=execution.node_id, key=event.key)
            for execution in self.executions_of_run(run_id, pipeline_name)
            for event in self.outputs_of(execution.execution_id)
        ]

    def producer(self, artifact_id: int) -> ExecutionRecord | None:
        """The execution that made the artifact's bytes, not one that took them from the cache."""
        writers = self._executions_at(artifact_id, "output")
        made = [execution for execution in writers if execution.state != "CACHED"]
        return min(made or writers, key=lambda execution: execution.execution_id, default=None)

    def consumers(self, artifact_id: int, key: str | None = None) -> list[ExecutionRecord]:
        """Executions that read the artifact (under this input key)."""
        return self._executions_at(artifact_id, "input", key)

    def _executions_at(self, artifact_id: int, kind: str, key: str | None = None) -> list[ExecutionRecord]:
        ids = {
            event.execution_id
            for event in self._events_at.get(artifact_id, [])
            if event.kind == kind and key in (None, event.key)
        }
        return [self.snapshot.executions[number] for number in sorted(ids)]

    def runs_of(self, artifact_id: int) -> tuple[str, ...]:
        """Runs that made the artifact, took it from the cache or read it, by first touch."""
        touching = {event.execution_id for event in self._events_at.get(artifact_id, [])}
        runs = [run_id for number in sorted(touching) for run_id in self.snapshot.executions[number].run_ids]
        return tuple(dict.fromkeys(runs))

    def upstream(self, artifact_ids: Iterable[int]) -> Closure:
        """These artifacts, and everything that they were made from."""
        return _reach(artifact_ids, self._makers, self._materials)

    def downstream(self, artifact_ids: Iterable[int]) -> Closure:
        """These artifacts, and everything that was made from them."""
        return _reach(artifact_ids, self._users, self._products)

    def _makers(self, artifact_id: int) -> list[int]:
        producer = self.producer(artifact_id)
        return [] if producer is None else [producer.execution_id]

    def _materials(self, execution_id: int) -> list[int]:
        return [event.artifact_id for event in self.inputs_of(execution_id) if event.key not in COMPARISON_KEYS]

    def _users(self, artifact_id: int) -> list[int]:
        events = self._events_at.get(artifact_id, [])
        return [e.execution_id for e in events if e.kind == "input" and e.key not in COMPARISON_KEYS]

    def _products(self, execution_id: int) -> list[int]:
        return [event.artifact_id for event in self.outputs_of(execution_id)]

    def edges(self, closure: Closure) -> list[EventRecord]:
        """What joins the members of a closure, comparisons included; a cache hit's outputs are not its own work."""
        return [
            event
            for number in sorted(closure.executions)
            for event in self._events_of.get(number, [])
            if event.kind != "resolved" and event.artifact_id in closure.artifacts
        ]


def _reach(
    artifact_ids: Iterable[int], executions_of: Callable[[int], list[int]], artifacts_of: Callable[[int], list[int]]
) -> Closure:
    """What can be reached by going from artifacts to executions and on to artifacts, without recursion."""
    artifacts, executions = set(artifact_ids), set[int]()
    waiting = list(artifacts)
    while waiting:
        for execution_id in executions_of(waiting.pop()):
            if execution_id in executions:
                continue
            executions.add(execution_id)
            new = set(artifacts_of(execution_id)) - artifacts
            artifacts |= new
            waiting += new
    return Closure(frozenset(artifacts), frozenset(executions))


def _is_within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip("/") + "/")
