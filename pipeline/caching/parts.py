"""What a node's answer depends on, taken apart so that a difference can be named, and the key made of all of it.

Parts are JSON in sections: `code` (file → digest), `parameters` (`custom_config.training.epochs` → 5), `inputs`
(`examples.fingerprint` → …), and so on. The key is the SHA-256 of them: equal parts, equal key.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Scalar = str | int | float | bool | None
Section = Mapping[str, Scalar]
Parts = Mapping[str, Section]

_SCHEME = 1
"""Grows when the meaning of the parts changes, so that no older answer is taken for a new question."""

_PLAIN_KEY = re.compile(r"[\w-]+")


@dataclasses.dataclass(frozen=True)
class Change:
    """One part that differs; `old` or `new` is None where the part was or is not there (see `kind`)."""

    section: str
    name: str
    kind: str
    old: Scalar = None
    new: Scalar = None


def cache_key(parts: Parts) -> str:
    """SHA-256 of the parts, as hexadecimal digits."""
    return hashlib.sha256(canonical({"scheme": _SCHEME, "parts": parts}).encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def parse_parts(text: str) -> Parts | None:
    """The parts that `canonical` wrote; None if the text holds none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(section, dict) for section in found.values()):
        return None
    return found


def changes(old: Parts, new: Parts) -> list[Change]:
    """Every part that differs, section by section."""
    return [
        change
        for section in [*new, *(name for name in old if name not in new)]
        for change in _section_changes(section, old.get(section, {}), new.get(section, {}))
    ]


def _section_changes(section: str, old: Section, new: Section) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield Change(section, name, "added", new=new[name])
        elif name not in new:
            yield Change(section, name, "removed", old=old[name])
        elif not same(old[name], new[name]):
            yield Change(section, name, "changed", old[name], new[name])


def same(one: Scalar, other: Scalar) -> bool:
    """True if both are the same JSON: 1, 1.0 and true are three values, and NaN is itself."""
    return canonical(one) == canonical(other)


def flatten(value: Any, name: str = "") -> dict[str, Scalar]:
    """The leaves of a JSON value by path; an empty list or mapping is a leaf, and so is a text.

    A text that is exactly what `json.dumps` makes of a list or mapping is taken for that. Any other stays a text,
    because it may be data: the nulls of a CSV file may be called "[ ]" or "[]". Two values have the same leaves only
    if they are equal, but for JSON that stands as a text instead of as itself.

    >>> flatten({"training": {"epochs": 5}, "units": [8, 4]}, "custom_config")
    {'custom_config.training.epochs': 5, 'custom_config.units[0]': 8, 'custom_config.units[1]': 4}
    """
    found = parsed(value)
    value = found if json.dumps(found) == value else value
    if isinstance(value, Mapping) and value:
        items = [(f"{name}.{_quoted(key)}" if name else _quoted(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple) and value:
        items = [(f"{name}[{position}]", item) for position, item in enumerate(value)]
    else:
        return {name: canonical(value) if isinstance(value, Mapping | list | tuple) else value}
    return {path: leaf for key, item in items for path, leaf in flatten(item, key).items()}


def parsed(value: Any) -> Any:
    """The list or mapping that a text holds as JSON, however it is written, else the value itself."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict | list) else value


def _quoted(key: Any) -> str:
    """A key that cannot be mistaken for a path."""
    text = str(key)
    return text if _PLAIN_KEY.fullmatch(text) else json.dumps(text)
