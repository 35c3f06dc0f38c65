"""What Kubeflow Pipelines does not answer as it should, in words that say what to do.

A message says what was asked of which server, what it answered, and what to do.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.errors import NotFound, PlatformBusy, PlatformRefused

TOKEN_VARIABLE = "PENSTOCK_KFP_TOKEN"  # noqa: S105 - its name
COOKIE_VARIABLE = "PENSTOCK_KFP_COOKIE"
CA_VARIABLE = "PENSTOCK_KFP_CA"

_LONGEST = 600
_ELSEWHERE = range(300, 400)
_BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _TOO_MANY, _BROKEN = 400, 401, 403, 404, 409, 429, 500
_SIGN_IN = (
    f"Sign in: put a token into ${TOKEN_VARIABLE} or a browser's cookie into ${COOKIE_VARIABLE} "
    "(docs/kubeflow.md says where to get one)."
)
_UNEXPLAINED = re.compile(r"Failed to create a pipeline(?: version)?")
"""All that the server says of an upload that it refused, whatever the reason; 400 where rights are missing."""


class NotThere(NotFound):
    """Kubeflow Pipelines knows no such thing; where that is no mistake, callers catch it."""


class AlreadyThere(PlatformRefused):
    """Kubeflow Pipelines has something of that name; whoever made it was faster, and callers take theirs."""


class NotData(Exception):
    """An answer that is no object in JSON: a page for people, or cut off."""


@contextlib.contextmanager
def translated(what: str, endpoint: str) -> Iterator[None]:
    """Raises what kfp's client raises inside as errors of ours.

    Args:
      what: is asked, such as `start run 'x'`.
      endpoint: of whom.
    """
    import kfp_server_api
    from urllib3.exceptions import HTTPError

    try:
        yield
    except kfp_server_api.ApiException as error:
        raise _refusal(what, endpoint, error) from error
    except NotData as error:
        raise PlatformRefused(
            f"Could not {what}: {endpoint} answered with a page for people, or with half an answer. Either that is not "
            f"the URL of the API (is /pipeline missing at its end?), or you are not signed in any more. {_SIGN_IN}"
        ) from error
    except (HTTPError, OSError) as error:
        raise _unreached(what, endpoint, error) from error
    except (ValueError, TypeError, AttributeError) as error:  # of kfp's client, which takes answers apart unchecked
        raise PlatformRefused(
            f"Could not {what}: {endpoint} answered what kfp's client cannot read ({_words(str(error))}). Check that "
            "kubeflow.endpoint is the URL of Kubeflow Pipelines 2, and its version (docs/kubeflow.md)."
        ) from error


def _unreached(what: str, endpoint: str, error: Exception) -> PlatformBusy:
    from urllib3.exceptions import ReadTimeoutError

    said = _words(re.sub(r"^HTTPS?Connection(?:Pool)?\([^)]*\): ", "", str(getattr(error, "reason", error))))
    if isinstance(getattr(error, "reason", error), ReadTimeoutError):
        return PlatformBusy(
            f"Could not {what}: {endpoint} did not answer in time ({said}). It may have done so all the same: look "
            "with penstock status before you ask for it again."
        )
    advice = "Check kubeflow.endpoint, the network, and whether a port is being forwarded; then the same again."
    if "CERTIFICATE_VERIFY_FAILED" in said:
        advice = f"Name a file with the authorities that sign its certificate in ${CA_VARIABLE}."
    return PlatformBusy(f"Could not {what}: {endpoint} cannot be reached ({said}). {advice}")


def _refusal(what: str, endpoint: str, error: Any) -> NotFound | PlatformRefused:
    said = _said(error)
    answer = f"Could not {what}: {endpoint} answered {error.status} {error.reason or ''}: {said}."
    if error.status in _ELSEWHERE:
        return PlatformRefused(
            f"{answer} It sends us on to {(error.headers or {}).get('Location', 'nowhere')}. If that is the API, write "
            f"it into kubeflow.endpoint. {_SIGN_IN}"
        )
    if error.status == _UNAUTHORIZED:
        return PlatformRefused(f"{answer} {_SIGN_IN}")
    if error.status == _FORBIDDEN:
        return PlatformRefused(
            f"{answer} Ask for the role kubeflow-edit in the namespace of runs, and check kubeflow.namespace."
        )
    if error.status == _NOT_FOUND:
        return NotThere(f"{answer} Check the name, kubeflow.namespace, and the path in kubeflow.endpoint.")
    if error.status == _CONFLICT:
        return AlreadyThere(f"{answer} Somebody else did it at the same time: do the same again.")
    if error.status == _TOO_MANY or error.status >= _BROKEN:
        return PlatformBusy(f"{answer} Do the same again in a minute; the server's own log says more.")
    if error.status == _BAD and _UNEXPLAINED.fullmatch(said):
        return PlatformRefused(
            f"{answer} The server gives no reason; the log of the deployment ml-pipeline does. Often the rights are "
            "missing: ask for the role kubeflow-edit in the namespace of runs, and check kubeflow.namespace."
        )
    return PlatformRefused(answer)


def _said(error: Any) -> str:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    if body.lstrip().startswith("<"):
        return "a page for people"
    with contextlib.suppress(ValueError, AttributeError):
        found = json.loads(body)
        body = str(found.get("message") or found.get("error_message") or found.get("error") or body)
    return _words(body)


def _words(text: str) -> str:
    return " ".join(text.split())[:_LONGEST].rstrip(".") or "no reason given"
