"""The one place where Kubeflow Pipelines is asked something, and where its errors become ours.

A message says what was asked of which server, what it answered, and what to do.
"""

import contextlib
import io
import json
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, NotFound, PlatformBusy, PlatformRefused
from pipeline.kubeflow_settings import KubeflowSettings

TOKEN_VARIABLE = "PENSTOCK_KFP_TOKEN"  # noqa: S105 - its name
COOKIE_VARIABLE = "PENSTOCK_KFP_COOKIE"
_POD_TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - kfp's own name for a path
_POD_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")

_PAGE = 100
_LONGEST = 600
_REACH_S = 20.0
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _TOO_MANY, _BROKEN = 401, 403, 404, 409, 429, 500


class NotThere(NotFound):
    """Kubeflow Pipelines knows no such thing; where that is no mistake, callers catch it."""


class KubeflowApi:
    """What runners ask, with kfp's own client; every answer is that of kfp_server_api, as plain data."""

    def __init__(self, client: Any, settings: KubeflowSettings) -> None:
        """Takes a `kfp.Client`."""
        self._client = client
        self._settings = settings

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made if there is none."""
        made = self._ask(
            f"find or make experiment '{name}'",
            self._client.create_experiment,
            name=name,
            namespace=self._settings.namespace,
        )
        return str(made["experiment_id"])

    def known_experiment(self, name: str) -> str | None:
        """The id of the experiment of that name, None if there is none."""
        what = f"look for experiment '{name}'"
        try:
            found = self._ask(
                what, self._client.get_experiment, experiment_name=name, namespace=self._settings.namespace
            )
        except (NotThere, ValueError):  # kfp raises ValueError where there is none
            return None
        return str(found["experiment_id"])

    def pipeline_id(self, name: str) -> str | None:
        """The id of the pipeline of that name, None if there is none."""
        request = {"filter": _named(name), **self._namespace}
        for found in self._pages("pipelines", f"look for pipeline '{name}'", self._client.list_pipelines, **request):
            return str(found["pipeline_id"])
        return None

    def versions(self, pipeline_id: str, version: str | None = None) -> Iterator[Mapping[str, Any]]:
        """The pipeline's versions, or that of one name; newest first."""
        request = {"pipeline_id": pipeline_id, "sort_by": "created_at desc"}
        if version is not None:
            request["filter"] = _named(version)
        return self._pages(
            "pipeline_versions", "list versions of a pipeline", self._client.list_pipeline_versions, **request
        )

    def upload(self, name: str, version: str, text: str) -> tuple[str, str]:
        """Stores a document as a version of a pipeline, where it is not stored yet; returns both ids."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pipeline.yaml")
            path.write_text(text, encoding="utf-8")
            pipeline_id = self.pipeline_id(name)
            if pipeline_id is None:
                made = self._ask(
                    f"store pipeline '{name}'",
                    self._client.upload_pipeline,
                    pipeline_package_path=str(path),
                    pipeline_name=name,
                    **self._namespace,
                )
                pipeline_id = str(made["pipeline_id"])
            for found in self.versions(pipeline_id, version):
                return pipeline_id, str(found["pipeline_version_id"])
            stored = self._ask(
                f"store a version of pipeline '{name}'",
                self._client.upload_pipeline_version,
                pipeline_package_path=str(path),
                pipeline_version_name=version,
                pipeline_id=pipeline_id,
            )
        return pipeline_id, str(stored["pipeline_version_id"])

    def start(self, name: str, experiment_id: str, ids: tuple[str, str], given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The run that is started of a pipeline's version."""
        return self._ask(
            f"start run '{name}'",
            self._client.run_pipeline,
            experiment_id=experiment_id,
            job_name=name,
            pipeline_id=ids[0],
            version_id=ids[1],
            params=dict(given),
            enable_caching=False,
            service_account=self._settings.service_account,
        )

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
        with _translated(what, str(self._settings.endpoint)), contextlib.redirect_stdout(io.StringIO()):
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
    if settings.endpoint is None:
        raise ConfigError(
            ["kubeflow.endpoint is not set: give the URL of the Kubeflow Pipelines API (docs/kubeflow.md)."]
        )
    with warnings.catch_warnings(), _translated("sign in", settings.endpoint):
        warnings.simplefilter("ignore", FutureWarning)
        proof = _proof(environ)
        _check_health(settings, proof)
        from kfp import Client

        client = Client(host=settings.endpoint, namespace=settings.namespace or "kubeflow", **proof)
    return KubeflowApi(client, settings)


