"""The one place where Kubeflow Pipelines is asked something; its errors become ours in `refusals`."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import PlatformRefused
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.runners.kubeflow.connection import connect
from pipeline.runners.kubeflow.refusals import AlreadyThere, translated

_PAGE = 100


class KubeflowApi:
    """What runners ask, with kfp's own client; every answer is that of kfp_server_api, as plain data."""

    def __init__(self, client: Any, settings: KubeflowSettings) -> None:
        """Takes a `kfp.Client`."""
        self._client = client
        self._settings = settings

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made if there is none."""
        what, request = f"find or make experiment '{name}'", {"name": name, **self._namespace}
        try:
            made = self._ask(what, self._client.create_experiment, **request)
        except AlreadyThere:  # since it was looked for
            made = self._ask(what, self._client.create_experiment, **request)
        return _id(made, "experiment_id", what)

    def known_experiment(self, name: str) -> str | None:
        """The id of the experiment of that name, None if there is none."""
        request = {"filter": _named(name), **self._namespace}
        what = f"look for experiment '{name}'"
        return _first("experiment_id", self._pages("experiments", what, self._client.list_experiments, **request))

    def pipeline_id(self, name: str) -> str | None:
        """The id of the pipeline of that name, None if there is none."""
        request = {"filter": _named(name), **self._namespace}
        what = f"look for pipeline '{name}'"
        return _first("pipeline_id", self._pages("pipelines", what, self._client.list_pipelines, **request))

    def versions(self, pipeline_id: str, version: str | None = None) -> Iterator[Mapping[str, Any]]:
        """The pipeline's versions, or that of one name; newest first."""
        request = {"pipeline_id": pipeline_id, "sort_by": "created_at desc"}
        if version is not None:
            request["filter"] = _named(version)
        return self._pages(
            "pipeline_versions", "list versions of a pipeline", self._client.list_pipeline_versions, **request
        )

    def upload(self, name: str, version: str, text: str) -> tuple[str, str]:
        """Stores a document as a version of a pipeline, where it is not stored yet; returns both ids.

        Somebody else may store the same at the same time; then theirs is taken.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pipeline.yaml")
            path.write_text(text, encoding="utf-8")
            pipeline_id = self.pipeline_id(name) or self._first_upload(name, path)
            return pipeline_id, self._version_id(pipeline_id, version) or self._upload(name, pipeline_id, version, path)

    def _version_id(self, pipeline_id: str, version: str) -> str | None:
        return _first("pipeline_version_id", self.versions(pipeline_id, version))

    def _first_upload(self, name: str, path: Path) -> str:
        what = f"store pipeline '{name}'"
        request = {"pipeline_package_path": str(path), "pipeline_name": name, **self._namespace}
        return _ours_or_theirs(
            lambda: _id(self._ask(what, self._client.upload_pipeline, **request), "pipeline_id", what),
            lambda: self.pipeline_id(name),
        )

    def _upload(self, name: str, pipeline_id: str, version: str, path: Path) -> str:
        what = f"store a version of pipeline '{name}'"
        request = {"pipeline_package_path": str(path), "pipeline_version_name": version, "pipeline_id": pipeline_id}
        return _ours_or_theirs(
            lambda: _id(self._ask(what, self._client.upload_pipeline_version, **request), "pipeline_version_id", what),
            lambda: self._version_id(pipeline_id, version),
        )

    def start(self, name: str, experiment_id: str, ids: tuple[str, str], given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The run that is started of a pipeline's version."""
        what = f"start run '{name}'"
        started = self._ask(
            what,
            self._client.run_pipeline,
            experiment_id=experiment_id,
            job_name=name,
            pipeline_id=ids[0],
            version_id=ids[1],
            params=dict(given),
            enable_caching=False,
            service_account=self._settings.service_account,
        )
        return {**started, "run_id": _id(started, "run_id", what)}

    def schedule(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The recurring run that is made; `request` as `kfp.Client.create_recurring_run` takes it."""
        what = f"make schedule '{request['job_name']}'"
        return self._ask(
            what,
            self._client.create_recurring_run,
            **request,
            enable_caching=False,
            service_account=self._settings.service_account,
        )

    def schedules(self, experiment_id: str) -> Iterator[Mapping[str, Any]]:
        """The recurring runs of an experiment."""
        return self._pages(
            "recurring_runs", "list schedules", self._client.list_recurring_runs, experiment_id=experiment_id
        )

    def remove_schedule(self, recurring_run_id: str) -> None:
        """Ends a recurring run; runs that it started go on."""
        what = f"remove schedule '{recurring_run_id}'"
        self._ask(what, self._client.delete_recurring_run, recurring_run_id=recurring_run_id)

    def run(self, run_id: str) -> Mapping[str, Any]:
        """A run with its tasks.

        Raises:
          NotThere: there is none.
        """
        return self._ask(f"look at run '{run_id}'", self._client.get_run, run_id=run_id)

    def runs(self, experiment_id: str) -> Iterator[Mapping[str, Any]]:
        """The runs of an experiment, newest first."""
        request = {"experiment_id": experiment_id, "sort_by": "created_at desc"}
        return self._pages("runs", "list runs", self._client.list_runs, **request)

    def spec(self, pipeline_id: str, version_id: str) -> Mapping[str, Any]:
        """The document of a version, as the server keeps it."""
        found = self._ask(
            "read the document of a run",
            self._client.get_pipeline_version,
            pipeline_id=pipeline_id,
            pipeline_version_id=version_id,
        )
        spec: Mapping[str, Any] = found["pipeline_spec"]
        return spec

    def terminate(self, run_id: str) -> None:
        """Stops a run."""
        self._ask(f"stop run '{run_id}'", self._client.terminate_run, run_id=run_id)

    def retry(self, run_id: str) -> None:
        """Starts the tasks of a run again that failed, and what follows them."""
        import kfp_server_api

        runs = kfp_server_api.RunServiceApi(self._client._run_api.api_client)
        self._ask(f"resume run '{run_id}'", runs.run_service_retry_run, run_id=run_id)

    @property
    def _namespace(self) -> dict[str, str]:
        return {"namespace": self._settings.namespace} if self._settings.namespace else {}

    def _pages(self, key: str, what: str, method: Callable[..., Any], **request: Any) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            answer = self._ask(what, method, page_token=token, page_size=_PAGE, **request)
            yield from answer.get(key) or ()
            token = answer.get("next_page_token") or ""
            if not token:
                return

    def _ask(self, what: str, method: Callable[..., Any], **request: Any) -> Mapping[str, Any]:
        """The answer as plain data; kfp's chatter is kept off the terminal."""
        with translated(what, str(self._settings.endpoint)), contextlib.redirect_stdout(io.StringIO()):
            answer = method(**request)
        plain: Mapping[str, Any] = answer.to_dict() if hasattr(answer, "to_dict") else answer
        return plain


def make_api(settings: KubeflowSettings, environ: Mapping[str, str] = os.environ) -> KubeflowApi:
    """The API at `kubeflow.endpoint`, with whatever proves who we are.

    That is a token in PENSTOCK_KFP_TOKEN, else a cookie in PENSTOCK_KFP_COOKIE, else what a pod is given, else nothing.

    Raises:
      ConfigError: no endpoint is configured, or the server serves several teams and no namespace is.
      PlatformRefused: it does not let us in.
      PlatformBusy: it cannot be reached.
    """
    return KubeflowApi(connect(settings, environ), settings)


def _first(key: str, found: Iterator[Mapping[str, Any]]) -> str | None:
    """The id of the first of what was found, None if nothing was."""
    return next((str(item[key]) for item in found), None)


def _ours_or_theirs(make: Callable[[], str], find: Callable[[], str | None]) -> str:
    """The id of what is made, or of what somebody else has made of that name since it was looked for."""
    try:
        return make()
    except AlreadyThere:
        if found := find():
            return found
        raise


def _id(made: Mapping[str, Any], key: str, what: str) -> str:
    """The id of what was made; raises PlatformRefused if the answer has none."""
    if not made.get(key):
        raise PlatformRefused(
            f"Could not {what}: the answer has no {key}. Is kubeflow.endpoint the URL of Kubeflow Pipelines 2?"
        )
    return str(made[key])


def _named(name: str) -> str:
    """A filter of the API for what people call so."""
    return json.dumps({"predicates": [{"key": "display_name", "operation": "EQUALS", "string_value": name}]})
