"""What SageMaker knows of jobs beside running them: descriptions, logs in CloudWatch, stops, and faults of the service.

Files in the folder `$STAND_IN` by which tests say what shall happen, and by which they see that it did:

    jobs/NAME.interrupted   what kills this job's container is its spot capacity being taken back
    jobs/NAME.stopped       the job was asked to stop: its container got SIGTERM, and SIGKILL after the grace
    faults/NODE             a JSON list of error codes, one for each time that the start of the node's job is to fail
"""

import contextlib
import datetime
import json
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3

_KEPT = (
    "AppSpecification",
    "ProcessingResources",
    "ResourceConfig",
    "RoleArn",
    "StoppingCondition",
    "CheckpointConfig",
)
_MOST_LINES = 5000
_START_S = 60

_descriptions: dict[str, dict[str, Any]] = {}
_faults_lock = threading.Lock()


class ServiceFault(Exception):
    """The service did not start a job; `code` is that of its answer."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"{code}: the service could not start the job")


def _jobs() -> Path:
    return Path(os.environ["STAND_IN"]) / "jobs"


def interruption_of(job: str) -> Path:
    """The file by which a test says that what kills this job's container is its spot capacity being taken back."""
    return _jobs() / f"{job}.interrupted"


def is_stopped(job: str) -> bool:
    """True once the job was asked to stop."""
    return (_jobs() / f"{job}.stopped").exists()


def record_of(job: str) -> dict[str, Any]:
    """What the stand-in for docker has noted of the job's last container."""
    path = _jobs() / f"{job}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def nodes_of(request: Mapping[str, Any]) -> str:
    """The nodes that a job's request names."""
    part = request.get("AppSpecification") or request["AlgorithmSpecification"]
    words: Sequence[Any] = part["ContainerArguments"]
    return str(words[words.index("--nodes") + 1])


def take_fault(nodes: str) -> str | None:
    """The code with which the start of this job is to fail now, which counts it off; None if it is to work."""
    path = Path(os.environ["STAND_IN"]) / "faults" / nodes
    with _faults_lock:
        left = json.loads(path.read_text()) if path.exists() else []
        if left:
            path.write_text(json.dumps(left[1:]))
    return str(left[0]) if left else None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def begun(kind: str, name: str, request: Mapping[str, Any]) -> None:
    """Has the job described as under way."""
    where = f"arn:aws:sagemaker:{os.environ['AWS_REGION']}:123456789012:{kind.lower()}-job/{name}"
    kept = {key: request[key] for key in _KEPT if key in request}
    named = {f"{kind}JobName": name, f"{kind}JobArn": where, f"{kind}JobStatus": "InProgress"}
    _descriptions[name] = {**kept, **named, "CreationTime": _now(), f"{kind}StartTime": _now()}


def ended(kind: str, name: str, failure: Mapping[str, Any] | None) -> None:
    """Has the job described as over, and what it printed in CloudWatch."""
    _put_log(kind, name)
    state = "Stopped" if is_stopped(name) else "Failed" if failure else "Completed"
    told = failure or ({"ExitMessage": message} if (message := record_of(name).get("message")) else {})
    said = {key: told[key] for key in ("FailureReason", "ExitMessage") if key in told}
    _descriptions[name] |= {**said, f"{kind}JobStatus": state, f"{kind}EndTime": _now()}


def description_of(name: str) -> dict[str, Any] | None:
    """What Describe…Job answers; None if no such job was started here."""
    return _descriptions.get(name)


def _put_log(kind: str, name: str) -> None:
    path = _jobs() / f"{name}.log"
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    group, stream = f"/aws/sagemaker/{kind}Jobs", f"{name}/algo-1-{time.time_ns()}"
    logs = boto3.client("logs", region_name=os.environ["AWS_REGION"])
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines if line.strip()][-_MOST_LINES:]
    if events:
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def stop(name: str) -> None:
    """Asks the job to stop, as Stop…Job does; returns at once."""
    (_jobs() / f"{name}.stopped").touch()
    threading.Thread(target=_terminate, args=(name,), daemon=True).start()


def _terminate(name: str) -> None:
    """Passes the request on to what runs the containers, once there is any."""
    deadline = time.monotonic() + _START_S
    while not (record := record_of(name)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if record.get("exit_code") is None:
        with contextlib.suppress(KeyError, ProcessLookupError):
            os.kill(record["supervisor"], signal.SIGTERM)
