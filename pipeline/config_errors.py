"""Pydantic's findings in the user's terms: file, line, key, what is wrong, what was seen, the nearest valid name."""

import difflib
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.config_keys import all_keys, fields_of, section_in

Location = tuple[int | str, ...]

Overridden = Mapping[tuple[int | str, ...], str]
"""Keys that are not as the file has them → what set them, such as `--set training.epochs`, or another file's line."""

_NEAR = 0.6
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def explain(error: ValidationError, model: type[BaseModel], tree: Any, file: str, overridden: Overridden) -> list[str]:
    """One sentence for each mistake, in the order of the file."""
    findings = error.errors(include_url=False)
    findings.sort(key=lambda finding: line_of(tree, finding["loc"]))
    return [told for finding in findings for told in _sentences(finding, model, tree, file, overridden)]


def merge(tree: dict[Any, Any], over: Mapping[Any, Any], file: str, at: Location = ()) -> dict[Location, str]:
    """Puts the keys of another file over a tree, sections key by key; returns where each came from.

    >>> tree = {"a": {"b": 1, "c": 2}}
    >>> merge(tree, {"a": {"b": 3}}, "prod.yaml")
    {('a', 'b'): 'prod.yaml:1'}
    >>> tree
    {'a': {'b': 3, 'c': 2}}
    """
    places: dict[Location, str] = {}
    for key, value in over.items():
        loc = (*at, key)
        place = f"{file}:{line_of(over, (key,))}"
        if not isinstance(value, dict):
            tree[key], places[loc] = value, place
            continue
        if not isinstance(tree.get(key), dict):
            tree[key], places[loc] = {}, place
        places |= merge(tree[key], value, file, loc)
    return places


def not_finite(tree: Any, file: str, overridden: Overridden) -> list[str]:
    """One sentence for each number that is not finite.

    Every comparison with NaN is false: a gate with such a bound would let everything pass.
    """
    return [
        f"{_place(loc, tree, file, overridden)}: '{_dotted(loc)}' is {value}, which is no finite number. Give a "
        "number, or leave the key out."
        for loc, value in _numbers(tree, ())
        if not math.isfinite(value)
    ]


def _numbers(tree: Any, loc: Location) -> Iterator[tuple[Location, float]]:
    if isinstance(tree, float):
        yield loc, tree
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from _numbers(value, (*loc, key))


def _place(loc: Location, tree: Any, file: str, overridden: Overridden) -> str:
    """What set the key or what holds it, else file and line."""
    by = next((loc[:end] for end in range(len(loc), 0, -1) if loc[:end] in overridden), None)
    return f"{file}:{line_of(tree, loc)}" if by is None else overridden[by]


def _sentences(
    finding: ErrorDetails, model: type[BaseModel], tree: Any, file: str, overridden: Overridden
) -> list[str]:
    loc = finding["loc"]
    names_itself = loc[-1:] == ("[key]",)  # pydantic's word for a name of the user's own that is wrong
    loc = loc[:-1] if names_itself else loc
    key = _dotted(loc)
    where = _place(loc, tree, file, overridden)
    if finding["type"] in _UNKNOWN:
        return [f"{where}: unknown key '{key}'.{_nearest_key(model, loc)}"]
    if finding["type"] == "missing":
        return [f"{where}: '{key}' is required and not there."]
    message = finding["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if isinstance(finding["input"], dict | list):  # what is wrong inside is in the message
        return [f"{where}: '{key}': {_ended(line)}" for line in message.split("\n")]
    suggestion = _nearest(finding["input"], _choices(finding)) if isinstance(finding["input"], str) else ""
    if names_itself:
        return [f"{where}: unknown key '{key}': {message.rstrip('.')}.{suggestion}"]
    return [f"{where}: '{key}': {message.rstrip('.')}; found {_short(finding['input'])}.{suggestion}"]


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(("?", ".")) else f"{sentence}."


def _dotted(loc: Location) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def line_of(tree: Any, loc: Location) -> int:
    """1-based line of the deepest part of `loc` that the file holds."""
    line = 1
    for part in loc:
        try:
            positions = tree.lc.data
            line = positions[part][0] + 1
            tree = tree[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


def _keys_at(model: Any, loc: Location) -> list[str]:
    for part in loc:
        if isinstance(part, int):
            continue
        model = section_in(next((kind for name, kind, _ in fields_of(model) if name == part), None))
        if model is None:
            return []
    return [name for name, _, _ in fields_of(model)]


def _choices(finding: ErrorDetails) -> list[str]:
    expected = str(finding.get("ctx", {}).get("expected", ""))
    return [choice.strip("' ") for choice in expected.replace(" or ", ",").split(",") if choice.strip()]


def _nearest_key(model: type[BaseModel], loc: Location) -> str:
    """The nearest key of the same section, else the same word in another section, else what the section knows."""
    seen, known = str(loc[-1]), _keys_at(model, loc[:-1])
    if difflib.get_close_matches(seen, known, n=1, cutoff=_NEAR):
        return _nearest(seen, known)
    elsewhere = {key.rsplit(".", 1)[-1]: key for key, _ in all_keys(model)}
    near = difflib.get_close_matches(seen, elsewhere, n=1, cutoff=_NEAR)
    return f" Did you mean '{elsewhere[near[0]]}'?" if near else _nearest(seen, known)


def _nearest(seen: str, known: Collection[str]) -> str:
    if not known:
        return ""
    near = difflib.get_close_matches(seen, known, n=1, cutoff=_NEAR)
    return f" Did you mean '{near[0]}'?" if near else f" Known here: {', '.join(known)}."
