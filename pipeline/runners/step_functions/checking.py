"""A state machine against what the services take that its tasks call: the gap that linters of the language leave."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.runners.service_model import Later, operation_problems, require_models

_RESOURCE = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:states:::(?:(?P<sdk>aws-sdk):)?(?P<service>[a-z0-9]+):(?P<operation>[A-Za-z0-9]+)"
    r"(?P<pattern>\.sync(?::2)?|\.waitForTaskToken)?"
)
_SYNC = ("sagemaker:createProcessingJob", "sagemaker:createTrainingJob", "sagemaker:createTransformJob")
_TOKEN = "$$.Task.Token"  # noqa: S105 - where the token is, not one

State = Mapping[str, Any]


def state_machine_problems(text: str) -> list[str]:
    """What the services would refuse in the tasks of a state machine, a sentence each.

    Raises:
      CannotCheck: botocore is not installed.
    """
    require_models()
    states = list(_all_states(json.loads(text)["States"]))
    names = [name for name, _ in states]
    twice = [
        f"State '{name}': {names.count(name)} states have this name." for name in {*names} if names.count(name) > 1
    ]
    tasks = [(name, state) for name, state in states if state["Type"] == "Task"]
    return sorted(twice) + [f"State '{name}': {problem}" for name, state in tasks for problem in _task_problems(state)]


def _all_states(states: Mapping[str, State]) -> Iterator[tuple[str, State]]:
    for name, state in states.items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from _all_states(branch["States"])


def _task_problems(state: State) -> Iterator[str]:
    found = _RESOURCE.fullmatch(state["Resource"])
    if found is None:
        yield f"Resource is {state['Resource']!r}, expected arn:aws:states:::SERVICE:OPERATION."
        return
    service, operation, pattern = found["service"], found["operation"], found["pattern"]
    if pattern == ".sync" and f"{service}:{operation}" not in _SYNC:
        yield f"Step Functions cannot wait for the end of {service}:{operation}."
    if pattern == ".waitForTaskToken" and _TOKEN not in json.dumps(state["Parameters"]):
        yield f"it waits for a token that it gives to nobody: no member of Parameters is {_TOKEN}."
    request = _request(state.get("Parameters", {}))
    if service == "sqs" and not found["sdk"] and isinstance(request.get("MessageBody"), dict):
        request["MessageBody"] = Later(str)  # this integration makes a text of an object
    yield from operation_problems(service, operation[:1].upper() + operation[1:], request, lambda value: value)


def _request(template: Mapping[str, Any]) -> dict[str, Any]:
    """A payload template as the request that it becomes."""
    return {
        key.removesuffix(".$"): _later(value) if key.endswith(".$") else _value(value)
        for key, value in template.items()
    }


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return _request(value)
    return [_value(item) for item in value] if isinstance(value, list) else value


def _later(expression: Any) -> Later:
    """What an expression will be: an array, a text, or anything that a path leads to."""
    text = str(expression)
    if text.startswith("States.Array("):
        return Later(list)
    return Later(str) if text.startswith(("States.Format(", "States.UUID(")) else Later(None)
