"""The states that read what an execution was given, and refuse it in words where it makes no sense.

    See input ─► Is the input an object? ─► … over the defaults ─► Is the input complete? ─► first job
                       │ no                                              │ a value is missing or of another kind
                       └─────────────────────────────────────────────────┴─► … is refused ─► where every failure leads

A Pass state cannot catch, so each of them comes after what makes sure that it cannot fail: a Choice has no test for
objects, but one for how a text begins, and anything can be made a text.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pipeline.ir import RuntimeParameter
from pipeline.jobs import JobPlan
from pipeline.runners.step_functions.expressions import RUN, texts_in
from pipeline.runners.step_functions.states import State

_SEE, _CHECK, _REFUSED = "See input", "Is the input an object?", "Input is refused"
_TAKE, _MERGE, _COMPLETE = "Take defaults", "Take input", "Is the input complete?"

_KINDS = {"STRING": ("IsString", "a text"), "INT": ("IsNumeric", "a number"), "DOUBLE": ("IsNumeric", "a number")}
"""Type of a parameter → what a Choice tests, and what that is called. A number with a fraction passes for an INT: no
test tells them apart, and the first job refuses it."""

_RUN_ID = RuntimeParameter("run_id", "STRING", "")
"""Always there: the execution's name, unless the input has another."""

_LONGEST = 50
"""Characters of a parameter's name in that of a state, which may have 80."""


@dataclasses.dataclass(frozen=True)
class Beginning:
    """The first states of a machine, and the name of the very first."""

    start: str
    states: dict[str, State]


def beginning(plan: JobPlan, then: str, fail: str) -> Beginning:
    """Puts the execution's input over the parameters' defaults; goes on to `then`, or to `fail` with `$.error`."""
    asked = dict(enumerate((*plan.parameters, _RUN_ID), 1))
    refusals = {
        name: state for number, parameter in asked.items() for name, state in _refusals(number, parameter, fail)
    }
    rules = [rule for number, parameter in asked.items() for rule in _rules(number, parameter)]
    states: dict[str, State] = {**_see(fail), **_take(plan), _COMPLETE: _choice(rules, then)}
    return Beginning(_SEE, {**states, **refusals})


def _choice(rules: list[State], otherwise: str) -> State:
    return {"Type": "Choice", "Choices": rules, "Default": otherwise}


def _see(fail: str) -> dict[str, State]:
    """Goes on where the input is an object."""
    told = "The input of the execution must be a JSON object of parameters, and it is {}."
    is_object = {"Variable": "$.text", "StringMatches": "{*", "Next": _TAKE}
    return {
        _SEE: {"Type": "Pass", "Parameters": {"text.$": _text("$$.Execution.Input")}, "Next": _CHECK},
        _CHECK: _choice([is_object], _REFUSED),
        _REFUSED: _refused(told, "$.text", fail),
    }


def _take(plan: JobPlan) -> dict[str, State]:
    defaults = {parameter.name: parameter.default for parameter in plan.parameters if parameter.default is not None}
    known = {"defaults": {**defaults, "run_id.$": "$$.Execution.Name"}, "given.$": "$$.Execution.Input"}
    merged: dict[str, Any] = {"run.$": "States.JsonMerge($.defaults, $.given, false)"}
    if texts := dict(text for job in plan.jobs for text in texts_in(job.request)):
        merged["texts"] = texts
    return {
        _TAKE: {"Type": "Pass", "Parameters": known, "Next": _MERGE},
        _MERGE: {"Type": "Pass", "Parameters": merged, "Next": _COMPLETE},
    }


def _rules(number: int, parameter: RuntimeParameter) -> Iterator[State]:
    variable = f"{RUN}.{parameter.name}"
    if parameter.default is None:
        yield {"Variable": variable, "IsPresent": False, "Next": _missing(number, parameter)}
    test, _ = _KINDS[parameter.type]
    yield {"Not": {"Variable": variable, test: True}, "Next": _odd(number, parameter)}


def _refusals(number: int, parameter: RuntimeParameter, fail: str) -> Iterator[tuple[str, State]]:
    name, (_, kind) = parameter.name, _KINDS[parameter.type]
    if parameter.default is None:
        told = f"Parameter {name} has no default, and the input of the execution has no value of it: {{}}."
        yield _missing(number, parameter), _refused(told, _text("$$.Execution.Input"), fail)
    told = f"Parameter {name} must be {kind}, and in the input of the execution it is {{}}."
    yield _odd(number, parameter), _refused(told, _text(f"{RUN}.{name}"), fail)


def _missing(number: int, parameter: RuntimeParameter) -> str:
    return f"Input {number}, {parameter.name[:_LONGEST]}, is missing"


def _odd(number: int, parameter: RuntimeParameter) -> str:
    return f"Input {number}, {parameter.name[:_LONGEST]}, is refused"


def _text(path: str) -> str:
    return f"States.JsonToString({path})"


def _refused(told: str, seen: str, fail: str) -> State:
    """Says what was seen; takes the place of all that the execution knows, which has no id of a run yet."""
    cause = {"Error": "PenstockBadInput", "Cause.$": f"States.Format('{told}', {seen})"}
    known = {"run": {"run_id.$": "$$.Execution.Name"}, "error": cause}
    return {"Type": "Pass", "Parameters": known, "Next": fail}
