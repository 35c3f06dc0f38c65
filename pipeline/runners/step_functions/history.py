"""Where a run stands, from its state machine and the history of its execution. Pure.

A task's events follow each other by `previousEventId` from the state's entry on. After a redrive they follow the
redrive instead, so a job's state is also known by the tag that its request has.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.runners.aws.jobs import Job, failure_of
from pipeline.runners.base import RunState
from pipeline.runners.remote import JobProgress

_NODES = re.compile(r"'--nodes', '([^']*)'")
_NODE_TAG = "penstock-node"
_QUESTION = "sendMessage.waitForTaskToken"
_FAILED = ("TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed")

RUN_STATES: Mapping[str, RunState] = {
    "RUNNING": "RUNNING",
    "PENDING_REDRIVE": "RUNNING",
    "SUCCEEDED": "COMPLETE",
    "FAILED": "FAILED",
    "TIMED_OUT": "FAILED",
    "ABORTED": "INTERRUPTED",
}
"""Step Functions' state of an execution as a run's."""


@dataclasses.dataclass(frozen=True)
class StateNames:
    """What a state machine says of its states.

    Attributes:
      nodes: of each state that is a job.
      by_tag: state by the tag of its job's request.
      asks: node that each question to people is about.
      gates: for each choice that leaves jobs out, where it goes then, and those jobs' states.
    """

    nodes: Mapping[str, tuple[str, ...]]
    by_tag: Mapping[str, str]
    asks: Mapping[str, str]
    gates: Mapping[str, tuple[str, tuple[str, ...]]]


def read_machine(text: str) -> StateNames:
    """The states of a machine, those in branches included."""
    nodes, by_tag, asks, gates = {}, {}, {}, {}
    for name, state, siblings in _states(json.loads(text)["States"]):
        parameters = state.get("Parameters", {})
        if found := _NODES.search(json.dumps(parameters)):
            nodes[name] = tuple(found[1].split(","))
            by_tag[_tag(parameters)] = name
        elif str(state.get("Resource", "")).endswith(_QUESTION):
            asks[name] = parameters["MessageBody"]["node"]
        elif state["Type"] == "Choice" and state["Choices"][0].get("StringEquals") in ("run", "approved"):
            gates[name] = (state["Default"], tuple(_inside(siblings, state["Choices"][0]["Next"], state["Default"])))
    jobs = {gate: (beyond, tuple(s for s in inside if s in nodes)) for gate, (beyond, inside) in gates.items()}
    return StateNames(nodes, by_tag, asks, jobs)


def _states(states: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Each state with its name and the states beside it."""
    for name, state in states.items():
        yield name, state, states
        for branch in state.get("Branches", ()):
            yield from _states(branch["States"])


def _inside(siblings: Mapping[str, Any], start: str, end: str) -> Iterator[str]:
    """The states that are passed from one on until another is reached, those in branches included."""
    ahead, seen = [start], {end}
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        state = siblings[name]
        for branch in state.get("Branches", ()):
            yield from (inner for inner, _, _ in _states(branch["States"]))
        nexts = [state.get("Next"), state.get("Default"), *(choice["Next"] for choice in state.get("Choices", ()))]
        ahead += [following for following in nexts if following is not None]


def _tag(request: Mapping[str, Any]) -> str:
    return next((tag["Value"] for tag in request.get("Tags", ()) if tag["Key"] == _NODE_TAG), "")


def jobs_of(events: Iterable[Mapping[str, Any]], names: StateNames) -> tuple[JobProgress, ...]:
    """The jobs that were reached, in that order, and those that a choice left out.

    Args:
      events: as GetExecutionHistory answers, oldest first, with their data.
      names: of the execution's state machine.
    """
    reading = _Reading(names)
    for event in events:
        reading.take(event)
    return reading.jobs()