def _proof(environ: Mapping[str, str]) -> dict[str, Any]:
    if token := environ.get(TOKEN_VARIABLE):
        return {"existing_token": token}
    if cookie := environ.get(COOKIE_VARIABLE):
        return {"cookies": cookie}
    if _POD_TOKEN_VARIABLE in environ or _POD_TOKEN.exists():
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        return {"credentials": ServiceAccountTokenVolumeCredentials()}
    return {}


def _check_health(settings: KubeflowSettings, proof: Mapping[str, Any]) -> None:
    """Asks once: kfp's client itself would ask for half a minute, and print every failure."""
    import kfp_server_api

    config = kfp_server_api.Configuration(host=str(settings.endpoint).rstrip("/"))
    if token := proof.get("existing_token"):
        config.api_key["authorization"], config.api_key_prefix["authorization"] = token, "Bearer"
    if credentials := proof.get("credentials"):
        config.api_key_prefix["authorization"] = "Bearer"
        credentials.refresh_api_key_hook(config)
    client = kfp_server_api.ApiClient(config, cookie=proof.get("cookies"))
    health = kfp_server_api.HealthzServiceApi(client).healthz_service_get_healthz(_request_timeout=_REACH_S)
    if health.multi_user and settings.namespace is None:
        raise ConfigError(
            [f"{settings.endpoint} serves several teams: set kubeflow.namespace to the profile that runs belong to."]
        )


@contextlib.contextmanager
def _translated(what: str, endpoint: str) -> Iterator[None]:
    import kfp_server_api
    from urllib3.exceptions import HTTPError

    try:
        yield
    except kfp_server_api.ApiException as error:
        raise _refusal(what, endpoint, error) from error
    except (HTTPError, OSError) as error:
        raise PlatformBusy(
            f"Could not {what}: {endpoint} cannot be reached ({_words(_reason(error))}). Check kubeflow.endpoint, the "
            "network, and whether a port is being forwarded; then the same again."
        ) from error


def _reason(error: Exception) -> str:
    """The last of urllib3's reasons, without the objects that it prints."""
    return re.sub(r"^HTTPS?Connection(?:Pool)?\([^)]*\): ", "", str(getattr(error, "reason", error)))


def _refusal(what: str, endpoint: str, error: Any) -> NotFound | PlatformRefused:
    answer = f"Could not {what}: {endpoint} answered {error.status} {error.reason or ''}: {_said(error)}."
    if error.status == _UNAUTHORIZED:
        return PlatformRefused(
            f"{answer} Sign in: put a token into ${TOKEN_VARIABLE} or a browser's cookie into ${COOKIE_VARIABLE} "
            "(docs/kubeflow.md says where to get one)."
        )
    if error.status == _FORBIDDEN:
        return PlatformRefused(
            f"{answer} Ask for the role kubeflow-edit in the namespace of runs, and check kubeflow.namespace."
        )
    if error.status == _NOT_FOUND:
        return NotThere(f"{answer} Check the name, kubeflow.namespace, and the path in kubeflow.endpoint.")
    if error.status == _TOO_MANY or error.status >= _BROKEN:
        return PlatformBusy(f"{answer} Do the same again in a minute; the server's own log says more.")
    return PlatformRefused(answer)


def _said(error: Any) -> str:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    with contextlib.suppress(ValueError, AttributeError):
        found = json.loads(body)
        body = str(found.get("message") or found.get("error_message") or found.get("error") or body)
    return _words(body)


def _words(text: str) -> str:
    return " ".join(text.split())[:_LONGEST].rstrip(".") or "no reason given"


def _named(name: str) -> str:
    """A filter of the API for what people call so."""
    return json.dumps({"predicates": [{"key": "display_name", "operation": "EQUALS", "string_value": name}]})
