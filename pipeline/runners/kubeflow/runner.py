"""Submits to Kubeflow Pipelines, and follows, stops and resumes what was submitted.

A run is one run of the pipeline, and, once its model is approved, one of the pipeline `<name>-continue`.
"""

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline import ir as ir_documents
from pipeline.errors import ConfigError, NotFound
from pipeline.jobs import CONTINUE, RUN_ID_PARAMETER
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.launch.packed_ir import PREFIX
from pipeline.run_handle import RunHandle
from pipeline.runners.base import Document, RunStatus
from pipeline.runners.kubeflow.api import KubeflowApi, make_api
from pipeline.runners.kubeflow.cron import six_fields
from pipeline.runners.kubeflow.document import CAPABILITIES, NAME, compile_document
from pipeline.runners.kubeflow.pods import pod_lines
from pipeline.runners.kubeflow.progress import ir_word, pipeline_of, reported_state, scheduled_of
from pipeline.runners.kubeflow.runs import KubeflowRuns
from pipeline.runners.kubeflow.texts import value_problems
from pipeline.runners.remote import JobUsage, LogRange, RunProgress, Scheduled, Timing, check_given, typed_parameters
from pipeline.runners.run_ids import new_run_id
from pipeline.storage.texts import put_text

if TYPE_CHECKING:
    from pipeline.config import Config

_VERSION_DIGITS = 12


def make_runner(config: "Config") -> "KubeflowRunner":
    """The runner, with a client of the configured endpoint.

    Raises:
      ConfigError: there is no section `kubeflow`, or no endpoint in it.
      PlatformRefused: the server does not let us in, or cannot be reached.
    """
    settings = config.on_kubeflow
    return KubeflowRunner(make_api(settings), settings)


