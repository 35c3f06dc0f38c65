"""What Kubeflow Pipelines says of a run, in the words of this project. Pure."""

import dataclasses
import datetime
import re
from collections.abc import Mapping
from typing import Any

from pipeline.runners.base import RunState
from pipeline.runners.kubeflow.spec_tasks import SpecTask, executor_of, tasks_in, word_after
from pipeline.runners.remote import JobProgress, Scheduled

_STATES = {
    "PENDING": "RUNNING",
    "RUNNING": "RUNNING",
    "PAUSED": "RUNNING",
    "SUCCEEDED": "COMPLETE",
    "SKIPPED": "SKIPPED",
    "FAILED": "FAILED",
    "CANCELING": "RUNNING",
    "CANCELED": "FAILED",
}
"""Kubeflow's state of a task as a node's."""

_UNSPECIFIED = "RUNTIME_STATE_UNSPECIFIED"
"""Of a run before anything is known of it, and of a task that Argo left out because one before it failed. Answers of
the server leave out what has its default, so it comes as no state at all (CustomMarshaler of its common/utils.go)."""

_RUN_STATES: Mapping[str, RunState] = {
    "RUNTIME_STATE_UNSPECIFIED": "RUNNING",
    "PENDING": "RUNNING",
    "RUNNING": "RUNNING",
    "PAUSED": "RUNNING",
    "CANCELING": "RUNNING",
    "SUCCEEDED": "COMPLETE",
    "SKIPPED": "COMPLETE",
    "FAILED": "FAILED",
    "CANCELED": "INTERRUPTED",
}
"""Kubeflow's state of a run as ours."""

_NO_YEAR = 1970

_STOPPING = ("CANCELING", "CANCELED")

_STOPPED = re.compile(r"exit code (?:143|137)\b")
"""How a pod ends that is asked to end, and one that is made to."""

_CRON_FIELDS = 6

_CONDITION = re.compile(r"inputs\.parameter_values\['(?P<input>[^']+)'\] == '(?P<value>[^']+)'")


def reported_state(run: Mapping[str, Any]) -> RunState:
    """Where a run stands, as the server calls it."""
    return _RUN_STATES[run.get("state") or _UNSPECIFIED]


def run_state(run: Mapping[str, Any]) -> RunState:
    """Where a run stands. The server calls one that was stopped failed; that it was stopping is in its history."""
    state = reported_state(run)
    if state == "FAILED" and any(entry.get("state") in _STOPPING for entry in run.get("state_history") or ()):
        return "INTERRUPTED"
    return state


def explained(job: JobProgress, state: RunState, why: str) -> JobProgress:
    """A failed job with the reason, and one of a run that was stopped as not run, unless it failed by itself.

    Args:
      job: as `jobs_of` gives it.
      state: the run's.
      why: the reason; empty if nobody knows.
    """
    if state == "INTERRUPTED" and (not why or _STOPPED.search(why)):
        return dataclasses.replace(job, state="NOT_RUN", failure="")
    return dataclasses.replace(job, failure=why)


@dataclasses.dataclass(frozen=True)
class Condition:
    """A group of tasks that runs on a decision.

    Attributes:
      decider: name of the task that decides.
      value: what it must decide.
      inside: names of the tasks in it, those in groups inside included.
    """

    decider: str
    value: str
    inside: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class TaskNames:
    """What a document says of its tasks: the node by task, the conditions by group."""

    nodes: Mapping[str, str]
    conditions: Mapping[str, Condition]


def pipeline_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pipeline's part of what the server keeps of a document."""
    found: Mapping[str, Any] = spec.get("pipeline_spec", spec)
    return found


def ir_word(spec: Mapping[str, Any]) -> str:
    """What the document's tasks take as their compiled pipeline; empty if it is none of ours."""
    executors = pipeline_of(spec)["deploymentSpec"]["executors"].values()
    return next((word for executor in executors if (word := word_after("--ir", executor)) is not None), "")


