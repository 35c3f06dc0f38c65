"""What an endpoint's container answers, as a WSGI application (PEP 3333): no sockets, no processes.

Every answer that is not 200 is `{"error": "…"}`, in words that say what to send instead. The request's custom
attributes and inference id come back in the answer's headers.
"""

import json
import logging
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from serving.answers import BadRequest, inputs_of, load_model, predict, signature_of
from serving.formats import (
    FORMATS,
    JSON,
    CsvLayout,
    answer_format,
    csv_layout,
    read_request,
    request_format,
    write_answer,
)
from serving.metrics import TEXT_FORMAT, Metrics
from serving.model_folder import missing_values

MAX_REQUEST_BYTES = 6 * 1024 * 1024
"""What InvokeEndpoint takes (botocore's model: Body, at most 6291456 bytes)."""

INVOCATIONS = "/invocations"
PATHS = {"/ping": "GET", "/metrics": "GET", INVOCATIONS: "POST"}
"""What can be asked for, and how."""

_ECHOED = {
    "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    "HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID": "X-Amzn-SageMaker-Inference-Id",
}
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,1024}")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class _Refused(Exception):
    """A request that gets no prediction."""

    def __init__(self, status: int, said: str, **headers: str) -> None:
        super().__init__(said)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


class Application:
    """Answers from one model; used by many threads."""

    def __init__(
        self, model: Any, signature: str, layout: CsvLayout, at_once: int, metrics: Metrics | None = None
    ) -> None:
        """Keeps what it is given.

        Args:
          model: a loaded SavedModel.
          signature: that answers where a request names none, empty for the model's own.
          layout: of CSV, of that signature.
          at_once: invocations that are looked at at once; more are told to come again, so that /ping and
            /metrics have their threads.
          metrics: where requests are counted; None = in new ones.
        """
        self._model, self._signature, self._layout = model, signature, layout
        self._metrics = metrics or Metrics({})
        self._room = threading.BoundedSemaphore(at_once)

    @classmethod
    def load(cls, folder: Path, signature: str, at_once: int, metrics: Metrics) -> "Application":
        """The application of the SavedModel in that folder; see `__init__`."""
        model = load_model(str(folder))
        inputs = inputs_of(signature_of(model, signature)[1])
        return cls(model, signature, csv_layout(inputs, missing_values(folder, inputs)), at_once, metrics)

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """One request."""
        if environ["PATH_INFO"] != INVOCATIONS:
            status, body, headers = self._answer(environ)
        else:
            with self._metrics.one_request() as tell:
                status, body, headers = self._answer(environ)
                tell(status)
        headers |= {"Content-Length": str(len(body)), **_echoed(environ)}
        start_response(f"{status} {_REASONS[status]}", list(headers.items()))
        return [body]

    def _answer(self, environ: Mapping[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        try:
            return self._route(environ)
        except _Refused as refused:
            headers = {"Content-Type": JSON, **refused.headers}
            return refused.status, json.dumps({"error": str(refused)}).encode(), headers

    def _route(self, environ: Mapping[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        allowed = PATHS.get(path)
        if allowed is None:
            known = ", ".join(f"{verb} {each}" for each, verb in PATHS.items())
            raise _Refused(404, f"There is no {path}; there are {known}.")
        if method != allowed:
            raise _Refused(405, f"{path} takes {allowed}.", Allow=allowed)
        if path == "/ping":
            return 200, b"", {}
        if path == "/metrics":
            return 200, self._metrics.text().encode(), {"Content-Type": TEXT_FORMAT}
        if not self._room.acquire(blocking=False):
            raise _Refused(503, "Too many requests are being answered. Ask again, or give the endpoint more instances.")
        try:
            return self._invoke(environ)
        finally:
            self._room.release()

    def _invoke(self, environ: Mapping[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        asked = request_format(environ.get("CONTENT_TYPE", ""))
        if asked is None:
            seen = environ["CONTENT_TYPE"]
            raise _Refused(415, f"Content-Type is {seen!r}, expected one of {', '.join(FORMATS)}, in UTF-8.")
        form = answer_format(environ.get("HTTP_ACCEPT", ""), asked)
        if form is None:
            raise _Refused(406, f"Accept is {environ['HTTP_ACCEPT']!r}, expected one of {', '.join(FORMATS)}.")
        body = _body(environ)
        try:
            rows, name = read_request(body, asked, self._layout, self._signature)
            predictions = predict(self._model, rows, name)
        except BadRequest as problem:
            raise _Refused(400, str(problem)) from problem
        except Exception as error:  # whatever a model's operations raise: told to the log, and to the caller by kind
            logging.getLogger(__name__).exception("The model failed.")
            raise _Refused(500, f"The model failed ({type(error).__name__}); the endpoint's log says why.") from error
        self._metrics.add_rows(len(predictions))
        return 200, write_answer(predictions, form), {"Content-Type": form}


def _body(environ: Mapping[str, Any]) -> bytes:
    """The request's body; what is too long is not read to its end."""
    said = f"At most {MAX_REQUEST_BYTES:,} bytes are taken; ask for fewer rows at a time."
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_REQUEST_BYTES:
        raise _Refused(413, said, Connection="close")
    body: bytes = environ["wsgi.input"].read(MAX_REQUEST_BYTES + 1)
    if len(body) > MAX_REQUEST_BYTES:
        raise _Refused(413, said, Connection="close")
    return body


def _echoed(environ: Mapping[str, Any]) -> dict[str, str]:
    """Headers of the request that belong in the answer, unless they hold what no header may."""
    found = ((name, str(environ.get(key, ""))) for key, name in _ECHOED.items())
    return {name: value for name, value in found if _PRINTABLE.fullmatch(value)}
