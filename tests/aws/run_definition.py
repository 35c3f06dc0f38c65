"""A pipeline definition document, carried out by Amazon's own local executor of pipelines (SageMaker SDK v3).

    run_definition.py DEFINITION --bucket NAME --execution-id ID --report FILE [--param NAME=VALUE …]

Not our reading of the document: every step becomes an object of the SDK, its expressions the SDK's own, and the SDK
decides order and conditions, fills in expressions and starts jobs (local_jobs.py). The report is one JSON object:

    status, failure     of the execution
    steps               name → status, failure, outcome (of a condition), started, ended
    compiled            the document as the SDK itself would write it

Local executors run one step after the other, and know no retries; execution ids are the caller's here, so that a run
can be retried, which on the platform keeps its id.
"""

import argparse
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import local_jobs
from sagemaker.core.workflow import conditions, parameters
from sagemaker.core.workflow.execution_variables import ExecutionVariable
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.local import LocalPipelineSession, pipeline_entities
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import Step, StepTypeEnum

_PARAMETERS: dict[str, tuple[type, type]] = {
    "String": (parameters.ParameterString, str),
    "Integer": (parameters.ParameterInteger, int),
    "Float": (parameters.ParameterFloat, float),
    "Boolean": (parameters.ParameterBoolean, bool),
}


class JobStep(Step):
    """A step exactly as the document has it, its expressions made objects of the SDK."""

    def __init__(self, document: Mapping[str, Any], arguments: Any) -> None:
        super().__init__(
            document["Name"], step_type=StepTypeEnum(document["Type"]), depends_on=document.get("DependsOn")
        )
        self._request = {**document, "Arguments": arguments}
        self.property_files = [
            PropertyFile(item["PropertyFileName"], item["OutputName"], item["FilePath"])
            for item in document.get("PropertyFiles", ())
        ]

    @property
    def arguments(self) -> Any:
        """The request, with a name for each job that begins as the document says and goes on as the service has it."""
        arguments, key = self._request["Arguments"], f"{self._request['Type']}JobName"
        parts = [arguments[key], ExecutionVariable("PipelineExecutionId"), secrets.token_hex(5), "0"]
        return {**arguments, key: Join(on="-", values=parts)}

    @property
    def properties(self) -> None:
        """Nothing: our documents read no properties of jobs."""

    def to_request(self) -> dict[str, Any]:
        """The step for the SDK's own compiler."""
        return dict(self._request)


class Reader:
    """Makes the SDK's objects of a document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.parameters = {
            item["Name"]: _PARAMETERS[item["Type"]][0](item["Name"], item.get("DefaultValue"))
            for item in document["Parameters"]
        }

    def pipeline(self, name: str, session: Any) -> Pipeline:
        """The whole document as a pipeline."""
        steps = [self._step(item) for item in self._document["Steps"]]
        return Pipeline(name=name, parameters=list(self.parameters.values()), steps=steps, sagemaker_session=session)

    def value(self, text: str, name: str) -> Any:
        """A parameter's value of the type that the document gives it."""
        kinds = {item["Name"]: item["Type"] for item in self._document["Parameters"]}
        return _PARAMETERS[kinds[name]][1](text)

    def _step(self, item: Mapping[str, Any]) -> Step:
        if item["Type"] != "Condition":
            return JobStep(item, self._expression(item["Arguments"]))
        arguments = item["Arguments"]
        return ConditionStep(
            name=item["Name"],
            depends_on=item.get("DependsOn"),
            conditions=[self._condition(condition) for condition in arguments["Conditions"]],
            if_steps=[self._step(inner) for inner in arguments["IfSteps"]],
            else_steps=[self._step(inner) for inner in arguments["ElseSteps"]],
        )

    def _condition(self, item: Mapping[str, Any]) -> Any:
        makers: dict[str, Callable[..., Any]] = {"Equals": conditions.ConditionEquals}
        return makers[item["Type"]](self._expression(item["LeftValue"]), self._expression(item["RightValue"]))

    def _expression(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._expression(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Get": str(path)} if len(value) == 1:
                area, _, name = path.partition(".")
                return {"Parameters": self.parameters.get, "Execution": ExecutionVariable}[area](name)
            case {"Std:Join": {"On": on, "Values": values}}:
                return Join(on=on, values=self._expression(values))
            case {"Std:JsonGet": {"PropertyFile": {"Get": path}, "Path": json_path}}:
                _, step, _, file = path.split(".")
                return JsonGet(step_name=step, property_file=file, json_path=json_path)
        return {key: self._expression(item) for key, item in value.items()}


def main() -> None:
    """Carries the document out and writes the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("definition", type=Path)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--execution-id", required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--param", action="append", default=[])
    args = parser.parse_args()
    pipeline_entities._generate_execution_id = lambda: args.execution_id
    reader = Reader(json.loads(args.definition.read_text()))
    session = local_jobs.session(args.bucket, LocalPipelineSession)
    pipeline = reader.pipeline("document", session)
    session.create_pipeline(pipeline, "")
    given = dict(item.split("=", 1) for item in args.param)
    values = {name: reader.value(text, name) for name, text in given.items()}
    execution = session.start_pipeline_execution("document", PipelineParameters=values)
    told = execution.describe()
    report = {
        "status": told["PipelineExecutionStatus"],
        "failure": told.get("FailureReason"),
        "steps": {item["StepName"]: _told(item) for item in execution.list_steps()["PipelineExecutionSteps"]},
        "compiled": json.loads(pipeline.definition()),
    }
    args.report.write_text(json.dumps(report))


def _told(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": item["StepStatus"],
        "failure": item.get("FailureReason"),
        "outcome": ((item.get("Metadata") or {}).get("Condition") or {}).get("Outcome"),
        "started": item.get("StartTime"),
        "ended": item.get("EndTime"),
    }


if __name__ == "__main__":
    main()
