"""A document against what Kubeflow Pipelines takes: its own protobufs, and rules of its API server and of Argo.

The rules are those that bit (docs/kubeflow.md says what they were read from); the server itself has the last word.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.runners.kubeflow.spec_tasks import on_kubernetes

_VERSION = "2.1.0"
_TASK_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_PARTS = 2

Dag = Mapping[str, Any]


def document_problems(text: str) -> list[str]:
    """What would be refused in a document, a sentence each with the task or executor named."""
    import yaml

    parts = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    if not 1 <= len(parts) <= _PARTS or not all(isinstance(part, dict) for part in parts):
        return [f"The document has {len(parts)} parts, expected a pipeline and what its platform gives it."]
    spec, platform = parts[0], parts[1] if len(parts) == _PARTS else {}
    if problems := [*_unreadable(spec, platform)]:
        return problems
    return [*_Spec(spec).problems(), *_platform_problems(spec, platform)]


def _unreadable(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> Iterator[str]:
    """What is in no protobuf of theirs, by the words of the parser, which name the place."""
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2
    from kfp.pipeline_spec import pipeline_spec_pb2

    messages = [("The pipeline", spec, pipeline_spec_pb2.PipelineSpec())]
    messages.append(("The platform's part", platform, pipeline_spec_pb2.PlatformSpec()))
    messages += [
        (f"What Kubernetes gives {label}", config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
        for label, config in on_kubernetes(platform).items()
    ]
    for what, value, message in messages:
        try:
            json_format.ParseDict(dict(value), message)
        except json_format.ParseError as error:
            yield f"{what}: {error}"


class _Spec:
    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._components = spec.get("components", {})
        self._executors = spec.get("deploymentSpec", {}).get("executors", {})

    def problems(self) -> Iterator[str]:
        if self._spec.get("schemaVersion") != _VERSION:
            yield f"schemaVersion is {self._spec.get('schemaVersion')!r}, and servers take {_VERSION} only."
        for label, executor in self._executors.items():
            if set(executor) != {"container"}:
                yield f"Executor '{label}' is {', '.join(executor) or 'empty'}, and servers run containers only."
            elif not executor["container"].get("image"):
                yield f"Executor '{label}' has no image."
        dags = {"the pipeline": self._spec.get("root", {})}
        dags |= {f"component '{name}'": component for name, component in self._components.items()}
        for where, component in dags.items():
            if "dag" in component:
                yield from self._dag_problems(where, component)
            elif component.get("executorLabel") not in self._executors:
                yield f"In {where}: there is no executor '{component.get('executorLabel')}'."

    def _dag_problems(self, where: str, component: Mapping[str, Any]) -> Iterator[str]:
        tasks = component["dag"].get("tasks", {})
        given = component.get("inputDefinitions", {}).get("parameters", {})
        for name, task in tasks.items():
            said = f"Task '{name}' of {where}"
            if not _TASK_NAME.fullmatch(name):
                yield f"{said}: the name has more than letters, digits and dashes, which Argo refuses."
            if task.get("componentRef", {}).get("name") not in self._components:
                yield f"{said}: there is no component '{task.get('componentRef', {}).get('name')}'."
            if task.get("cachingOptions", {}).get("enableCache"):
                yield f"{said}: it takes answers from Kubeflow's cache, whose key leaves out what changes an answer."
            missing = [other for other in task.get("dependentTasks", ()) if other not in tasks]
            yield from (f"{said}: it waits for '{other}', which is not there." for other in missing)
            yield from (f"{said}: {problem}" for problem in self._input_problems(task, tasks, given))

    def _input_problems(self, task: Mapping[str, Any], tasks: Dag, given: Mapping[str, Any]) -> Iterator[str]:
        takes = self._definitions(task, "inputDefinitions")
        values = task.get("inputs", {}).get("parameters", {})
        for name in sorted(set(takes) - set(values)):
            if not takes[name].get("isOptional"):
                yield f"it is not given its input '{name}'."
        for name, value in values.items():
            if name not in takes:
                yield f"it is given '{name}', which its component does not take."
            if (parent := value.get("componentInputParameter")) and parent not in given:
                yield f"its input '{name}' is '{parent}' of what it is in, which has no such input."
            if (output := value.get("taskOutputParameter")) is not None:
                yield from self._output_problems(name, output, tasks)

    def _output_problems(self, name: str, output: Mapping[str, str], tasks: Dag) -> Iterator[str]:
        producer, key = output["producerTask"], output["outputParameterKey"]
        if producer not in tasks:
            yield f"its input '{name}' is made by '{producer}', which is not there."
        elif key not in self._definitions(tasks[producer], "outputDefinitions"):
            yield f"its input '{name}' is output '{key}' of '{producer}', which has no such output."

    def _definitions(self, task: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
        component = self._components.get(task.get("componentRef", {}).get("name"), {})
        found: Mapping[str, Any] = component.get(kind, {}).get("parameters", {})
        return found


def _platform_problems(spec: Mapping[str, Any], platform: Mapping[str, Any]) -> Iterator[str]:
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    for label in on_kubernetes(platform):
        if label not in executors:
            yield f"What Kubernetes gives '{label}': there is no such executor."
