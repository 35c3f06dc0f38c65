"""Carries out a document for Kubeflow Pipelines with kfp's own local executor, its containers started by a stand-in.

What a cluster does and the executor does not is done here, from what the document says:

- tasks run beside each other, each as soon as those that it depends on have succeeded. After a failure nothing more is
  started and what runs is waited for, as Argo does (`failFast`, which Kubeflow Pipelines leaves on);
- conditions on the output of a task, whatever the output is called;
- retries with growing waits, time limits, environment, secrets, labels (pods.py);
- the task that runs when all others have ended;
- a run that is started again (`RetryRun`) goes on with the tasks that have not succeeded.

FOLDER of a run:  details.json, as the API server tells of tasks; done.json; pods/; run.log
"""

import concurrent.futures
import contextlib
import dataclasses
import datetime
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import yaml
from google.protobuf import json_format
from kfp import components, dsl, local
from kfp.local import io, placeholder_utils, status, task_dispatcher
from kfp.local.orchestrator import dag_orchestrator, enhanced_dag_orchestrator
from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils
from pods import Engine, PodTemplate, Setting

_CONDITION = re.compile(r"inputs\.parameter_values\['(?P<input>[^']+)'\] == '(?P<value>[^']*)'")
_AT_THE_END = 2  # PipelineTaskSpec.TriggerPolicy.ALL_UPSTREAM_TASKS_COMPLETED
_NEVER = "0001-01-01T00:00:00Z"
"""What the server says of a task that has not ended."""


@dataclasses.dataclass(frozen=True)
class Request:
    """A run to carry out: with these parameters, in this folder, among these surroundings."""

    document: str
    run_id: str
    parameters: Mapping[str, Any]
    folder: str
    setting: Mapping[str, Any]