def scheduled_of(found: Mapping[str, Any]) -> Scheduled:
    """A recurring run as the server tells of it."""
    trigger = found.get("trigger") or {}
    cron, periodic = trigger.get("cron_schedule") or {}, trigger.get("periodic_schedule") or {}
    when = f"every {int(periodic['interval_second']):,} s" if periodic else str(cron.get("cron") or "")
    given = (found.get("runtime_config") or {}).get("parameters") or {}
    return Scheduled(
        schedule_id=str(found["recurring_run_id"]),
        when=when.removeprefix("0 ") if len(when.split()) == _CRON_FIELDS else when,
        is_on=str(found.get("status") or "ENABLED") == "ENABLED",
        parameters={name: str(value) for name, value in given.items()},
        version=str((found.get("pipeline_version_reference") or {}).get("pipeline_version_id") or ""),
        created_at=iso(found.get("created_at")),
    )


def read_document(spec: Mapping[str, Any]) -> TaskNames:
    """The tasks of a document, those in groups included; a document with a platform's part is taken too."""
    spec = pipeline_of(spec)
    nodes: dict[str, str] = {}
    conditions: dict[str, Condition] = {}
    for each in tasks_in(spec, spec["root"]):
        found = _CONDITION.fullmatch(each.task.get("triggerPolicy", {}).get("condition", ""))
        if found is not None:
            inside = tuple(inner.name for inner in tasks_in(spec, each.component) if not inner.is_group)
            conditions[each.name] = Condition(_decider(each, found["input"]), found["value"], inside)
        if (node_id := word_after("--nodes", executor_of(spec, each.component))) is not None:
            nodes[each.name] = node_id
    return TaskNames(nodes, conditions)


def _decider(group: SpecTask, input_name: str) -> str:
    """The task whose output a group's condition looks at; empty if it is no task beside it."""
    value = group.task["inputs"]["parameters"][input_name]
    return str(value["taskOutputParameter"]["producerTask"]) if "taskOutputParameter" in value else ""


def jobs_of(details: list[Mapping[str, Any]], names: TaskNames, waiting: frozenset[str]) -> tuple[JobProgress, ...]:
    """The tasks that were reached, and those that a condition left out, in the order in which they began.

    Args:
      details: `run_details.task_details` of a run.
      names: of the run's document.
      waiting: tasks whose model waits for a person.
    """
    latest: dict[str, Mapping[str, Any]] = {}
    reached = [detail for detail in details if detail.get("state") not in (None, _UNSPECIFIED)]
    for detail in sorted(reached, key=lambda detail: str(detail.get("create_time") or "")):
        latest[str(detail.get("display_name"))] = detail
    found = [_job(name, latest[name], names, waiting) for name in latest if name in names.nodes]
    for group, condition in names.conditions.items():
        if latest.get(group, {}).get("state") == "SKIPPED" and condition.decider not in waiting:
            ran = {job.name for job in found}
            found += [
                JobProgress(names.nodes[inner], (names.nodes[inner],), "SKIPPED")
                for inner in condition.inside
                if names.nodes[inner] not in ran
            ]
    return tuple(found)


def _job(name: str, detail: Mapping[str, Any], names: TaskNames, waiting: frozenset[str]) -> JobProgress:
    error = detail.get("error") or {}
    return JobProgress(
        name=names.nodes[name],
        node_ids=(names.nodes[name],),
        state="AWAITING_APPROVAL" if name in waiting else _STATES[str(detail["state"])],
        job_name=name,
        started_at=iso(detail.get("start_time")),
        ended_at=iso(detail.get("end_time")),
        failure=str(error.get("message") or ""),
    )


def iso(time: Any) -> str:
    """ISO 8601; empty for what has not been, which the server dates in the year 1 or 1970."""
    if not isinstance(time, datetime.datetime):
        return str(time or "")
    return "" if time.year <= _NO_YEAR else time.isoformat(timespec="seconds")