class _Reading:
    """What is known after the events so far."""

    def __init__(self, names: StateNames) -> None:
        self._names = names
        self._state_at: dict[int, str] = {}
        self._jobs: dict[str, JobProgress] = {}
        self._asked: set[str] = set()
        self._left: dict[int, str] = {}
        self._skipped: dict[str, tuple[str, ...]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        state = self._state_at[event["id"]] = self._state(event)
        kind = event["type"]
        if kind.endswith("StateEntered"):
            self._arrive(state, self._left.get(event.get("previousEventId", 0)))
        elif kind == "ChoiceStateExited" and state in self._names.gates:
            self._left[event["id"]] = state
        elif kind in ("ExecutionAborted", "ExecutionTimedOut"):
            for name, job in self._jobs.items():
                self._jobs[name] = dataclasses.replace(job, state=_after_the_end(job.state))
        elif state in self._names.asks:
            self._take_question(state, kind)
        if state in self._names.nodes:
            self._take_job(state, event)

    def _state(self, event: Mapping[str, Any]) -> str:
        entered = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails")
        if entered:
            return str(entered["name"])
        scheduled = event.get("taskScheduledEventDetails", {})
        tag = _tag(_parsed(scheduled.get("parameters", "")))
        return self._names.by_tag.get(tag) or self._state_at.get(event.get("previousEventId", 0), "")

    def _arrive(self, state: str, from_gate: str | None) -> None:
        if from_gate is not None:
            beyond, inside = self._names.gates[from_gate]
            self._skipped[from_gate] = inside if state == beyond else ()

    def _take_question(self, state: str, kind: str) -> None:
        node_id = self._names.asks[state]
        if kind in ("TaskSubmitted", "TaskScheduled"):
            self._asked.add(node_id)
        elif kind in ("TaskSucceeded", "TaskStateExited", "TaskStateAborted", *_FAILED):
            self._asked.discard(node_id)

    def _take_job(self, name: str, event: Mapping[str, Any]) -> None:
        kind, time = event["type"], event["timestamp"].isoformat(timespec="seconds")
        job = self._jobs.get(name) or JobProgress(name, self._names.nodes[name], "RUNNING")
        if kind == "TaskStateEntered":
            job = JobProgress(name, job.node_ids, "RUNNING", started_at=time)
        elif kind == "TaskScheduled":
            found = _job(_parsed(event["taskScheduledEventDetails"]["parameters"]))
            job = JobProgress(name, job.node_ids, "RUNNING", found.name, found.log_group, job.started_at or time)
        elif kind in _FAILED:
            job = dataclasses.replace(job, state="FAILED", ended_at=time, failure=_why(event))
        elif kind == "TaskSucceeded":
            job = dataclasses.replace(job, state="COMPLETE", ended_at=time)
        elif kind == "TaskStateAborted":
            job = dataclasses.replace(job, state="NOT_RUN", ended_at=time)
        self._jobs[name] = job

    def jobs(self) -> tuple[JobProgress, ...]:
        waiting = [
            dataclasses.replace(job, state="AWAITING_APPROVAL") if self._asked & {*job.node_ids} else job
            for job in self._jobs.values()
        ]
        left_out = dict.fromkeys(name for inside in self._skipped.values() for name in inside)
        skipped = [JobProgress(name, self._names.nodes[name], "SKIPPED") for name in left_out if name not in self._jobs]
        return (*waiting, *skipped)


def _after_the_end(state: str) -> str:
    return "NOT_RUN" if state == "RUNNING" else state


def _job(request: Mapping[str, Any]) -> Job:
    kind = "training" if "TrainingJobName" in request else "processing"
    return Job(kind, str(request.get(f"{kind.capitalize()}JobName", "")))


def _why(event: Mapping[str, Any]) -> str:
    """The node's own words in a job's description, else the error and its cause."""
    kind = event["type"]
    details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
    error, cause = details.get("error", ""), details.get("cause", "")
    if kind == "TaskTimedOut":
        return "It took longer than its timeout_s; see 'resources' in the configuration."
    return failure_of(_parsed(cause)) or ": ".join(filter(None, (error, cause))) or "no reason given"


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def has_failed_on_purpose(events: Iterable[Mapping[str, Any]]) -> bool:
    """True if the execution ended in a Fail state, to which every caught error leads: a redrive would end there too."""
    types = [event["type"] for event in events]
    begin = len(types) - types[::-1].index("ExecutionRedriven") if "ExecutionRedriven" in types else 0
    return "FailStateEntered" in types[begin:]
