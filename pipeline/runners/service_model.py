"""Requests against the services' own models, which botocore ships: what no linter of documents looks at.

Every member, required or unknown, every type, range, length, enumeration and pattern is checked, without a network.
What is only known at run time is checked by the type that it will have.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from pipeline.errors import CannotCheck

_TYPES = {
    "string": str,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
}
_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", list: "list", dict: "object"}


@dataclasses.dataclass(frozen=True)
class Later:
    """A value that is known at run time; `type` is None if even its type is not known."""

    type: type | None


Reader = Callable[[Any], Any]
"""Gives a `Later` for what a document's own language computes, anything else as it is."""


def require_models() -> None:
    """Raises CannotCheck where botocore, and with it the models, cannot be imported."""
    if find_spec("botocore") is None:
        raise CannotCheck(
            [
                "boto3 is not installed, whose models of AWS's services documents are checked against: install "
                "requirements-aws.lock."
            ]
        )


def operation_problems(service: str, operation: str, request: Mapping[str, Any], read: Reader) -> Iterator[str]:
    """What the service would refuse in a request.

    Args:
      service: as boto3 calls it.
      operation: such as `CreateProcessingJob`.
      request: the operation's members.
      read: understands the document's expressions.
    """
    model = _service(service)
    if model is None:
        yield f"AWS has no service {service!r}."
    elif operation not in model.operation_names:
        yield f"{service} has no operation {operation!r}.{_near(operation, model.operation_names)}"
    else:
        yield from _problems(model.operation_model(operation).input_shape, request, (), read)


@cache
def _service(name: str) -> Any:
    import botocore.session
    from botocore.exceptions import UnknownServiceError

    try:
        return botocore.session.get_session().get_service_model(name)
    except UnknownServiceError:
        return None


def _problems(shape: Any, value: Any, path: tuple[str, ...], read: Reader) -> Iterator[str]:
    value, expected = read(value), _TYPES.get(shape.type_name)
    if isinstance(value, Later):
        if value.type is not None and expected is not None and not _fits(value.type, expected):
            yield f"{_at(path)} will be a {_NAMES[value.type]}, expected a {_NAMES[expected]}."
        return
    if expected is not None and not _fits(type(value), expected):
        yield f"{_at(path)} is {value!r}, expected a {_NAMES[expected]}."
        return
    yield from _bounds(shape, value, path)
    if expected is str:
        yield from _text(shape, value, path)
    for inner, item, step in _inside(shape, value):
        yield from _problems(inner, item, (*path, step), read)
    if shape.type_name == "structure":
        yield from _members(shape, value, path)


def _fits(seen: type, expected: type) -> bool:
    return seen is expected or (seen is int and expected is float)


def _inside(shape: Any, value: Any) -> Iterator[tuple[Any, Any, str]]:
    if shape.type_name == "structure":
        yield from ((shape.members[key], item, key) for key, item in value.items() if key in shape.members)
    elif shape.type_name == "list":
        yield from ((shape.member, item, str(number)) for number, item in enumerate(value))
    elif shape.type_name == "map":
        yield from ((shape.key, key, key) for key in value)
        yield from ((shape.value, item, key) for key, item in value.items())


def _members(shape: Any, value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key in shape.required_members:
        if key not in value:
            yield f"{_at((*path, key))} is required and not there."
    for key in value:
        if key not in shape.members:
            yield f"{_at((*path, key))} is no member of {shape.name}.{_near(key, list(shape.members))}"


def _bounds(shape: Any, value: Any, path: tuple[str, ...]) -> Iterator[str]:
    size = len(value) if isinstance(value, str | list | dict) else value
    units: dict[type, str] = {str: " characters", list: " items", dict: " entries"}
    unit = units.get(type(value), "")
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "structure" or isinstance(value, bool):
        return
    if least is not None and size < least:
        yield f"{_at(path)} has {size}{unit}, expected at least {least}."
    if most is not None and size > most:
        yield f"{_at(path)} has {size}{unit}, expected at most {most}."


def _text(shape: Any, value: str, path: tuple[str, ...]) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{_at(path)} is {value!r}, which is none of its {len(shape.enum)} values.{_near(value, shape.enum)}"
    pattern = _compiled(shape.metadata.get("pattern"))
    if pattern is not None and not pattern.fullmatch(value):
        yield f"{_at(path)} is {value!r}, expected a match of {pattern.pattern}"


@cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    """The pattern, None where it is none of Python's (the models have some of Java's)."""
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error:
        return None


def _at(path: tuple[str, ...]) -> str:
    return ".".join(path) or "The request"


def _near(seen: str, known: Any) -> str:
    near = difflib.get_close_matches(seen, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
