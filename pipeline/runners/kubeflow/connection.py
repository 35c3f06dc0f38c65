"""kfp's client for the configured endpoint: who we are, whom we trust, and how long an answer may take."""

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.runners.kubeflow.refusals import CA_VARIABLE, COOKIE_VARIABLE, TOKEN_VARIABLE, NotData, translated

_POD_TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - kfp's own name for a path
_POD_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")

_HEALTH_S = (20, 20)
"""Seconds for the first answer, to connect and to read; whole numbers or pairs are all that kfp's client heeds."""

_ANSWER_S = (20, 120)
"""Seconds for any other: a large document takes the server a while to check."""


def connect(settings: KubeflowSettings, environ: Mapping[str, str]) -> Any:
    """A `kfp.Client`, none of whose requests waits for ever, and for which a page for people is no answer.

    Raises:
      ConfigError: no endpoint is configured, what proves who we are cannot be used, or the server serves several teams
        and no namespace is configured.
      PlatformRefused: it does not let us in.
      PlatformBusy: it cannot be reached.
    """
    if settings.endpoint is None:
        raise ConfigError(
            ["kubeflow.endpoint is not set: give the URL of the Kubeflow Pipelines API (docs/kubeflow.md)."]
        )
    proof, authorities = _proof(environ), _authorities(environ)
    with warnings.catch_warnings(), translated("sign in", settings.endpoint):
        warnings.simplefilter("ignore", FutureWarning)
        _check_health(settings, proof, authorities)
        from kfp import Client

        client = Client(host=settings.endpoint, namespace=settings.pods_namespace, ssl_ca_cert=authorities, **proof)
    _guard(client._run_api.api_client.rest_client)  # all parts of the client share it
    return client


def _proof(environ: Mapping[str, str]) -> dict[str, Any]:
    if token := _header(environ, TOKEN_VARIABLE):
        return {"existing_token": token}
    if cookie := _header(environ, COOKIE_VARIABLE):
        return {"cookies": cookie}
    if _POD_TOKEN_VARIABLE in environ or _POD_TOKEN.exists():
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        return {"credentials": ServiceAccountTokenVolumeCredentials()}
    return {}


def _header(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigError([f"${name} holds a line break or a letter that no header may have: copy it again, whole."])
    return value


def _authorities(environ: Mapping[str, str]) -> str | None:
    path = environ.get(CA_VARIABLE)
    if path and not Path(path).is_file():
        raise ConfigError([f"${CA_VARIABLE} is {path}, which is no file here: expected certificates in PEM."])
    return path or None


def _check_health(settings: KubeflowSettings, proof: Mapping[str, Any], authorities: str | None) -> None:
    """Asks once: kfp's client itself would ask for half a minute, and print every failure."""
    import kfp_server_api
    from urllib3 import Retry

    config = kfp_server_api.Configuration(host=str(settings.endpoint).rstrip("/"))
    config.ssl_ca_cert = authorities
    config.retries = Retry(total=0, raise_on_redirect=False)
    if token := proof.get("existing_token"):
        config.api_key["authorization"], config.api_key_prefix["authorization"] = token, "Bearer"
    if credentials := proof.get("credentials"):
        config.api_key_prefix["authorization"] = "Bearer"
        _read_token(credentials, config)
    client = kfp_server_api.ApiClient(config, cookie=proof.get("cookies"))
    _guard(client.rest_client)
    health = kfp_server_api.HealthzServiceApi(client).healthz_service_get_healthz(_request_timeout=_HEALTH_S)
    if health.multi_user and settings.namespace is None:
        raise ConfigError(
            [f"{settings.endpoint} serves several teams: set kubeflow.namespace to the profile that runs belong to."]
        )


def _read_token(credentials: Any, config: Any) -> None:
    try:
        credentials.refresh_api_key_hook(config)
    except OSError as error:
        raise ConfigError(
            [
                f"The token of this pod cannot be read ({error}). Mount one and name it in ${_POD_TOKEN_VARIABLE}, or "
                f"put a token into ${TOKEN_VARIABLE}."
            ]
        ) from error


def _guard(rest: Any) -> None:
    """Gives every request a time, and refuses answers that are no data."""
    plain: Callable[..., Any] = rest.request

    def request(*args: Any, **given: Any) -> Any:
        answer = plain(*args, **{**given, "_request_timeout": given.get("_request_timeout") or _ANSWER_S})
        if given.get("_preload_content", True) and answer.data and not _is_data(answer.data):
            raise NotData
        return answer

    rest.request = request


def _is_data(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
