"""What runners that start runs elsewhere can do beside `pipeline.runners.base.Runner`: watch, stop, go on, read logs.

submit ──► RunHandle ──► watch ──► RunProgress ──► status
               │  ├────► logs
               │  ├────► stop
               │  └────► resume ──► RunHandle
find ──────────┘
"""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

from pipeline import ir as ir_documents
from pipeline.errors import ConfigError, NotFound
from pipeline.run_handle import RunHandle
from pipeline.runners.base import Document, Runner, RunState, RunStatus


@dataclasses.dataclass(frozen=True)
class JobProgress:
    """One job of a run.

    Attributes:
      name: of the step or state.
      node_ids: the nodes that it runs.
      state: a node's: RUNNING, COMPLETE, SKIPPED, AWAITING_APPROVAL, FAILED or NOT_RUN.
      job_name: the platform's own name of the job, empty before it has one.
      log_group: where CloudWatch keeps what it prints, empty before it has a job.
      started_at: ISO 8601 with zone, empty before the start; `ended_at` likewise.
      failure: why it failed, in the node's own words where it left any.
    """

    name: str
    node_ids: tuple[str, ...]
    state: str
    job_name: str = ""
    log_group: str = ""
    started_at: str = ""
    ended_at: str = ""
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class JobUsage:
    """What a job took of the platform.

    Attributes:
      name: of the step or state.
      kind: processing or training.
      billed_s: seconds of each instance that are paid at the on-demand price; of managed spot fewer than it ran.
      ran_s: seconds from the machine's start to the job's end.
    """

    name: str
    kind: Literal["processing", "training"]
    instance_type: str
    instances: int
    volume_gb: int
    billed_s: float
    ran_s: float


@dataclasses.dataclass(frozen=True)
class RunProgress:
    """Where a run stands; jobs in the order in which they were reached, those not reached are absent.

    Attributes:
      failure: why the run as a whole failed, where that is no job's failure.
    """

    state: RunState
    jobs: tuple[JobProgress, ...]
    failure: str = ""

    @property
    def status(self) -> RunStatus:
        """The same by node."""
        nodes = {node_id: job.state for job in self.jobs for node_id in job.node_ids}
        return RunStatus(self.state, nodes)

    def job_of(self, node_id: str) -> JobProgress | None:
        """The last job that ran (or runs) the node."""
        return next((job for job in reversed(self.jobs) if node_id in job.node_ids), None)

    def job_with_log(self, node_id: str) -> JobProgress:
        """The last job that ran (or runs) the node.

        Raises:
          NotFound: the run has no such node so far, or its job has not started.
        """
        job = self.job_of(node_id)
        if job is None:
            reached = [other for found in self.jobs for other in found.node_ids]
            near = difflib.get_close_matches(node_id, reached, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Reached so far: {', '.join(reached) or 'none'}."
            raise NotFound(f"The run has not reached a node '{node_id}'. {hint}")
        if not job.job_name:
            raise NotFound(f"Node '{node_id}' has no job (its state is {job.state}), so there is no log of it.")
        return job

    @property
    def is_over(self) -> bool:
        """True if nothing more happens unless a person does something."""
        return self.state != "RUNNING"


@dataclasses.dataclass(frozen=True)
class LogRange:
    """Which part of a log is wanted.

    Attributes:
      follow_s: go on until the job has ended, but no longer than so many seconds; 0 = only what is there.
      poll_s: seconds between two looks.
    """

    follow_s: float = 0.0
    poll_s: float = 5.0


class RemoteRunner(Runner, Protocol):
    """A runner whose runs go on without us."""

    def deployed(self, pipeline_name: str) -> str | None:
        """The document that the platform has under that name, None if it has none."""

    def find(self, pipeline_name: str, run_id: str) -> RunHandle:
        """The handle of a run, of the newest for `latest`, from the platform itself.

        Raises:
          NotFound: there is none.
        """

    def watch(self, handle: RunHandle) -> RunProgress:
        """Where the run stands, job by job.

        Raises:
          NotFound: there is no such run.
        """

    def stop(self, handle: RunHandle) -> None:
        """Ends the run and its jobs; they take a moment."""

    def resume(self, handle: RunHandle) -> RunHandle:
        """Goes on with a run that failed or was stopped; what is done is not done again.

        Raises:
          ConfigError: there is nothing to resume.
        """

    def usage(self, handle: RunHandle) -> tuple[JobUsage, ...]:
        """What the run's last jobs have taken so far; those without a machine yet are left out."""

    def logs(self, handle: RunHandle, node_id: str, wanted: LogRange) -> Iterator[str]:
        """What the node's job printed, line by line.

        Raises:
          NotFound: the run has no such node, or its job has not started.
        """


@dataclasses.dataclass(frozen=True)
class Timing:
    """When a schedule starts runs: exactly one of `cron` and `every_s`.

    Attributes:
      cron: five fields as of crontab (minute, hour, day of the month, month, day of the week), by the platform's clock.
      every_s: seconds from one start to the next.
      max_concurrency: runs of the schedule that may go on at the same time; what is due beyond waits.
      catchup: runs that were due while nothing could start are started afterwards, each.
    """

    cron: str | None = None
    every_s: int | None = None
    max_concurrency: int = 1
    catchup: bool = False


@dataclasses.dataclass(frozen=True)
class Scheduled:
    """A schedule on a platform.

    Attributes:
      schedule_id: the platform's own.
      when: in words.
      is_on: False while somebody has switched it off.
      parameters: of its runs.
      version: of the document that it starts, as the platform names it.
      created_at: ISO 8601 with zone, empty if it is not known.
    """

    schedule_id: str
    when: str
    is_on: bool
    parameters: Mapping[str, str]
    version: str
    created_at: str = ""


class SchedulingRunner(RemoteRunner, Protocol):
    """A runner that can have its platform start runs at times; `capabilities.schedules` says so."""

    def check_timing(self, timing: Timing) -> None:
        """Raises ConfigError listing what of it the platform does not take."""

    def schedule(self, document: Document, parameters: Mapping[str, str], timing: Timing) -> str:
        """Has runs of the document started from now on; returns the schedule's id.

        Raises:
          ConfigError: as `submit`.
        """

    def schedules(self, pipeline_name: str) -> tuple[Scheduled, ...]:
        """The schedules of the pipeline."""

    def unschedule(self, pipeline_name: str, schedule_id: str) -> None:
        """Ends a schedule; runs that it started go on.

        Raises:
          NotFound: the pipeline has no such schedule, naming those that it has.
        """


def check_given(document: Document, values: Mapping[str, str]) -> None:
    """Raises ConfigError listing unknown and mistyped parameters, and those without a default that are not given.

    A platform would start such a run, and its first job would fail.
    """
    problems = []
    try:
        document.check_parameters(values)
    except ConfigError as error:
        problems += error.problems
    problems += [
        f"--param {parameter.name}=…: has no default; give its value ({parameter.type})."
        for parameter in ir_documents.parameters_of(document.ir)
        if parameter.default is None and parameter.name not in values
    ]
    if problems:
        raise ConfigError(problems)


def typed_parameters(types: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str | int | float]:
    """The values of runtime parameters as their types, which have been checked."""
    casts = {"INT": int, "DOUBLE": float}
    return {name: casts.get(types[name], str)(value) for name, value in values.items()}
