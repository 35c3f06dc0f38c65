"""Where SageMaker and Kubernetes look for what a job has to say: consoles, `describe` calls and events show it.

A processing job's `/opt/ml/output/message` becomes its ExitMessage, a training job's `/opt/ml/output/failure` its
FailureReason. Source: "Build your own processing container" and "How Amazon SageMaker runs your training image" in the
Amazon SageMaker Developer Guide; the first kilobyte counts, and has to be UTF-8. What a container leaves in
`/dev/termination-log`, which Kubernetes puts there, becomes its termination message ("Determine the Reason for Pod
Failure" in Kubernetes' documentation), of which Kubeflow Pipelines itself shows nothing but the pod does.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

MOST_BYTES = 1024

_CUT = "…"

TERMINATION_LOG_VARIABLE = "PENSTOCK_TERMINATION_LOG"
"""Names the file for pods whose `terminationMessagePath` is another."""

_TERMINATION_LOG = "/dev/termination-log"


def tell_failure(text: str, job_folder: Path) -> None:
    """Leaves the reason of a failure where the platform looks for it: in a job (`/opt/ml` is there), or in a pod."""
    _write(text, job_folder, ("failure", "message"))
    _tell_kubernetes(text, os.environ)


def tell(text: str, job_folder: Path) -> None:
    """Leaves word of something that is no failure where the platform looks for it, if this is a job."""
    _write(text, job_folder, ("message",))


def _write(text: str, job_folder: Path, names: tuple[str, ...]) -> None:
    if not job_folder.is_dir():
        return
    content = shortened(text)
    try:
        (job_folder / "output").mkdir(exist_ok=True)
        for name in names:
            (job_folder / "output" / name).write_bytes(content)
    except OSError as error:  # what happened is in the log too, and must not be hidden by this
        sys.stderr.write(f"{job_folder / 'output'}: nothing could be left there for the platform: {error.strerror}\n")


def _tell_kubernetes(text: str, environ: Mapping[str, str]) -> None:
    path = Path(environ.get(TERMINATION_LOG_VARIABLE, _TERMINATION_LOG))
    if not path.is_file():
        return
    try:
        path.write_bytes(shortened(text))
    except OSError as error:
        sys.stderr.write(f"{path}: nothing could be left there for Kubernetes: {error.strerror}\n")


def shortened(text: str) -> bytes:
    """The text as at most a kilobyte of UTF-8, cut between characters, with a mark where it was cut.

    >>> len(shortened("ü" * 600)), shortened("ü" * 600)[-5:].decode()
    (1023, 'ü…')
    """
    content = text.encode("utf-8", errors="replace")
    if len(content) <= MOST_BYTES:
        return content
    room = MOST_BYTES - len(_CUT.encode())
    return content[:room].decode("utf-8", errors="ignore").encode() + _CUT.encode()
