"""The runs that Kubeflow Pipelines knows, and where they stand: one run, and what went on with it after an approval."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.errors import NotFound, PlatformRefused
from pipeline.jobs import CONTINUE, RUN_ID_PARAMETER
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.run_handle import RunHandle
from pipeline.runners.base import RunState
from pipeline.runners.kubeflow.api import KubeflowApi
from pipeline.runners.kubeflow.document import NAME
from pipeline.runners.kubeflow.pods import pod_failure
from pipeline.runners.kubeflow.progress import (
    TaskNames,
    explained,
    iso,
    jobs_of,
    read_document,
    reported_state,
    run_state,
)
from pipeline.runners.kubeflow.refusals import NotThere
from pipeline.runners.remote import JobProgress, RunProgress
from pipeline.storage.texts import text_at


class KubeflowRuns:
    """Finds runs by the API, and follows them; starts and ends none."""

    def __init__(self, api: KubeflowApi, settings: KubeflowSettings) -> None:
        """Takes the API of the configured endpoint."""
        self._api = api
        self._settings = settings

    def experiment(self, pipeline_name: str) -> str:
        """The name of the experiment that the pipeline's runs are in."""
        return self._settings.experiment or pipeline_name

    def spec(self, run: Mapping[str, Any]) -> Mapping[str, Any]:
        """The document that a run is of."""
        reference = run["pipeline_version_reference"]
        return self._api.spec(reference["pipeline_id"], reference["pipeline_version_id"])

    def find(self, pipeline_name: str, run_id: str) -> RunHandle:
        """The handle of the run of that id, of the newest for `latest`."""
        known: list[str] = []
        for run in self._of_pipeline(pipeline_name):
            known.append(run["run_id"])
            if run_id in ("latest", known[-1]):
                started = iso(run["created_at"])
                return RunHandle(NAME, pipeline_name, known[-1], execution_arn=known[-1], submitted_at=started)
        hint = f"Latest runs: {', '.join(known[:3])}." if known else "None was submitted yet."
        raise NotFound(f"Kubeflow Pipelines knows no run '{run_id}' of pipeline '{pipeline_name}'. {hint}")

    def _of_pipeline(self, pipeline_name: str) -> Iterator[Mapping[str, Any]]:
        """Runs of one pipeline, newest first; none if there is no such pipeline or experiment."""
        pipeline_id = self._api.pipeline_id(pipeline_name)
        experiment = self._api.known_experiment(self.experiment(pipeline_name.removesuffix(CONTINUE)))
        if pipeline_id is None or experiment is None:
            return
        for run in self._api.runs(experiment):
            if (run.get("pipeline_version_reference") or {}).get("pipeline_id") == pipeline_id:
                yield run

    def watch(self, handle: RunHandle) -> RunProgress:
        """Where the run stands, what went on after an approval included."""
        return self.progress(self.of(handle), handle)

    def progress(self, runs: Sequence[Mapping[str, Any]], handle: RunHandle) -> RunProgress:
        """Where it stands by what `of` gave, without asking for it again."""
        first, *later = runs
        progress = self._progress(first, handle)[0]
        for run in later:  # oldest first: what ran last counts
            more, names = self._progress(run, handle)
            again = {job.name for job in more.jobs}
            jobs = [job for job in progress.jobs if job.name not in again]
            jobs = [job for job in jobs if not (job.state == "SKIPPED" and job.name in names.nodes)]  # not any more
            progress = RunProgress(more.state, (*jobs, *more.jobs), more.failure)
        return progress

    def of(self, handle: RunHandle) -> list[Mapping[str, Any]]:
        """The run, and those that went on with it, oldest first."""
        try:
            first = self._api.run(handle.run_id)
        except NotThere:
            self.find(handle.pipeline_name, handle.run_id)
            raise
        if reported_state(first) != "COMPLETE":
            return [first]
        later = [
            run["run_id"] for run in self._of_pipeline(f"{handle.pipeline_name}{CONTINUE}") if _continues(run, handle)
        ]
        return [first, *(self._api.run(run_id) for run_id in reversed(later))]

    def _progress(self, run: Mapping[str, Any], handle: RunHandle) -> tuple[RunProgress, TaskNames]:
        names = read_document(self.spec(run))
        details = list((run.get("run_details") or {}).get("task_details") or ())
        waiting = self._waiting(details, names, handle)
        state = run_state(run)
        jobs = tuple(self._explained(job, run["run_id"], state) for job in jobs_of(details, names, waiting))
        if state == "COMPLETE" and waiting:
            state = "AWAITING_APPROVAL"
        said = str((run.get("error") or {}).get("message") or "")
        return RunProgress(state, jobs, "" if any(job.failure for job in jobs) else said), names

    def _explained(self, job: JobProgress, run_id: str, state: RunState) -> JobProgress:
        """The job, if it failed with the reason; where the server has none, its pod does."""
        if job.state != "FAILED":
            return job
        try:
            why = job.failure or pod_failure(self._settings.pods_namespace, run_id, job.node_ids[0])
        except PlatformRefused as refused:
            why = "" if state == "INTERRUPTED" else f"Why is not known here. {refused}"
        return explained(job, state, why)

    def _waiting(self, details: list[Mapping[str, Any]], names: TaskNames, handle: RunHandle) -> frozenset[str]:
        """Tasks whose model waits for a person: the group behind the approval was left out, the decision says so.

        Where the decision cannot be read from here, because the root is on a volume, a model that was not approved is
        taken to wait.
        """
        skipped = {str(detail.get("display_name")) for detail in details if detail.get("state") == "SKIPPED"}
        gates = [names.conditions[name] for name in skipped if name in names.conditions]
        deciders = [gate.decider for gate in gates if gate.value == "approved"]
        return frozenset(task for task in deciders if self._decision(task, names.nodes[task], handle) == "waiting")

    def _decision(self, task: str, node_id: str, handle: RunHandle) -> str:
        text = text_at(f"{self._settings.root}/decisions/{handle.run_id}/{task}/decision.json")
        return "waiting" if text is None else str(json.loads(text).get(node_id))


def _continues(run: Mapping[str, Any], handle: RunHandle) -> bool:
    given = (run.get("runtime_config") or {}).get("parameters") or {}
    return bool(given.get(RUN_ID_PARAMETER) == handle.run_id)
