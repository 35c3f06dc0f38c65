"""The container that serves: `serve` starts an HTTP server that answers from the SavedModel in /opt/ml/model.

On a SageMaker endpoint, and on Kubernetes (deploy/kubernetes).

    GET  /ping          200 once the model is checked and loaded; nobody answers before that
    GET  /metrics       what was answered so far, for Prometheus (serving/metrics.py)
    POST /invocations   answers (serving/formats.py); 4xx in words if the caller is wrong, 500 if the model fails

    SIGTERM ─► no new connections ─► what is being answered is answered, at most DRAIN_S ─► exit code 0

The model's bytes must be those of PENSTOCK_MODEL_DIGEST, signed by PENSTOCK_PUBLIC_KEY (serving/model_check.py); else
the server ends with exit code 3 and the reason. One process holds the model, and looks at PENSTOCK_THREADS requests at
once.
Source: "How your container should respond to inference requests", Amazon SageMaker Developer Guide.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from serving.answers import BadRequest
from serving.application import Application
from serving.metrics import Metrics
from serving.model_check import MODEL_DIGEST, PUBLIC_KEY, check_model
from serving.model_folder import DEFAULT_MODEL_DIR, MODEL_DIR, SIGNATURE, ModelRefused, find_model

PORT = "SAGEMAKER_BIND_TO_PORT"
THREADS = "PENSTOCK_THREADS"
VERSION = "PENSTOCK_MODEL_VERSION"
"""What the registry calls the model; only told on."""

DEFAULT_PORT, DEFAULT_THREADS = 8080, 16
DRAIN_S = 25
"""SageMaker sends SIGKILL 30 seconds after SIGTERM."""

LOADING_S = 900
"""Longest time for checking and loading; SageMaker itself waits for eight minutes."""

EXIT_REFUSED = 3
"""Of a worker: gunicorn ends then, and starts no other."""

_USAGE = "Usage: python -m serving.server serve"


def main(words: list[str]) -> int:
    """Serves until it is told to stop; returns 2 for other words than `serve`."""
    if words != ["serve"]:
        sys.stderr.write(f"{_USAGE} (was asked for: {' '.join(words) or 'nothing'})\n")
        return 2
    _Server(os.environ).run()
    return 0


def open_model(environ: Mapping[str, str]) -> Application:
    """The model that the environment names, checked and loaded.

    Raises:
      ModelRefused: it is not what was deployed.
      BadRequest: it has no signature of the name that PENSTOCK_SIGNATURE says.
    """
    folder = find_model(Path(environ.get(MODEL_DIR, DEFAULT_MODEL_DIR)))
    said = check_model(folder, environ.get(MODEL_DIGEST, ""), environ.get(PUBLIC_KEY, ""))
    sys.stderr.write(f"Model {environ[MODEL_DIGEST][:12]} in {folder}: its bytes are what was deployed, {said}.\n")
    metrics = Metrics({"version": environ.get(VERSION, ""), "digest": environ[MODEL_DIGEST]})
    return Application.load(folder, environ.get(SIGNATURE, ""), _threads(environ) - 2, metrics)


class _Server(BaseApplication):
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__()

    def load_config(self) -> None:
        """Of gunicorn; nothing is read from files or from its own variables."""
        settings: dict[str, Any] = {
            "bind": f"0.0.0.0:{int(self._environ.get(PORT, DEFAULT_PORT))}",
            "worker_class": "gthread",
            "workers": 1,  # each would hold the model, and TensorFlow uses all processors from one
            "threads": _threads(self._environ),
            "timeout": LOADING_S,
            "graceful_timeout": DRAIN_S,
            "keepalive": 75,
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,  # noqa: S108 - a heartbeat
            "control_socket_disable": True,
            "accesslog": None,
            "errorlog": "-",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        """Of gunicorn, in the worker: TensorFlow's threads would not outlive a fork."""
        try:
            return open_model(self._environ)
        except (ModelRefused, BadRequest) as refused:
            sys.stderr.write(f"{refused}\n")
            sys.exit(EXIT_REFUSED)


def _threads(environ: Mapping[str, str]) -> int:
    return max(3, int(environ.get(THREADS, DEFAULT_THREADS)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
