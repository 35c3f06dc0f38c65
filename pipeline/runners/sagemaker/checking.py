"""A pipeline definition against what SageMaker takes: each step's request, and how steps refer to each other."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.runners.service_model import Later, operation_problems, require_models

_OPERATIONS = {"Processing": "CreateProcessingJob", "Training": "CreateTrainingJob"}
_STEP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PARAMETER_TYPES = {"String": str, "Integer": int, "Float": float, "Boolean": bool}
_EXECUTION = ("PipelineExecutionId", "PipelineExecutionArn", "PipelineName", "PipelineArn", "StartDateTime")

Step = Mapping[str, Any]


def definition_problems(text: str) -> list[str]:
    """What SageMaker would refuse in a definition, a sentence each with the step named.

    Raises:
      CannotCheck: botocore is not installed.
    """
    require_models()
    return list(_Definition(json.loads(text)).problems())


class _Definition:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._steps = list(_all_steps(document["Steps"]))
        self._types = {item["Name"]: _PARAMETER_TYPES.get(item["Type"]) for item in document.get("Parameters", ())}

    def problems(self) -> Iterator[str]:
        if self._document.get("Version") != "2020-12-01":
            yield f"Version is {self._document.get('Version')!r}, expected '2020-12-01'."
        yield from self._parameter_problems()
        yield from self._name_problems()
        for step in self._steps:
            yield from (f"Step '{step['Name']}': {problem}" for problem in self._step_problems(step))
        yield from self._order_problems()

    def _parameter_problems(self) -> Iterator[str]:
        for parameter in self._document.get("Parameters", ()):
            name, default = parameter["Name"], parameter.get("DefaultValue")
            expected = _PARAMETER_TYPES.get(parameter["Type"])
            if expected is None:
                yield f"Parameter '{name}' has type {parameter['Type']!r}, expected {', '.join(_PARAMETER_TYPES)}."
            elif default is not None and type(default) is not expected:
                yield f"Parameter '{name}' is of type {parameter['Type']}, its default is {default!r}."

    def _name_problems(self) -> Iterator[str]:
        names = [step["Name"] for step in self._steps]
        for name in dict.fromkeys(names):
            if not _STEP_NAME.fullmatch(name):
                yield f"Step '{name}': expected 1 to 64 letters, digits, dashes and underscores as its name."
            if names.count(name) > 1:
                yield f"Step '{name}': {names.count(name)} steps have this name."

    def _step_problems(self, step: Step) -> Iterator[str]:
        names = [other["Name"] for other in self._steps]
        for waited in step.get("DependsOn", ()):
            if waited not in names:
                yield f"DependsOn names '{waited}', and there is no such step."
        yield from (problem for value in _expressions(step) for problem in self._expression_problems(value))
        if step["Type"] == "Condition":
            return
        if step["Type"] not in _OPERATIONS:
            yield f"Type is {step['Type']!r}, expected {', '.join(_OPERATIONS)} or Condition."
            return
        yield from operation_problems("sagemaker", _OPERATIONS[step["Type"]], step["Arguments"], self._read)
        outputs = step["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs", ())
        for file in step.get("PropertyFiles", ()):
            if file["OutputName"] not in [output.get("OutputName") for output in outputs]:
                yield f"PropertyFiles names output '{file['OutputName']}', and there is no such output."

    def _read(self, value: Any) -> Any:
        """An expression as the type that it will have."""
        if not isinstance(value, dict) or len(value) != 1:
            return value
        if "Std:Join" in value:
            return Later(str)
        if isinstance(value.get("Get"), str):
            area, _, name = value["Get"].partition(".")
            return Later(self._types.get(name) if area == "Parameters" else str)
        return Later(None) if "Std:JsonGet" in value else value

    def _expression_problems(self, value: Mapping[str, Any]) -> Iterator[str]:
        if "Std:JsonGet" in value:
            return
        area, _, rest = str(value["Get"]).partition(".")
        if area == "Parameters" and rest not in self._types:
            yield f"{value['Get']} is read, and there is no such parameter."
        if area == "Execution" and rest not in _EXECUTION:
            yield f"{value['Get']} is read, and an execution has only {', '.join(_EXECUTION)}."
        if area == "Steps":
            step_name, _, property_name = rest.partition(".")
            files = [
                f"PropertyFiles.{file['PropertyFileName']}"
                for step in self._steps
                if step["Name"] == step_name
                for file in step.get("PropertyFiles", ())
            ]
            if property_name not in files:
                yield f"{value['Get']} is read, and no step has such a property file."

    def _order_problems(self) -> Iterator[str]:
        """Steps that wait for themselves through others."""
        waits = {step["Name"]: set(step.get("DependsOn", ())) for step in self._steps}
        for step in self._steps:
            for inner in _branches(step):
                waits[inner["Name"]].add(step["Name"])
        left = dict(waits)
        while ready := [name for name, waited in left.items() if not waited & left.keys()]:
            for name in ready:
                del left[name]
        if left:
            yield f"Steps {', '.join(left)} wait for each other in a circle."


def _branches(step: Step) -> list[Step]:
    arguments = step["Arguments"]
    return [*arguments["IfSteps"], *arguments["ElseSteps"]] if step["Type"] == "Condition" else []


def _all_steps(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all_steps(_branches(step))


def _expressions(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every `Get` of a step, those of steps inside left out: they are steps of their own."""
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield value
        for key, item in value.items():
            if key not in ("IfSteps", "ElseSteps"):
                yield from _expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item)
