"""Containers for kfp's local executor: forks of a process that has imported what nodes import (tests/aws).

A pod is what its task's executor and its half of the platform's document say: environment, secrets as environment,
labels, time limit. Its volumes are folders of this machine at the same path. Each leaves NAME.json, NAME.log with what
it printed, and NAME.message with its last words, which Kubernetes takes from /dev/termination-log.
"""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import threading
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

GRACE_S = 5
"""Seconds from SIGTERM to SIGKILL; Kubernetes gives 30."""

TOO_LONG = "Pod was active on the node longer than the specified deadline"


@dataclasses.dataclass(frozen=True)
class Setting:
    """What there is around pods.

    Attributes:
      socket: where containers are asked for (tests/aws/warm_containers.py).
      environment: of the image.
      folder: that containers work in.
      secrets: name → key → value.
      hurry: how many seconds of the document pass in one of the test.
    """

    socket: str
    environment: Mapping[str, str]
    folder: str
    secrets: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    hurry: float = 1.0


@dataclasses.dataclass(frozen=True)
class PodTemplate:
    """What a document says of the pods of one task."""

    task: str
    run_id: str
    container: Mapping[str, Any]
    kubernetes: Mapping[str, Any]

    def environment(self, setting: Setting) -> dict[str, str]:
        """The image's, the task's, and what comes from secrets."""
        found = dict(setting.environment)
        found |= {item["name"]: item["value"] for item in self.container.get("env", ())}
        for secret in self.kubernetes.get("secretAsEnv", ()):
            name = secret.get("secretName") or secret["secretNameParameter"]["runtimeValue"]["constant"]
            found |= {each["envVar"]: setting.secrets[name][each["secretKey"]] for each in secret["keyToEnv"]}
        return found

    @property
    def labels(self) -> dict[str, str]:
        """The task's, and the one that Kubeflow Pipelines adds."""
        own: Mapping[str, str] = self.kubernetes.get("podMetadata", {}).get("labels", {})
        return {**own, "pipeline/runid": self.run_id}

    @property
    def limit_s(self) -> float | None:
        """Seconds after which Kubernetes ends the pod."""
        found = self.kubernetes.get("activeDeadlineSeconds")
        return None if found is None else float(found)


class Engine:
    """What `docker.from_env()` gives; whoever asks for a container has said before, in the same thread, for what."""

    def __init__(self, folder: Path, setting: Setting, images: Sequence[str]) -> None:
        self.setting, self.folder = setting, folder
        self.asked = threading.local()
        self.images = types.SimpleNamespace(list=lambda: [_image(name) for name in images])
        self.containers = types.SimpleNamespace(run=self._run)
        self._pods: list[Pod] = []
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def info(self) -> Mapping[str, Any]:
        """Nothing special."""
        return {"SecurityOptions": []}

    def close(self) -> None:
        """Nothing is open."""

    def _run(self, image: str, command: Sequence[str], **_: Any) -> "Pod":
        del image
        with self._lock:
            number = len(list(self.folder.glob("*.json"))) + 1
            template = self.asked.template
            pod = Pod(self.folder / f"{template.run_id}-{template.task}-{number}", list(command), self)
            self._pods.append(pod)
        return pod

    def end_all(self) -> None:
        """Ends what runs."""
        with self._lock:
            pods = list(self._pods)
        for pod in pods:
            pod.end()


def _image(name: str) -> Any:
    return types.SimpleNamespace(tags=[name], attrs={"RepoDigests": []})


class Pod:
    """One container; `path` is that of its files, less their endings."""

    def __init__(self, path: Path, words: list[str], engine: Engine) -> None:
        template: PodTemplate = engine.asked.template
        self._path = path
        self._message = path.with_suffix(".message")
        self._message.touch()
        scratch = path.with_suffix(".scratch")
        scratch.mkdir()
        environment = template.environment(engine.setting)
        environment |= {"PENSTOCK_SCRATCH": str(scratch), "PENSTOCK_TERMINATION_LOG": str(self._message)}
        self._record: dict[str, Any] = {
            "name": path.name, "task": template.task, "run_id": template.run_id, "labels": template.labels,
            "words": words, "started": time.time(), "exit_code": None, "reason": "",
        }  # fmt: skip
        self._start(engine.setting, environment)
        if template.limit_s is not None:
            self._limit = threading.Timer(template.limit_s / engine.setting.hurry, self.end, [TOO_LONG])
            self._limit.daemon = True
            self._limit.start()

    def _start(self, setting: Setting, environment: Mapping[str, str]) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(setting.socket)
        request = {"words": self._record["words"], "volumes": None, "environment": dict(environment)}
        text = f"{json.dumps({**request, 'folder': setting.folder})}\n".encode()
        with self._path.with_suffix(".log").open("ab") as log:
            sent = socket.send_fds(connection, [text], [log.fileno()])
            connection.sendall(text[sent:])
        self._answers = connection.makefile("r")
        self._record["pid"] = int(self._answers.readline())
        self._write()

    def end(self, reason: str = "") -> None:
        """Asks it to end, and does not ask again after the grace."""
        if self._record["exit_code"] is None:
            self._record["reason"] = reason
            self._signal(signal.SIGTERM)
            killer = threading.Timer(GRACE_S, self._signal, [signal.SIGKILL])
            killer.daemon = True
            killer.start()

    def _signal(self, number: int) -> None:
        if self._record["exit_code"] is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._record["pid"], number)

    def logs(self, *, stream: bool) -> Iterator[bytes]:
        """What it printed, once it has ended."""
        assert stream
        code = int(self._answers.readline())
        self._record |= {"ended": time.time(), "exit_code": code if code >= 0 else 128 - code}
        self._record["message"] = self._message.read_text()
        self._write()
        yield self._path.with_suffix(".log").read_bytes()

    def wait(self) -> Mapping[str, int]:
        """How it ended."""
        return {"StatusCode": self._record["exit_code"]}

    def _write(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(self._record))
        temporary.replace(self._path.with_suffix(".json"))
