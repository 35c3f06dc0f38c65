"""From IR and configuration to the tasks of a run: one for each node, what it runs on and what it waits for. Pure."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from models.tabular_text.features import LabelKind
from pipeline import ir as ir_documents
from pipeline.aws_settings import DEFAULT_LINE, FALLBACK, ResourceLine
from pipeline.errors import ConfigError
from pipeline.jobs import RUN_ID_PARAMETER, Gate, Join, Parameter, RunId
from pipeline.jobs.gates import Gates
from pipeline.jobs.graph import JobGraph, Node
from pipeline.jobs.part import Part, parameter_name_problem, rest_of_run, whole_run
from pipeline.jobs.resources import line_of, sharing_problems
from pipeline.jobs.words import LaunchWords
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.launch.follower_job import FOLLOWERS
from pipeline.launch.packed_ir import pack
from pipeline.runners.kubeflow.checkpoints import lost_progress
from pipeline.runners.kubeflow.followers import followers_word
from pipeline.runners.kubeflow.texts import node_problem, value_problem

if TYPE_CHECKING:
    from pipeline.config import Config

MAX_NAME = 50
"""Characters of a task's name: Argo and Kubernetes put theirs before and after it, and a label has 63."""

MAX_PACKED = 2**18
"""Characters of the IR in all tasks together. A workflow of Argo's has to fit in etcd's 1.5 MB with all else in it."""

MAX_WORD = 96 * 1024
"""Characters of one word of a command; Linux takes 128 KiB."""

NOTIFIER = "notify"
"""The name of the task that is run last and tells how the run ended, and of its resource line."""

NOTIFIER_LINE = dataclasses.replace(FALLBACK, cpus=1, memory_gb=2, disk_gb=10, retries=0)
"""What that task runs on where its line says nothing: it makes a page of what nodes left, with the sample's run
in 180 MiB. The line `default` is for nodes, and may ask for much."""

_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])*")
_TAKEN = re.compile(rf"{NOTIFIER}|(?:condition|exit-handler)-\d+")
"""Names of what kfp makes of conditions and exit handlers, and of our own task."""

_PIPELINE_NAME = re.compile(r"(?=.{1,63}$)[a-z](?:-?[a-z0-9])*")
"""What kfp leaves as it is, of the names that configurations may give (pipeline/config.py)."""

SHOWN = {"card": "HTML", "links": "Markdown", "metrics": "Metrics"}
"""Outputs of every task that Kubeflow's UI draws (pipeline/kubeflow_task) → kfp's class."""

CLASSIFICATION = {"classification_metrics": "ClassificationMetrics"}
"""As well, of the Evaluator of a classifier."""

EXECUTOR_INPUT = "{{$}}"
"""What Kubeflow replaces by all that it knows of a task, and so of the file where it looks for artifacts' metadata; the
file's own placeholder, `{{$.outputs.output_file}}`, only kfp.local knows."""

_OWN_PARAMETERS = (RUN_ID_PARAMETER, "run_id", *SHOWN, *CLASSIFICATION)


@dataclasses.dataclass(frozen=True)
class Task:
    """A node as a task.

    Attributes:
      name: unique in the pipeline; small letters, digits and dashes.
      words: of the launcher's command line, with symbols.
      decides: nodes that this task decides about → the output that says what.
      shows: output for Kubeflow's UI → kfp's class of it.
      depends_on: names of the tasks that must have succeeded, as few as say the same.
      gates: what must have been decided too, outermost first.
      line: what it runs on.
    """

    name: str
    node_id: str
    words: tuple[Any, ...]
    decides: Mapping[str, str]
    shows: Mapping[str, str]
    depends_on: tuple[str, ...]
    gates: tuple[Gate, ...]
    line: ResourceLine


