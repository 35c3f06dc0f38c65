"""A plan's jobs as one state machine.

Names of states that are not jobs hold a space, so that no node's name can be one of them.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.jobs import Gate, JobPlan, JobRequest
from pipeline.runners.step_functions.given import beginning
from pipeline.runners.step_functions.layout import Layout, Series, Together, arrange
from pipeline.runners.step_functions.states import (
    APPROVAL_WAIT_S,
    START_S,
    Platform,
    State,
    ask_state,
    caught,
    choice_state,
    job_state,
    notify_state,
    onward,
    read_state,
    waits_state,
)

MAX_EXECUTION_S = 365 * 24 * 3600
"""Longest Standard execution."""

_TOLD, _FAILED, _DONE = "Tell of failure", "Run failed", "Run done"


def machine(plan: JobPlan, platform: Platform) -> dict[str, Any]:
    """The state machine; `Run failed` is where every failure ends."""
    ends: dict[str, State] = {}
    if platform.notify_topic:
        ends[_TOLD] = notify_state(plan.pipeline_name, platform, _FAILED)
    ends[_FAILED] = {"Type": "Fail", "Error": "PenstockRunFailed", "CausePath": "$.error.Cause"}
    scope = _Scope(fail=next(iter(ends)))
    first = _Writer(plan, platform).write_jobs(plan.jobs, 0, scope, _DONE)
    begin = beginning(plan, first, scope.fail)
    return {
        "Comment": f"Pipeline {plan.pipeline_name}, compiled by Penstock",
        "StartAt": begin.start,
        "TimeoutSeconds": _longest_s(plan, platform),
        "States": {**begin.states, **scope.states, _DONE: {"Type": "Succeed"}, **ends},
    }


def _longest_s(plan: JobPlan, platform: Platform) -> int:
    """As if every job came after the others and used all its time, each time."""
    jobs = sum((job.timeout_s + START_S) * (job.retries + 1) for job in plan.jobs)
    waits = APPROVAL_WAIT_S if platform.approval_queue else 0
    return min(jobs + waits, MAX_EXECUTION_S)


@dataclasses.dataclass
class _Scope:
    """The states of the machine itself or of one branch, which may only go to each other.

    Attributes:
      fail: the state that errors lead to.
    """

    fail: str
    states: dict[str, State] = dataclasses.field(default_factory=dict)

    def put(self, **states: State) -> None:
        """Adds states before the others: what comes last is written first, and read last."""
        self.states = {**states, **self.states}


@dataclasses.dataclass(frozen=True)
class _Item:
    """A job, or all jobs behind one gate."""

    name: str
    jobs: tuple[JobRequest, ...]
    gate: Gate | None


class _Writer:
    def __init__(self, plan: JobPlan, platform: Platform) -> None:
        self._plan, self._platform = plan, platform
        self._numbers: dict[Together, int] = {}
        self._above: dict[str, frozenset[str]] = {}
        for job in plan.jobs:
            direct = {*job.depends_on, *(gate.job for gate in job.gates)}
            self._above[job.name] = frozenset(direct).union(*(self._above[name] for name in direct))

    def write_jobs(self, jobs: Sequence[JobRequest], depth: int, scope: _Scope, then: str | None) -> str:
        """Writes jobs that are behind the same `depth` gates; returns the state to begin with."""
        items = {item.name: item for item in _items(jobs, depth)}
        holder = {job.name: item.name for item in items.values() for job in item.jobs}
        above = {
            item.name: frozenset(holder[name] for job in item.jobs for name in self._above[job.name] if name in holder)
            - {item.name}
            for item in items.values()
        }
        layout = arrange(list(items), above)
        self._count(layout)
        return self._write(layout, items, depth, scope, then)

    def _count(self, layout: Layout) -> None:
        """Numbers what runs together in the order in which it is read, which is not that in which it is written."""
        if isinstance(layout, Together):
            self._numbers[layout] = len(self._numbers) + 1
        for part in layout.parts if isinstance(layout, Series | Together) else ():
            self._count(part)

    def _write(self, layout: Layout, items: dict[str, _Item], depth: int, scope: _Scope, then: str | None) -> str:
        if isinstance(layout, Series):
            for part in reversed(layout.parts):
                then = self._write(part, items, depth, scope, then)
            return then or ""
        if isinstance(layout, Together):
            return self._write_together(layout, items, depth, scope, then)
        item = items[layout]
        if item.gate is None:
            return self._write_job(item.jobs[0], scope, then)
        return self._write_gate(item.gate, item.jobs, depth, scope, then)

    def _write_together(
        self, layout: Together, items: dict[str, _Item], depth: int, scope: _Scope, then: str | None
    ) -> str:
        """Branches, each of which goes on to its end whatever becomes of the others; then any failure is told."""
        name = f"Together {self._numbers[layout]}"
        branches = []
        for number, part in enumerate(layout.parts, 1):
            inner = _Scope(fail=f"{name}, branch {number} failed")
            start = self._write(part, items, depth, inner, None)
            failed = {"Type": "Pass", "Parameters": {"error.$": "$.error"}, "End": True}
            branches.append({"StartAt": start, "States": {**inner.states, inner.fail: failed}})
        scope.put(**self._after_together(name, scope, then))
        parallel = {
            "Type": "Parallel",
            "Branches": branches,
            "ResultSelector": {"failures.$": "$[*].error"},
            "ResultPath": "$.together",
            **caught(scope.fail),
            "Next": f"{name} ended",
        }
        scope.put(**{name: parallel})
        return name

    def _after_together(self, name: str, scope: _Scope, then: str | None) -> dict[str, State]:
        beyond = then or f"{name} done"
        asked = {"Variable": "$.together.failures[0]", "IsPresent": True, "Next": f"{name} failed"}
        gathered = {"Error": "PenstockJobsFailed", "Cause.$": "States.JsonToString($.together.failures)"}
        states: dict[str, State] = {
            f"{name} ended": {"Type": "Choice", "Choices": [asked], "Default": beyond},
            f"{name} failed": {"Type": "Pass", "Parameters": gathered, "ResultPath": "$.error", "Next": scope.fail},
        }
        return states if then else {**states, beyond: {"Type": "Pass", "End": True}}

    def _write_job(self, job: JobRequest, scope: _Scope, then: str | None) -> str:
        if job.awaits_approval is None or self._platform.approval_queue is None:
            scope.put(**{job.name: job_state(job, self._platform, then, scope.fail)})
            return job.name
        read, waits, ask = f"Read {job.name}", f"Does {job.name} wait?", f"Ask for {job.name}"
        beyond = then or f"After {job.name}"
        states: dict[str, State] = {
            job.name: job_state(job, self._platform, read, scope.fail),
            read: read_state(job.name, self._platform, waits, scope.fail),
            waits: waits_state(job.awaits_approval, ask, beyond),
            ask: ask_state(job.awaits_approval, self._plan.pipeline_name, self._platform, job.name, scope.fail),
        }
        scope.put(**states, **({} if then else {beyond: {"Type": "Pass", "End": True}}))
        return job.name

    def _write_gate(self, gate: Gate, jobs: tuple[JobRequest, ...], depth: int, scope: _Scope, then: str | None) -> str:
        beyond = then or f"Past {gate.name}"
        if then is None:
            scope.put(**{beyond: {"Type": "Pass", **onward(None)}})
        inside = self.write_jobs(jobs, depth + 1, scope, beyond)
        read = f"Read for {gate.name}"
        scope.put(
            **{
                read: read_state(gate.job, self._platform, gate.name, scope.fail),
                gate.name: choice_state(gate, inside, beyond),
            }
        )
        return read


def _items(jobs: Sequence[JobRequest], depth: int) -> Iterator[_Item]:
    begun: set[str] = set()
    for job in jobs:
        if len(job.gates) == depth:
            yield _Item(job.name, (job,), None)
        elif (gate := job.gates[depth]).name not in begun:
            begun.add(gate.name)
            yield _Item(gate.name, tuple(other for other in jobs if gate in other.gates), gate)
