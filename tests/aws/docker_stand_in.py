"""A stand-in for `docker` that is enough for SageMaker's Local Mode: every container is a process of this machine.

The folder `$STAND_IN` says what there is, and keeps what happened:

    images.json      image → {"path", "workdir", "environment", "warm": a socket of warm_containers.py, or null}
    jobs/NAME.json   one container each: the words, process ids of it and of this program (which SIGTERM stops), times,
                     exit code, and what it left for the platform
    jobs/NAME.log    what it printed

NAME is the job's, which whoever starts it hands on in the environment as STAND_IN_JOB; a container never sees it.
Containers of one job run beside each other until each has ended, a difference to `--abort-on-container-exit`.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import container
import yaml

_JOB, _CHECKPOINTS = "STAND_IN_JOB", "STAND_IN_CHECKPOINTS"
_CHECKPOINTS_IN_CONTAINER = "/opt/ml/checkpoints"
_OUTPUT_IN_CONTAINER = "/opt/ml/output"
_STOP_GRACE_S = 5
"""Seconds from SIGTERM to SIGKILL; SageMaker gives 30 to 120."""


def main(arguments: Sequence[str]) -> int:
    """The exit code of what Local Mode asks `docker` for."""
    match list(arguments):
        case ["compose", "version"]:
            print("Docker Compose version v2.29.0, a stand-in")
        case ["compose", "-f", path, "up", *_]:
            return _up(yaml.safe_load(Path(path).read_text())["services"])
        case ["images", "-q", name]:
            print("sha256:0" if name in _images() else "")
        case _:
            print(f"The stand-in for docker cannot do this: {' '.join(arguments)}", file=sys.stderr)
            return 125
    return 0


def _folder() -> Path:
    return Path(os.environ["STAND_IN"])


def _images() -> dict[str, Any]:
    return dict(json.loads((_folder() / "images.json").read_text()))


def _up(services: Mapping[str, Mapping[str, Any]]) -> int:
    """Runs the containers to their end; the exit code of the first that failed."""
    started = [Container(service) for service in services.values()]

    def stop(number: int, frame: object) -> None:
        del frame
        for one in started:
            one.signal(number)
        signal.alarm(_STOP_GRACE_S)

    def kill(number: int, frame: object) -> None:
        del number, frame
        for one in started:
            one.signal(signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, kill)
    return next((code for code in [one.wait() for one in started] if code), 0)


class Container:
    """One process and its record."""

    def __init__(self, service: Mapping[str, Any]) -> None:
        image = _images()[service["image"]]
        given = dict(item.split("=", 1) for item in service.get("environment") or [])
        self._name = given.pop(_JOB, service["container_name"])
        self._volumes = [tuple(volume.split(":")[:2]) for volume in service.get("volumes", [])]
        if checkpoints := given.pop(_CHECKPOINTS, None):
            self._volumes.append((checkpoints, _CHECKPOINTS_IN_CONTAINER))
        for source, _ in self._volumes:
            Path(source).mkdir(parents=True, exist_ok=True)
        environment = {"PATH": image["path"], "HOME": "/nonexistent", **image["environment"], **given}
        words = [*service["entrypoint"], *(service.get("command") or [])]
        request = {
            "words": words, "volumes": self._volumes, "environment": environment, "folder": image["workdir"],
        }  # fmt: skip
        self._record: dict[str, Any] = {
            "job": self._name, "words": words, "started": time.time(), "exit_code": None, "supervisor": os.getpid(),
        }  # fmt: skip
        self._log = self._place("log")
        with self._log.open("ab") as log:
            begin = _Warm if image["warm"] else _Fresh
            self._process = begin(request, image["warm"], log.fileno())
        self._record["pid"] = self._process.pid
        self._write()

    def signal(self, number: int) -> None:
        """Sends the container a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def wait(self) -> int:
        """The exit code as a shell has it, once the process has ended; prints what it printed."""
        code = self._process.wait()
        self._record |= {"ended": time.time(), "exit_code": code if code >= 0 else 128 - code, **self._left()}
        self._write()
        sys.stdout.write(self._log.read_text(errors="replace"))
        print(f"{self._name} exited with code {self._record['exit_code']}", flush=True)
        return int(self._record["exit_code"])

    def _left(self) -> dict[str, str]:
        """What the container left for the platform; not UTF-8 is a failed job there, and an error here."""
        folders = [Path(source) for source, target in self._volumes if target == _OUTPUT_IN_CONTAINER]
        found = {name: folder / name for folder in folders for name in ("message", "failure")}
        return {name: path.read_bytes()[:1024].decode() for name, path in found.items() if path.is_file()}

    def _place(self, ending: str) -> Path:
        return _folder() / "jobs" / f"{self._name}.{ending}"

    def _write(self) -> None:
        temporary = self._place("json.new")
        temporary.write_text(json.dumps(self._record))
        temporary.replace(self._place("json"))


class _Fresh:
    """A process as a container engine would start it."""

    def __init__(self, request: Mapping[str, Any], warm: None, output: int) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(output, 1)
            os.dup2(output, 2)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            container.run(request["words"], request["volumes"], request["environment"], request["folder"])

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class _Warm:
    """A fork of a process that has imported what jobs import (warm_containers.py)."""

    def __init__(self, request: Mapping[str, Any], warm: str, output: int) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(warm)
        text = f"{json.dumps(request)}\n".encode()
        sent = socket.send_fds(connection, [text], [output])
        connection.sendall(text[sent:])
        self._answers = connection.makefile("r")
        self.pid = int(self._answers.readline())

    def wait(self) -> int:
        return int(self._answers.readline())