class KubeflowRunner:
    """See `pipeline.runners.remote.RemoteRunner`."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, api: KubeflowApi, settings: KubeflowSettings) -> None:
        """Takes the API of the configured endpoint."""
        self._api = api
        self._settings = settings
        self._runs = KubeflowRuns(api, settings)

    def compile(self, dsl_pipeline: Any, config: Any) -> Document:
        """The document."""
        return compile_document(dsl_pipeline, config)

    def submit(self, document: Document, parameters: Mapping[str, str]) -> RunHandle:
        """Stores the document as a version of its pipeline (and the one that goes on after an approval), starts a run.

        Raises:
          ConfigError: on a parameter that is unknown, mistyped or missing.
        """
        given = _given(document, parameters)
        stored = self._store_all(document)
        now = datetime.datetime.now(datetime.UTC)
        started = self._api.start(
            f"{document.pipeline_name} {new_run_id(now)}",
            self._api.experiment(self._runs.experiment(document.pipeline_name)),
            stored,
            given,
        )
        return RunHandle(
            runner=self.name,
            pipeline_name=document.pipeline_name,
            run_id=started["run_id"],
            execution_arn=started["run_id"],
            document_digest=ir_documents.digest(document.text),
            submitted_at=now.isoformat(timespec="seconds"),
        )

    def continue_run(self, handle: RunHandle) -> RunHandle:
        """Starts what follows an approval, with the pipeline and the parameters of the run itself.

        Raises:
          NotFound: Kubeflow Pipelines has nothing that follows an approval in that pipeline.
        """
        return self._continue(self._api.run(handle.run_id), handle)

    def _continue(self, run: Mapping[str, Any], handle: RunHandle) -> RunHandle:
        """Starts what follows an approval in a run that the API has told of."""
        name = f"{handle.pipeline_name}{CONTINUE}"
        pipeline_id, version = self._continuation(name, self._runs.spec(run))
        given = (run.get("runtime_config") or {}).get("parameters") or {}
        takes = pipeline_of(version["pipeline_spec"])["root"].get("inputDefinitions", {}).get("parameters", {})
        started = self._api.start(
            f"{name} {handle.run_id}",
            self._api.experiment(self._runs.experiment(handle.pipeline_name)),
            (pipeline_id, version["pipeline_version_id"]),
            {**{key: value for key, value in given.items() if key in takes}, RUN_ID_PARAMETER: handle.run_id},
        )
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return RunHandle(self.name, handle.pipeline_name, handle.run_id, started["run_id"], submitted_at=now)

    def _continuation(self, name: str, spec: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """The pipeline that goes on, and the newest of its versions with the same IR as the run's document."""
        pipeline_id = self._api.pipeline_id(name)
        if pipeline_id is not None:
            for version in self._api.versions(pipeline_id):
                if ir_word(version["pipeline_spec"]) == ir_word(spec):
                    return pipeline_id, version
        raise NotFound(
            f"Kubeflow Pipelines has no version of pipeline '{name}' with the run's IR, which would go on: submit the "
            "pipeline again, for a run that takes from the cache what this one made."
        )

    def check_timing(self, timing: Timing) -> None:
        """Looks at the fields of `cron`."""
        _when(timing)

    def schedule(self, document: Document, parameters: Mapping[str, str], timing: Timing) -> str:
        """Makes a recurring run of this version of the document; returns its id.

        Raises:
          ConfigError: as `submit`; or the times are none.
        """
        given = _given(document, parameters)
        when = _when(timing)
        pipeline_id, version_id = self._store_all(document)
        made = self._api.schedule(
            {
                "experiment_id": self._api.experiment(self._runs.experiment(document.pipeline_name)),
                "job_name": document.pipeline_name,
                "pipeline_id": pipeline_id,
                "version_id": version_id,
                "params": given,
                "no_catchup": not timing.catchup,
                "max_concurrency": str(timing.max_concurrency),  # a text, as the API has 64-bit numbers
                **when,
            }
        )
        return str(made["recurring_run_id"])

    def schedules(self, pipeline_name: str) -> tuple[Scheduled, ...]:
        """The pipeline's recurring runs."""
        pipeline_id = self._api.pipeline_id(pipeline_name)
        experiment = self._api.known_experiment(self._runs.experiment(pipeline_name))
        if pipeline_id is None or experiment is None:
            return ()
        return tuple(
            scheduled_of(found)
            for found in self._api.schedules(experiment)
            if (found.get("pipeline_version_reference") or {}).get("pipeline_id") == pipeline_id
        )

    def unschedule(self, pipeline_name: str, schedule_id: str) -> None:
        """Deletes a recurring run of the pipeline."""
        known = [scheduled.schedule_id for scheduled in self.schedules(pipeline_name)]
        if schedule_id not in known:
            there = f"There are: {', '.join(known)}." if known else "There is none."
            raise NotFound(f"Pipeline '{pipeline_name}' has no schedule '{schedule_id}'. {there}")
        self._api.remove_schedule(schedule_id)

    def _store_all(self, document: Document) -> tuple[str, str]:
        """Ids of pipeline and version; stores all that a run of it needs, what follows an approval too."""
        self._store_ir(document)
        if document.continuation is not None:
            self._store(document.continuation)
        return self._store(document)

    def _store(self, document: Document) -> tuple[str, str]:
        """Ids of pipeline and version; a version is named by its digest, so that the same one is stored once."""
        version = f"{document.pipeline_name}-{ir_documents.digest(document.text)[:_VERSION_DIGITS]}"
        return self._api.upload(document.pipeline_name, version, document.text)

    def _store_ir(self, document: Document) -> None:
        """Puts the IR at the root, if the document only says where it is."""
        if PREFIX in document.text:
            return
        place = f"{self._settings.root}/ir/{ir_documents.digest(document.ir)}.json"
        if self._settings.on_volume and not Path(self._settings.root).is_dir():
            raise ConfigError(
                [
                    "The compiled pipeline is too large for the document, and kubeflow.root "
                    f"({self._settings.root}) is not mounted here: mount the volume at the same path, or have the root "
                    "on s3://."
                ]
            )
        put_text(place, document.ir, if_absent=True)

    def deployed(self, pipeline_name: str) -> str | None:
        """The newest version that Kubeflow Pipelines has."""
        pipeline_id = self._api.pipeline_id(pipeline_name)
        newest = None if pipeline_id is None else next(self._api.versions(pipeline_id), None)
        if newest is None:
            return None
        spec = newest["pipeline_spec"]
        parts = [spec["pipeline_spec"], spec["platform_spec"]] if "pipeline_spec" in spec else [spec]
        return str(yaml.safe_dump_all(parts))

    def find(self, pipeline_name: str, run_id: str) -> RunHandle:
        """The handle of the run of that id, of the newest for `latest`."""
        return self._runs.find(pipeline_name, run_id)

    def status(self, handle: RunHandle) -> RunStatus:
        """Where the run stands."""
        return self.watch(handle).status

    def watch(self, handle: RunHandle) -> RunProgress:
        """Where the run stands, what went on after an approval included."""
        return self._runs.watch(handle)

    def stop(self, handle: RunHandle) -> None:
        """Stops the run that is under way, or what goes on with it.

        Raises:
          ConfigError: none is.
        """
        last = self._runs.of(handle)[-1]
        if reported_state(last) != "RUNNING":
            raise ConfigError(
                [f"Run '{handle.run_id}' is not under way (it is {last['state']}); there is nothing to stop."]
            )
        self._api.terminate(last["run_id"])

    def resume(self, handle: RunHandle) -> RunHandle:
        """Starts again what failed, or what follows a decision about the run's model; what is done is not done again.

        Raises:
          ConfigError: it is under way, or has ended well.
        """
        first, *_ = runs = self._runs.of(handle)
        last = runs[-1]
        if last["state"] in ("FAILED", "CANCELED"):
            self._api.retry(last["run_id"])
            return handle
        if reported_state(last) == "COMPLETE" and self._runs.progress(runs, handle).state == "AWAITING_APPROVAL":
            return self._continue(first, handle)
        raise ConfigError(
            [
                f"Run '{handle.run_id}' is {last['state'] or 'PENDING'}; only one that failed or was stopped can be "
                "resumed, or one whose model waited and has been decided about."
            ]
        )

    def usage(self, handle: RunHandle) -> tuple[JobUsage, ...]:
        """Nothing: what pods cost is known to the cluster's owner only."""
        del handle
        return ()

    def logs(self, handle: RunHandle, node_id: str, wanted: LogRange) -> Iterator[str]:
        """What the node's pod printed."""
        runs = self._runs.of(handle)
        job = self._runs.progress(runs, handle).job_with_log(node_id)
        run = next(run for run in reversed(runs) if _has_task(run, job.job_name))
        return pod_lines(self._settings.pods_namespace, run["run_id"], node_id, wanted)


def _when(timing: Timing) -> dict[str, str]:
    """As kfp's client takes it; the API has 64-bit numbers as texts. Raises ConfigError if `cron` says no times."""
    if timing.cron is None:
        return {"interval_second": str(timing.every_s)}
    return {"cron_expression": six_fields(timing.cron)}


def _given(document: Document, parameters: Mapping[str, str]) -> dict[str, str | int | float]:
    """The parameters as their types; raises ConfigError listing what would fail, or would not arrive as it is."""
    check_given(document, parameters)
    given = typed_parameters(document.parameters, parameters)
    if problems := [*value_problems(given)]:
        raise ConfigError(problems)
    return given


def _has_task(run: Mapping[str, Any], name: str) -> bool:
    details = (run.get("run_details") or {}).get("task_details") or ()
    return any(detail.get("display_name") == name for detail in details)
