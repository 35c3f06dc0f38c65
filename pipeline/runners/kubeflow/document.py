"""The pipeline document of Kubeflow Pipelines: specification 2.1.0 and what Kubernetes is asked for, as one YAML text.

Written by kfp's own compiler from components that are made for each node. Kubeflow's cache stays off: what changes an
answer here is not in its key, and a hit would publish nothing.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from pipeline import ir as ir_documents
from pipeline.aws_settings import ResourceLine
from pipeline.errors import ConfigError
from pipeline.jobs import Gate, Join, Parameter, RunId
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.runners.base import Capabilities, Document
from pipeline.runners.compiling import expressible_ir, planned_document
from pipeline.runners.kubeflow.platform import equip, equip_node
from pipeline.runners.kubeflow.tasks import EXECUTOR_INPUT, NOTIFIER, Task, TaskPlan, plan_rest_of_tasks, plan_tasks

if TYPE_CHECKING:
    from pipeline.config import Config

NAME = "kubeflow"
CAPABILITIES = Capabilities(
    conditionals=True, runtime_parameters=True, runs_here=False, continues_when_told=True, schedules=True
)

TASK = ("python", "-m", "pipeline.kubeflow_task")
FAREWELL = ("python", "-m", "pipeline.kubeflow_task.farewell")

MAX_DOCUMENT_BYTES = 2**20
"""A workflow, which holds the document, has to fit in etcd with room for what becomes of its tasks."""

_TYPES = {"STRING": str, "INT": int, "DOUBLE": float}


def compile_document(dsl_pipeline: Any, config: "Config") -> Document:
    """The document, and the one that goes on after an approval.

    Raises:
      UnsupportedByRunner: listing every node that the runner cannot express.
      ConfigError: listing every node whose task would be refused, and why.
    """
    ir_text = expressible_ir(NAME, CAPABILITIES, dsl_pipeline)
    return document_of(ir_text, config)


def document_of(ir_text: str, config: "Config") -> Document:
    """The document of an IR.

    Raises:
      ConfigError: as `compile_document`.
    """
    rest = plan_rest_of_tasks(ir_text, config)
    continuation = None if rest is None else _document(rest, ir_text, config.on_kubeflow, None)
    return _document(plan_tasks(ir_text, config), ir_text, config.on_kubeflow, continuation)


def _document(plan: TaskPlan, ir_text: str, settings: KubeflowSettings, continuation: Document | None) -> Document:
    text = render(plan, settings)
    if len(text.encode()) > MAX_DOCUMENT_BYTES:
        raise ConfigError(
            [
                f"The document for runner '{NAME}' has {len(text.encode()):,} bytes for {len(plan.tasks)} nodes, at "
                f"most {MAX_DOCUMENT_BYTES:,} fit. Shorten kubeflow.environment and kubeflow.labels, which every task "
                "has, or leave nodes out."
            ]
        )
    made = planned_document(NAME, plan, ir_text, text, continuation)
    return dataclasses.replace(made, warnings=plan.warnings)


def placed(config: "Config") -> "Config":
    """The configuration as runs on Kubeflow have it: everything at `kubeflow.root`.

    Raises:
      ConfigError: there is no section `kubeflow`.
    """
    return config.at(config.on_kubeflow.root)


def metadata_of(config: "Config") -> str:
    """The lineage store that pods write to."""
    return config.on_kubeflow.metadata


def render(plan: TaskPlan, settings: KubeflowSettings) -> str:
    """The document's text; the same plan gives the same bytes.

    As kfp's compiler writes it but for the comments above, into which that copies defaults as they are: whatever
    follows a line's end in one would be taken for a part of the document.
    """
    import yaml
    from google.protobuf import json_format

    with _settings_made_quickly():
        made = _Writer(plan, settings).pipeline()
    parts = [json_format.MessageToDict(part) for part in (made.pipeline_spec, made.platform_spec)]
    return str(yaml.dump_all([part for part in parts if part], Dumper=yaml.CSafeDumper, sort_keys=True))


@contextmanager
def _settings_made_quickly() -> Iterator[None]:
    """Keeps kfp 2.16 from reading the whole call stack at each setting of a task: with TFX loaded, most of the time.

    It looks there for a word of an error about tasks without a container, of which a plan has none.
    """
    from kfp.dsl.pipeline_task import PipelineTask

    check = PipelineTask._ensure_container_spec_exists
    PipelineTask._ensure_container_spec_exists = lambda _task: None
    try:
        yield
    finally:
        PipelineTask._ensure_container_spec_exists = check


class _Writer:
    """Says a plan in kfp's terms; what kfp reads off a Python function's signature, it is given as one."""

    def __init__(self, plan: TaskPlan, settings: KubeflowSettings) -> None:
        self._plan, self._settings = plan, settings
        self._values: Mapping[str, Any] = {}
        self._made: dict[str, Any] = {}

    def pipeline(self) -> Any:
        from kfp import dsl

        given = [_input(parameter) for parameter in self._plan.parameters]
        given.sort(key=lambda parameter: parameter.default is not inspect.Parameter.empty)
        return dsl.pipeline(name=self._plan.pipeline_name)(_function(self._plan.pipeline_name, given, self._body))

    def _body(self, values: Mapping[str, Any]) -> None:
        from kfp import dsl

        self._values = values
        with nullcontext() if self._plan.notifier is None else dsl.ExitHandler(self._farewell(self._plan.notifier)):
            self._write(self._plan.tasks, 0)

    def _write(self, tasks: Sequence[Task], depth: int) -> None:
        """Tasks behind the same `depth` gates; those behind one more are in that condition's group."""
        from kfp import dsl

        begun: set[str] = set()
        for task in tasks:
            if len(task.gates) == depth:
                self._made[task.name] = self._task(task)
            elif (gate := task.gates[depth]).name not in begun:
                begun.add(gate.name)
                with dsl.If(self._decision(gate) == gate.value, name=gate.name):
                    self._write([other for other in tasks if gate in other.gates], depth + 1)

    def _decision(self, gate: Gate) -> Any:
        decider = next(task for task in self._plan.tasks if task.name == gate.job)
        return self._made[gate.job].outputs[decider.decides[gate.node_id]]

    def _task(self, task: Task) -> Any:
        given = {name: value for name, value in self._values.items() if Parameter(name) != self._plan.run_id}
        made = self._component(task)(run_id=self._run_id, **given)
        made.set_display_name(task.node_id).set_caching_options(False)
        equip_node(made, task.node_id, task.line, self._settings)
        return made.after(*(self._made[name] for name in task.depends_on))

    @property
    def _run_id(self) -> Any:
        from kfp import dsl

        return (
            dsl.PIPELINE_JOB_ID_PLACEHOLDER
            if isinstance(self._plan.run_id, RunId)
            else self._values[self._plan.run_id.name]
        )

    def _component(self, task: Task) -> Any:
        from kfp import dsl

        inputs = [_named("run_id", str)]
        inputs += [
            _named(each.name, _TYPES[each.type])
            for each in self._plan.parameters
            if Parameter(each.name) != self._plan.run_id
        ]
        outputs = [_named(output, dsl.OutputPath(str)) for output in task.decides.values()]
        outputs += [_named(name, dsl.Output[getattr(dsl, kind)]) for name, kind in task.shows.items()]

        def container(values: Mapping[str, Any]) -> Any:
            words = [_text(word, values) for word in task.words]
            for node_id, output in task.decides.items():
                words += ["--answer", f"{node_id}={values[output]}"]
            for name in task.shows:
                words += ["--show", f"{name}={values[name].path}"]
            return dsl.ContainerSpec(image=self._settings.image, command=list(TASK), args=words)

        return dsl.container_component(_function(task.name, [*inputs, *outputs], container))

    def _farewell(self, line: ResourceLine) -> Any:
        """The task that is run last, whatever became of the others."""
        from kfp import dsl

        def container(values: Mapping[str, Any]) -> Any:
            words = ["--pipeline", self._plan.pipeline_name, "--run-id", values["run_id"], "--status", values["status"]]
            words += ["--url-from", self._settings.notify_variable]
            words += ["--ir", self._plan.ir_location, "--root", self._settings.root]
            words += ["--executor-input", EXECUTOR_INPUT, "--show", f"report={values['report'].path}"]
            return dsl.ContainerSpec(image=self._settings.image, command=list(FAREWELL), args=words)

        given = [_named("run_id", str), _named("status", dsl.PipelineTaskFinalStatus)]
        given.append(_named("report", dsl.Output[dsl.HTML]))
        made = dsl.container_component(_function(NOTIFIER, given, container))(run_id=self._run_id)
        made.set_caching_options(False)
        equip(made, line, self._settings)
        return made


def _text(word: Any, values: Mapping[str, Any]) -> Any:
    """A word with its symbols as kfp's placeholders."""
    if isinstance(word, RunId):
        return values["run_id"]
    if isinstance(word, Parameter):
        return values[word.name] if word.name in values else values["run_id"]
    if isinstance(word, Join):
        return "".join(str(_text(part, values)) for part in word.parts)
    return word


def _input(parameter: ir_documents.RuntimeParameter) -> inspect.Parameter:
    default = inspect.Parameter.empty if parameter.default is None else parameter.default
    return _named(parameter.name, _TYPES[parameter.type], default)


def _named(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation, default=default)


def _function(name: str, given: Sequence[inspect.Parameter], body: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A function that kfp takes for one written by hand, with this name and these parameters."""
    signature = inspect.Signature(list(given))

    def called(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return body(bound.arguments)

    called.__name__ = name
    called.__signature__ = signature  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in given}
    return called
