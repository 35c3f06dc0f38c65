"""Changes of parts in the user's words."""

import json
from collections.abc import Iterable

from pipeline.caching.lock_file import LOCK_NAME
from pipeline.caching.parts import Change, Scalar

_MOST_TELLING_FIRST = ("code", "data", "schema", "configuration", "parameters", "inputs", "environment", "day")
_LONGEST_VALUE = 60
_MOST_LINES = 12


def sentences(changes: Iterable[Change], packages: Iterable[str] = ()) -> list[str]:
    """One phrase for each change; `packages` say what a changed lock means."""
    lines: list[str] = []
    for change in sorted(changes, key=_rank):
        phrase = _phrase(change, list(packages))
        if phrase and phrase not in lines:
            lines.append(phrase)
    return lines


def _rank(change: Change) -> tuple[int, bool]:
    """Sections by how much they tell; a setting before an item of a list, of which there may be hundreds."""
    sections = _MOST_TELLING_FIRST
    rank = sections.index(change.section) if change.section in sections else len(sections)
    return rank, "[" in change.name


def shortened(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    rest = len(lines) - _MOST_LINES
    return lines if rest <= 1 else [*lines[:_MOST_LINES], f"and {rest} more differences"]


def _phrase(change: Change, packages: list[str]) -> str:
    if change.section == "code":
        return f"{change.name} {_happened(change)}"
    if change.section in ("data", "schema"):
        return f"{change.section} file '{change.name}' {_happened(change)}"
    if change.section == "inputs":
        return _of_input(change)
    if change.section == "environment" and change.name == LOCK_NAME:
        return ", ".join(packages) if packages else f"{LOCK_NAME} {_happened(change)}"
    if change.section == "environment":
        return f"{change.name} {_values(change)}"
    if change.section == "day":
        return f"the day: {_values(change)} (waivers expire)"
    prefix = {"outputs": "output ", "node": "node "}.get(change.section, "")
    return f"{prefix}{change.name}: {_values(change)}"


def _of_input(change: Change) -> str:
    """Every artifact has a type, so an artifact more or less is told by its type."""
    artifact, _, name = change.name.partition(".")
    if change.kind != "changed":
        return f"input '{artifact}' {_happened(change)}" if name == "type" else ""
    if name == "fingerprint":
        return f"input '{artifact}': {'deleted' if change.new is None else 'bytes changed'}"
    return f"input '{artifact}': {name} {_values(change)}"


def _happened(change: Change) -> str:
    return {"added": "is new", "removed": "is gone"}.get(change.kind, "changed")


def _values(change: Change) -> str:
    if change.kind == "added":
        return f"{_value(change.new)} is new"
    if change.kind == "removed":
        return f"{_value(change.old)} is gone"
    return f"{_value(change.old)} → {_value(change.new)}"


def _value(value: Scalar) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
