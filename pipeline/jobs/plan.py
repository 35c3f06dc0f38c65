"""From IR and configuration to the jobs of a run: which nodes share one, what it runs on, what it waits for."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline import ir as ir_documents
from pipeline.aws_settings import DEFAULT_LINE, AwsSettings, ResourceLine
from pipeline.errors import ConfigError
from pipeline.jobs.gates import Gates
from pipeline.jobs.graph import JobGraph
from pipeline.jobs.limits import MAX_JOB_NAME, MAX_NAME, UNIQUE_LENGTH, plan_problems
from pipeline.jobs.part import RUN_ID_PARAMETER, Part, parameter_name_problem, rest_of_run, whole_run
from pipeline.jobs.request import JobPlan, JobRequest, Join, RunId
from pipeline.jobs.requests import JobParts, processing_request, training_request
from pipeline.jobs.resources import line_of, line_problems, sharing_problems
from pipeline.jobs.words import LaunchWords

if TYPE_CHECKING:
    from pipeline.config import Config

_RUN_ID_INPUT = "run_id"
"""The run's id in the input of a state machine."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def plan_jobs(ir_text: str, config: "Config") -> JobPlan:
    """The jobs of a whole run.

    Raises:
      ConfigError: listing every node whose job a platform would refuse, and why.
    """
    return _Planner(ir_text, config, whole_run(ir_text)).plan()


def plan_rest(ir_text: str, config: "Config") -> JobPlan | None:
    """The jobs from the approval of a model on, for the run that parameter `RunId` names; None if nothing approves.

    Raises:
      ConfigError: as `plan_jobs`.
    """
    part = rest_of_run(ir_text)
    return None if part is None else _Planner(ir_text, config, part).plan()


class _Planner:
    def __init__(self, ir_text: str, config: "Config", part: Part) -> None:
        self._ir_text, self._config, self._suffix = ir_text, config, part.suffix
        self._run_id, self._parameters = part.run_id, part.parameters
        self._aws: AwsSettings = config.on_aws
        self._pipeline_name: str = json.loads(ir_text)["pipelineInfo"]["id"]
        self._graph = JobGraph(part.nodes)
        self._names = {lead: step_name(lead) for lead in self._graph.jobs}
        self._gates = Gates(self._graph, self._names)

    def plan(self) -> JobPlan:
        problems = [*self._name_problems(), *self._resource_problems()]
        if problems:
            raise ConfigError(problems)
        plan = JobPlan(
            pipeline_name=f"{self._pipeline_name}{self._suffix}",
            jobs=tuple(self._job(lead) for lead in self._graph.order),
            parameters=tuple(sorted(self._parameters, key=lambda parameter: parameter.name)),
            ir_uri=f"{self._aws.root}/ir/{ir_documents.digest(self._ir_text)}.json",
            decisions_uri=f"{self._aws.root}/decisions",
        )
        if problems := plan_problems(plan):
            raise ConfigError(problems)
        return plan

    def _name_problems(self) -> Iterator[str]:
        first: dict[str, str] = {}
        for lead, name in self._names.items():
            if len(name) > MAX_NAME or not name:
                yield f"Node '{lead}': its job's name {name!r} has {len(name)} characters, {MAX_NAME} fit. Rename it."
            if first.setdefault(name, lead) != lead:
                yield f"Nodes '{first[name]}' and '{lead}' would both have jobs named {name!r}. Rename one of them."
        for gate in self._gates.accepted.values():
            if gate.name in first:
                yield f"Node '{first[gate.name]}': the step that decides on '{gate.node_id}' has this name. Rename it."
            if not _KEY.fullmatch(gate.node_id):
                yield (
                    f"Node '{gate.node_id}': the platform reads the decision about it by its id, which may have only "
                    "letters, digits and underscores, a letter first. Rename it."
                )
        yield from filter(None, map(parameter_name_problem, self._parameters))
        names = [parameter.name for parameter in self._parameters]
        taken = (*([RUN_ID_PARAMETER] if isinstance(self._run_id, RunId) else []), _RUN_ID_INPUT)
        for name in taken:
            if name in names:
                yield f"Runtime parameter '{name}': the run's own id has this name. Rename it."

    def _resource_problems(self) -> Iterator[str]:
        lines = self._config.resource_lines
        for lead in self._graph.jobs:
            own, node, line = lines.get(lead, ResourceLine()), self._graph.nodes[lead], self._line(lead)
            found = (*line_problems(line, own, node.kind), *sharing_problems(line, own, node, self._config.training))
            for problem in found:
                where = lead if lead in lines else DEFAULT_LINE
                yield f"Node '{lead}' (resources.{where}): {problem}"

    def _line(self, lead: str) -> ResourceLine:
        return line_of(self._graph.nodes[lead], self._config.resource_lines)

    def _job(self, lead: str) -> JobRequest:
        node, members, line = self._graph.nodes[lead], self._graph.jobs[lead], self._line(lead)
        approver = next((node_id for node_id in members if self._graph.nodes[node_id].approves), None)
        decided = self._gates.decided_by(lead)
        parts = JobParts(
            aws=self._aws,
            line=line,
            words=tuple(self._words(members, decided)),
            pipeline_name=self._pipeline_name,
            node_id=lead,
            decisions=self._place("decisions", lead) if decided or approver else None,
            checkpoints=self._place("checkpoints", lead),
        )
        return JobRequest(
            name=self._names[lead],
            node_ids=members,
            lead=lead,
            kind=node.kind,
            request=training_request(parts) if node.trains else processing_request(parts),
            name_base=job_name_base(self._aws.job_prefix, self._names[lead]),
            depends_on=tuple(self._names[job] for job in self._graph.reduced[lead]),
            gates=self._gates.of(lead),
            awaits_approval=approver,
            timeout_s=parts.wait_s if node.trains else line.timeout_s or 0,
            retries=line.retries or 0,
        )

    def _place(self, kind: str, lead: str) -> Join:
        return Join((f"{self._aws.root}/{kind}/", self._run_id, f"/{self._names[lead]}"))

    def _words(self, members: tuple[str, ...], decided: tuple[str, ...]) -> Iterator[Any]:
        ir_uri = f"{self._aws.root}/ir/{ir_documents.digest(self._ir_text)}.json"
        words = LaunchWords(ir_uri, self._aws.metadata, self._run_id, self._parameters, self._config.caching)
        yield from words.of(members)
        for node_id in decided:
            yield from ("--decide", node_id)


def step_name(node_id: str) -> str:
    """The node's id in letters, digits and single dashes, which every platform takes as a name.

    >>> step_name("latest_blessed_model")
    'latest-blessed-model'
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", node_id).strip("-")


def job_name_base(prefix: str, name: str) -> str:
    """How a job's name begins: what is too long is cut, and ends with a few digits of its hash.

    >>> job_name_base("penstock", "Trainer")
    'penstock-Trainer'
    >>> len(job_name_base("penstock", "latest-approved-attributions"))
    26
    """
    room = MAX_JOB_NAME - UNIQUE_LENGTH - 1 - len(prefix) - 1
    if len(name) > room:
        digest = hashlib.sha256(name.encode()).hexdigest()[:4]
        name = f"{name[: room - 5].rstrip('-')}-{digest}" if room > 5 else digest
    return f"{prefix}-{name}"
