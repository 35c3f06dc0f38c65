"""Carries out a document for Kubeflow Pipelines with kfp's own local executor, its containers started by a stand-in.

    python tests/kubeflow/local_run.py DOCUMENT FOLDER --run-id ID [--param NAME=JSON]…

FOLDER/setting.json says what containers find: {"socket", "environment", "folder"} of warm_containers.py (tests/aws).
Each container leaves FOLDER/pods/N.json, and N.log with what it printed. Ends with 0 if the run succeeded, 1 if not.

Of what a cluster does, the executor leaves out environment, secrets, volumes, machines, retries, time limits and exit
handlers; the variables of the document are added here, the rest is tested in the document. It evaluates conditions on
outputs named `Output` only, so that is done here. Tasks run one after the other. A run's id is what the caller says, so
that the same run can be started again, as RetryRun does.
"""

import argparse
import json
import re
import socket
import sys
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
import yaml
from kfp import components, local
from kfp.local import placeholder_utils
from kfp.local.orchestrator import enhanced_dag_orchestrator

_CONDITION = re.compile(r"inputs\.parameter_values\['pipelinechannel--(?P<channel>[^']+)'\] == '(?P<value>[^']*)'")


class Engine:
    """What `docker.from_env()` gives."""

    def __init__(self, folder: Path, environments: Mapping[str, Mapping[str, str]]) -> None:
        self._folder = folder
        self._setting = json.loads((folder / "setting.json").read_text())
        self._environments = environments
        self.images = types.SimpleNamespace(list=self._images)
        self.containers = types.SimpleNamespace(run=self._run)

    def info(self) -> Mapping[str, Any]:
        """Nothing special."""
        return {"SecurityOptions": []}

    def close(self) -> None:
        """Nothing is open."""

    def _images(self) -> list[Any]:
        return [types.SimpleNamespace(tags=[image], attrs={"RepoDigests": []}) for image in self._environments]

    def _run(self, image: str, command: Sequence[str], **_: Any) -> "Pod":
        environment = {**self._setting["environment"], **self._environments[image]}
        return Pod(self._folder / "pods", list(command), environment, self._setting)


class Pod:
    """One container: a fork of a process that has imported what nodes import, in a namespace of its own."""

    def __init__(
        self, folder: Path, words: list[str], environment: Mapping[str, str], setting: Mapping[str, Any]
    ) -> None:
        folder.mkdir(exist_ok=True)
        self._path = folder / f"{len(list(folder.glob('*.json'))) + 1}.json"
        self._record: dict[str, Any] = {"words": words, "started": time.time()}
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(setting["socket"])
        request = {"words": words, "volumes": [], "environment": dict(environment), "folder": setting["folder"]}
        with self._path.with_suffix(".log").open("ab") as log:
            text = f"{json.dumps(request)}\n".encode()
            sent = socket.send_fds(connection, [text], [log.fileno()])
            connection.sendall(text[sent:])
        self._answers = connection.makefile("r")
        self._record["pid"] = int(self._answers.readline())
        self._path.write_text(json.dumps(self._record))

    def logs(self, *, stream: bool) -> Iterator[bytes]:
        """What it printed, once it has ended."""
        assert stream
        code = int(self._answers.readline())
        self._record |= {"ended": time.time(), "exit_code": code if code >= 0 else 128 - code}
        self._path.write_text(json.dumps(self._record))
        yield self._path.with_suffix(".log").read_bytes()

    def wait(self) -> Mapping[str, int]:
        """How it ended."""
        return {"StatusCode": self._record["exit_code"]}


def evaluated(condition: str, io_store: Any) -> bool:
    """What a cluster makes of a condition of ours: an output of a task beside it, compared with a text."""
    found = _CONDITION.fullmatch(condition)
    assert found is not None, condition
    channel = found["channel"]
    for end in range(len(channel)):
        if channel[end] != "-":
            continue
        try:
            return bool(io_store.get_task_output(channel[:end], channel[end + 1 :]) == found["value"])
        except ValueError:
            continue
    return bool(io_store.get_parent_input(f"pipelinechannel--{channel}") == found["value"])


def main() -> int:
    """Runs; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--param", action="append", default=[])
    args = parser.parse_args()
    text = args.document.read_text()
    executors = next(yaml.safe_load_all(text))["deploymentSpec"]["executors"].values()
    environments = {
        executor["container"]["image"]: {item["name"]: item["value"] for item in executor["container"].get("env", ())}
        for executor in executors
    }
    docker.from_env = lambda *_, **__: Engine(args.folder, environments)
    placeholder_utils.make_random_id = lambda: args.run_id
    enhanced_dag_orchestrator.ConditionEvaluator.evaluate_condition = staticmethod(evaluated)
    root = args.folder / f"outputs-{time.time_ns()}"
    local.init(runner=local.DockerRunner(), pipeline_root=str(root), raise_on_error=False)
    given = {name: json.loads(value) for name, _, value in (item.partition("=") for item in args.param)}
    components.load_component_from_text(text)(**given)
    pods = [json.loads(path.read_text()) for path in (args.folder / "pods").glob("*.json")]
    return int(any(pod["exit_code"] for pod in pods if pod["started"] * 1e9 > int(root.name.rpartition("-")[2])))


if __name__ == "__main__":
    sys.exit(main())
