"""What keys a configuration has, read from its models: for messages and for the documentation's test."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel


def all_keys(model: type, prefix: str = "") -> list[tuple[str, Any]]:
    """Every key of a section with its default (`...` if required), depth first.

    Keys of list items are written `validation.waivers[].feature`, of named items `search_space.*.min`, of a section
    that may be left out `aws.region`.
    """
    found: list[tuple[str, Any]] = []
    for name, annotation, default in fields_of(model):
        key = f"{prefix}{name}"
        if is_section(annotation):
            found += all_keys(annotation, f"{key}.")
            continue
        found.append((key, default))
        item = section_in(annotation)
        if item is not None:
            found += all_keys(item, f"{key}{_between(annotation)}")
    return found


def _between(annotation: Any) -> str:
    """What stands between a key and the keys of what it holds: a section that may be left out, named items, a list."""
    if any(is_section(choice) for choice in get_args(annotation)) and type(None) in get_args(annotation):
        return "."
    return ".*." if get_origin(annotation) is Mapping else "[]."


def fields_of(model: type) -> list[tuple[str, Any, Any]]:
    """Name, type and default of each key of a section, pydantic model or dataclass alike."""
    if issubclass(model, BaseModel):
        return [
            (
                info.alias or name,
                info.annotation,
                ... if info.is_required() else info.get_default(call_default_factory=True),
            )
            for name, info in model.model_fields.items()
        ]
    return [(field.name, field.type, _dataclass_default(field)) for field in dataclasses.fields(cast("Any", model))]


def _dataclass_default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return ... if field.default is dataclasses.MISSING else field.default


def is_section(annotation: Any) -> bool:
    """True for a pydantic model or a dataclass."""
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation))


def section_in(annotation: Any) -> Any:
    """The section that an annotation is or holds (`tuple[Waiver, ...]`), None if there is none."""
    if is_section(annotation):
        return annotation
    held = (section_in(argument) for argument in get_args(annotation))
    return next((section for section in held if section is not None), None)