class Details:
    """What the server tells of tasks; every change is in the file at once."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._found: list[dict[str, Any]] = []

    def begin(self, name: str, state: str = "RUNNING") -> dict[str, Any]:
        """A task that begins now."""
        detail = {"display_name": name, "state": state, "create_time": _now(), "start_time": _now()}
        with self._lock:
            self._found.append({**detail, "end_time": _NEVER if state == "RUNNING" else _now()})
            self._write()
            return self._found[-1]

    def leave_out(self, names: set[str]) -> None:
        """Tasks that are not started because one before them failed; the server has no word for their state."""
        with self._lock:
            names -= {detail["display_name"] for detail in self._found}
            self._found += [
                {"display_name": name, "create_time": _now(), "start_time": _now(), "end_time": _now()}
                for name in sorted(names)
            ]
            self._write()

    def end(self, detail: dict[str, Any], state: str) -> None:
        """The task ends so."""
        with self._lock:
            detail |= {"state": state, "end_time": _now()}
            self._write()

    def _write(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps({"task_details": self._found}))
        temporary.replace(self._path)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Run:
    """One run of a document."""

    def __init__(self, request: Request) -> None:
        self._request, folder = request, Path(request.folder)
        self._setting = Setting(**request.setting)
        parts = [part for part in yaml.safe_load_all(request.document) if part]
        self._executors = parts[0]["deploymentSpec"]["executors"]
        platforms = parts[1]["platforms"] if len(parts) > 1 else {}
        self._kubernetes = platforms.get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
        images = {executor["container"]["image"] for executor in self._executors.values()}
        self.engine = Engine(folder / "pods", self._setting, sorted(images))
        self.failed, self.stopping = threading.Event(), threading.Event()
        self.details = Details(folder / "details.json")
        self._done_path, self._lock = folder / "done.json", threading.Lock()
        self._done: dict[str, Any] = json.loads(self._done_path.read_text()) if self._done_path.exists() else {}

    def stop(self) -> None:
        """Starts nothing more and ends what runs."""
        self.stopping.set()
        self.engine.end_all()

    def dag(self, **given: Any) -> tuple[dict[str, Any], Any]:
        """Outputs and status of a group of tasks; the whole pipeline is one. Takes what kfp's own function takes."""
        spec = given.pop("dag_component_spec")
        store, tasks = io.IOStore(), dict(spec.dag.tasks)
        arguments = given.pop("dag_arguments")
        joined = OrchestratorUtils.join_user_inputs_and_defaults(arguments, spec.input_definitions)
        for name, value in joined.items():
            store.put_parent_input(name, value)
        last = {name for name, task in tasks.items() if task.trigger_policy.strategy == _AT_THE_END}
        waiting = {name: set(task.dependent_tasks) for name, task in tasks.items() if name not in last}
        self._carry_out(waiting, tasks, store, given)
        succeeded = not waiting
        self.details.leave_out({*waiting, *(f"{name}-driver" for name in waiting)})
        for name in last if not self.stopping.is_set() else ():
            succeeded &= self._farewell(name, tasks[name], succeeded, given)
        if not succeeded:
            given["fail_stack"].append("a task")
            return {}, status.Status.FAILURE
        return OrchestratorUtils.get_dag_outputs(spec.dag.outputs, store), status.Status.SUCCESS

    def _carry_out(self, waiting: dict[str, set[str]], tasks: Mapping[str, Any], store: Any, given: Any) -> None:
        """Runs the tasks; those that have not succeeded stay in `waiting`."""
        running: dict[Any, str] = {}
        ended: set[str] = set()
        with concurrent.futures.ThreadPoolExecutor(max(1, len(waiting))) as pool:
            while True:
                begun = set(running.values()) | ended
                ready = [name for name, needed in waiting.items() if needed <= ended and name not in begun]
                if not (self.failed.is_set() or self.stopping.is_set()):
                    running |= {pool.submit(self._task, name, tasks[name], store, given): name for name in ready}
                if not running:
                    break
                for future in concurrent.futures.wait(running, return_when="FIRST_COMPLETED").done:
                    name, outputs = running.pop(future), future.result()
                    if outputs is None:
                        self.failed.set()
                        continue
                    ended.add(name)
                    for key, value in outputs.items():
                        store.put_task_output(name, key, value)
        for name in ended:
            del waiting[name]

    def _task(self, name: str, task: Any, store: Any, given: Any) -> Mapping[str, Any] | None:
        """The task's outputs, None if it failed."""
        condition = task.trigger_policy.condition
        if condition and not holds(condition, OrchestratorUtils.make_task_arguments(task.inputs, store)):
            self.details.begin(name, "SKIPPED")
            return {}
        is_group = given["components"][task.component_ref.name].WhichOneof("implementation") == "dag"
        if (done := self._done.get(name)) is not None:
            self.details.begin(name, "SUCCEEDED")
            return dict(done)
        self.details.begin(f"{name}-driver", "SUCCEEDED")
        detail = self.details.begin(name)
        outputs = self._attempts(name, task, store, given)
        self.details.end(detail, "FAILED" if outputs is None else "SUCCEEDED")
        if outputs is not None and not is_group:
            with self._lock:
                self._done[name] = {key: value for key, value in outputs.items() if not isinstance(value, dsl.Artifact)}
                self._done_path.write_text(json.dumps(self._done))
        return outputs

    def _attempts(self, name: str, task: Any, store: Any, given: Any) -> Mapping[str, Any] | None:
        """The outputs of the first attempt that succeeds, of as many as the task's policy allows."""
        policy, began = json_format.MessageToDict(task.retry_policy), time.monotonic()
        for attempt in range(int(policy.get("maxRetryCount", 0)) + 1):
            if attempt:
                self.stopping.wait(wait_s(policy, attempt) / self._setting.hurry)
            if self.stopping.is_set() or (attempt and time.monotonic() - began > self._window_s(policy)):
                return None
            self.engine.asked.template = self._template(name, given["components"][task.component_ref.name])
            outputs, state = enhanced_dag_orchestrator.execute_task(
                task_name=name, task_spec=task, io_store=store, **given
            )
            if state == status.Status.SUCCESS:
                return dict(outputs)
        return None

    def _window_s(self, policy: Mapping[str, Any]) -> float:
        """Seconds after the first attempt's start in which Argo begins another."""
        return float(policy["backoffMaxDuration"].removesuffix("s")) / self._setting.hurry

    def _template(self, name: str, component: Any) -> PodTemplate:
        label = component.executor_label
        container = self._executors[label]["container"] if label else {}
        return PodTemplate(name, self._request.run_id, container, self._kubernetes.get(label, {}))

    def _farewell(self, name: str, task: Any, succeeded: bool, given: Any) -> bool:
        """Runs the task that is told how the others ended; true if it succeeded."""
        component = given["components"][task.component_ref.name]
        arguments: dict[str, Any] = {}
        for key, value in task.inputs.parameters.items():
            if value.HasField("task_final_status"):
                arguments[key] = {"state": "SUCCEEDED" if succeeded else "FAILED", "error": {}}
            else:
                arguments[key] = value.runtime_value.constant.string_value
        self.engine.asked.template = self._template(name, component)
        _, state = task_dispatcher.run_single_task_implementation(
            component_name=task.component_ref.name, component_spec=component, arguments=arguments,
            executor_spec=given["executors"][component.executor_label], raise_on_error=False,
            block_input_artifact=False,
            **{key: given[key] for key in ("pipeline_resource_name", "pipeline_root", "runner", "unique_pipeline_id")},
        )  # fmt: skip
        return bool(state == status.Status.SUCCESS)


def holds(condition: str, arguments: Mapping[str, Any]) -> bool:
    """What a cluster makes of a condition of ours: an input of the group, compared with a text."""
    found = _CONDITION.fullmatch(condition)
    assert found is not None, condition
    return bool(arguments[found["input"]] == found["value"])


def wait_s(policy: Mapping[str, Any], attempt: int) -> float:
    """Seconds before an attempt, the first retry being attempt 1."""
    return float(policy["backoffDuration"].removesuffix("s")) * float(policy["backoffFactor"]) ** (attempt - 1)


def carry_out(request: Request) -> int:
    """Carries the run out in this process, which does nothing else; 0 if it succeeded, else 1."""
    folder = Path(request.folder)
    folder.mkdir(parents=True, exist_ok=True)
    output = os.open(folder / "run.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    run = Run(request)
    signal.signal(signal.SIGTERM, lambda *_: run.stop())
    docker.from_env = lambda *_, **__: run.engine
    placeholder_utils.make_random_id = lambda: request.run_id
    enhanced_dag_orchestrator.run_enhanced_dag = dag_orchestrator.run_dag = run.dag
    local.init(runner=local.DockerRunner(), pipeline_root=str(folder / "outputs"), raise_on_error=True)
    try:
        components.load_component_from_text(request.document)(**request.parameters)
    except RuntimeError as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
    return 0