@dataclasses.dataclass(frozen=True)
class TaskPlan:
    """Everything to start for one run; tasks in topological order, parameters sorted by name.

    Attributes:
      notifier: what the task runs on that tells how the run ended; None if nobody is told.
      warnings: what will be done, and is hardly what somebody wants, a sentence each.
    """

    pipeline_name: str
    tasks: tuple[Task, ...]
    parameters: tuple[ir_documents.RuntimeParameter, ...]
    ir_location: str
    run_id: RunId | Parameter
    notifier: ResourceLine | None
    warnings: tuple[str, ...]

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The nodes, in an order in which they can run."""
        return tuple(task.node_id for task in self.tasks)


def plan_tasks(ir_text: str, config: "Config") -> TaskPlan:
    """The tasks of a whole run.

    Raises:
      ConfigError: listing every node whose task Kubeflow Pipelines or Kubernetes would refuse, and why.
    """
    return _Planner(ir_text, config, whole_run(ir_text)).plan()


def plan_rest_of_tasks(ir_text: str, config: "Config") -> TaskPlan | None:
    """The tasks from the approval of a model on, for the run that parameter `RunId` names; None if nothing approves.

    Raises:
      ConfigError: as `plan_tasks`.
    """
    part = rest_of_run(ir_text)
    return None if part is None else _Planner(ir_text, config, part).plan()


class _Planner:
    def __init__(self, ir_text: str, config: "Config", part: Part) -> None:
        self._config, self._parameters, self._suffix = config, part.parameters, part.suffix
        self._settings: KubeflowSettings = config.on_kubeflow
        self._pipeline_name: str = json.loads(ir_text)["pipelineInfo"]["id"]
        self._graph = JobGraph(part.nodes, shares_jobs=False)
        self._names = task_names(part.nodes)
        self._gates = Gates(self._graph, self._names, training_decides=True)
        self._ir_location = self._location(ir_text, len(part.nodes))
        self._regresses = _is_regression(ir_text)
        self._words = LaunchWords(
            self._ir_location, self._settings.metadata, part.run_id, part.parameters, config.caching
        )

    def _location(self, ir_text: str, tasks: int) -> str:
        packed = pack(ir_text)
        if len(packed) * tasks <= MAX_PACKED and len(packed) <= MAX_WORD:
            return packed
        return f"{self._settings.root}/ir/{ir_documents.digest(ir_text)}.json"

    def plan(self) -> TaskPlan:
        problems = [*self._name_problems(), *self._parameter_problems(), *self._line_problems()]
        if problems:
            raise ConfigError(problems)
        return TaskPlan(
            pipeline_name=f"{self._pipeline_name}{self._suffix}",
            tasks=tuple(self._task(node_id) for node_id in self._graph.order),
            parameters=tuple(sorted(self._parameters, key=lambda parameter: parameter.name)),
            ir_location=self._ir_location,
            run_id=self._words.run_id,
            notifier=self._notifier_line(),
            warnings=tuple(self._warnings()),
        )

    def _name_problems(self) -> Iterator[str]:
        if not _PIPELINE_NAME.fullmatch(self._pipeline_name):
            yield (
                f"Pipeline {self._pipeline_name!r}: Kubeflow Pipelines would call it otherwise. Give it a name of 1 to "
                "63 small letters, digits and single dashes, a letter first, no dash last."
            )
        for node_id in self._graph.nodes:
            if problem := node_problem(node_id):
                yield f"Node {node_id!r}: its id {problem}. Rename it."

    def _parameter_problems(self) -> Iterator[str]:
        for parameter in self._parameters:
            if problem := parameter_name_problem(parameter):
                yield problem
            elif parameter.name in _OWN_PARAMETERS and Parameter(parameter.name) != self._words.run_id:
                yield f"Runtime parameter '{parameter.name}': tasks have an input or output of this name. Rename it."
            if problem := value_problem(parameter.default):
                yield f"Runtime parameter '{parameter.name}': its default {parameter.default!r} {problem}. Change it."

    def _line_problems(self) -> Iterator[str]:
        lines = self._config.resource_lines
        for node_id, node in self._graph.nodes.items():
            line, own = self._line(node_id), lines.get(node_id, ResourceLine())
            found = (*line_problems(line, self._settings), *sharing_problems(line, own, node, self._config.training))
            for problem in found:
                yield f"Node '{node_id}' (resources.{node_id if node_id in lines else DEFAULT_LINE}): {problem}"
        if (last := self._notifier_line()) is not None:
            for problem in notifier_problems(last, self._settings):
                yield f"The last task (resources.{NOTIFIER}): {problem}"

    def _warnings(self) -> Iterator[str]:
        for node_id, node in self._graph.nodes.items():
            if told := lost_progress(node, self._line(node_id), self._settings):
                yield told

    def _notifier_line(self) -> ResourceLine | None:
        if self._settings.notify_variable is None:
            return None
        return self._config.resource_lines.get(NOTIFIER, ResourceLine()).over(NOTIFIER_LINE)

    def _line(self, node_id: str) -> ResourceLine:
        return line_of(self._graph.nodes[node_id], self._config.resource_lines)

    def _task(self, node_id: str) -> Task:
        decided = list(self._gates.decided_by(node_id))
        if self._graph.nodes[node_id].approves:
            decided.append(node_id)
        words = [*self._words.of((node_id,)), "--root", self._settings.root]
        if self._graph.nodes[node_id].approves:
            place = (f"{self._settings.root}/decisions/", self._words.run_id, f"/{self._names[node_id]}")
            words += ["--decisions", Join(place)]
        if (line := self._line(node_id)).instances != 1:
            words += [FOLLOWERS, followers_word(node_id, line, self._settings)]
        words += ["--executor-input", EXECUTOR_INPUT]
        if self._settings.report_url is not None:
            words += ["--report-url", self._settings.report_url]
        return Task(
            name=self._names[node_id],
            node_id=node_id,
            words=tuple(words),
            decides={each: decision_output(self._names[each]) for each in decided},
            shows=SHOWN | CLASSIFICATION if self._classifies(node_id) else SHOWN,
            depends_on=tuple(self._names[above] for above in self._graph.reduced[node_id]),
            gates=self._gates.of(node_id),
            line=line,
        )

    def _classifies(self, node_id: str) -> bool:
        return self._graph.nodes[node_id].component == "Evaluator" and not self._regresses


def _is_regression(ir_text: str) -> bool:
    """True if the pipeline is known to predict a number; of an Evaluator that is not ours nothing is known."""
    try:
        spec = ir_documents.feature_spec(ir_text)
    except KeyError:
        return False
    return spec is not None and spec.label.kind is LabelKind.REGRESSION


def line_problems(line: ResourceLine, settings: KubeflowSettings) -> Iterator[str]:
    """What of a complete resource line no pod can have here."""
    if line.gpus and line.gpu_kind is not None and line.gpu_kind not in settings.accelerators:
        known = ", ".join(settings.accelerators) or "none"
        yield (
            f"gpu_kind is {line.gpu_kind}, and kubeflow.accelerators does not say which nodes have it (known: {known})."
        )
    if line.spot and settings.spot is None:
        yield "spot is true, and kubeflow.spot does not say which nodes may be taken away."
    if line.gpu_kind is not None and not line.gpus:
        yield f"gpu_kind is {line.gpu_kind} and gpus is 0: say how many."
    if (line.shm_gb or 0) >= (line.memory_gb or 0):
        yield f"shm_gb is {line.shm_gb} and memory_gb {line.memory_gb}: /dev/shm is taken from the memory."


def notifier_problems(line: ResourceLine, settings: KubeflowSettings) -> Iterator[str]:
    """What of a complete line the task cannot have that tells how a run ended."""
    yield from line_problems(line, settings)
    if line.instances != 1:
        yield f"instances is {line.instances}, and this task is one pod. Leave it out."


def task_names(node_ids: Mapping[str, Node]) -> dict[str, str]:
    """Node → its task's name, which Kubeflow Pipelines keeps as it is: each differs from all others.

    An id that is a name already stays; what had to be changed beyond its capitals ends in a few digits of its hash.
    """
    names: dict[str, str] = {}
    for node_id in node_ids:
        name = node_id.lower().replace("_", "-")
        if not _NAME.fullmatch(name) or _TAKEN.fullmatch(name) or len(name) > MAX_NAME or name in names.values():
            digest = hashlib.sha256(node_id.encode()).hexdigest()[:8]
            readable = re.sub(r"[^a-z0-9]+", "-", node_id.lower()).strip("-")[: MAX_NAME - 9].strip("-")
            name = f"{readable or 'node'}-{digest}"
        names[node_id] = name
    return names


def decision_output(task_name: str) -> str:
    """The output that says what was decided about the task of that name.

    >>> decision_output("model-approval")
    'decision_model_approval'
    """
    return f"decision_{task_name.replace('-', '_')}"
