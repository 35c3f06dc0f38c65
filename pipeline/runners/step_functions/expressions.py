"""Symbols as the JSONPath and the intrinsic functions of Amazon States Language.

A text with quotes, braces or backslashes is never written as a literal of an intrinsic function: how they are escaped
there differs between interpreters. Such texts are plain JSON in the run's own data, and named by a path.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from pipeline.jobs import Join, Parameter, RunId, Unique
from pipeline.jobs.request import SYMBOLS

RUN = "$.run"
"""Where a run's parameters are, and its id."""

RUN_ID = f"{RUN}.run_id"

TEXTS = "$.texts"
"""Where the texts are that no literal can hold."""

_SPECIAL = re.compile(r"['{}\\]")


def template(value: Any) -> Any:
    """A request as a payload template: keys of members that hold symbols end in `.$`.

    >>> template({"Name": Join(("a-", RunId())), "Count": 1})
    {'Name.$': "States.Format('a-{}', $.run.run_id)", 'Count': 1}
    """
    if isinstance(value, dict):
        return {f"{key}.$" if holds_symbol(item) else key: template(item) for key, item in value.items()}
    if isinstance(value, list):
        return _array(value) if holds_symbol(value) else [template(item) for item in value]
    return intrinsic(value) if isinstance(value, SYMBOLS) else value


def holds_symbol(value: Any) -> bool:
    """True for a symbol, and for a list that holds one itself."""
    if isinstance(value, list):
        return any(isinstance(item, SYMBOLS) for item in value)
    return isinstance(value, SYMBOLS)


def intrinsic(value: Any) -> str:
    """A symbol as an expression whose value is a text; a plain text as a literal."""
    if isinstance(value, Join):
        texts = [part for part in value.parts if isinstance(part, str)]
        if odd := [text for text in texts if _SPECIAL.search(text)]:
            raise ValueError(f"{odd[0]!r} cannot be part of a joined text: it has a quote, a brace or a backslash")
        form = "".join(part if isinstance(part, str) else "{}" for part in value.parts)
        filled = [_path(part) for part in value.parts if not isinstance(part, str)]
        return f"States.Format('{form}', {', '.join(filled)})"
    if isinstance(value, RunId | Unique):
        return _path(value)
    if isinstance(value, Parameter):
        return f"States.Format('{{}}', {_path(value)})"
    return f"{TEXTS}.{_name(value)}" if _SPECIAL.search(value) else f"'{value}'"


def texts_in(value: Any) -> Iterator[tuple[str, str]]:
    """Name and text of everything in a request that stands among symbols and that no literal can hold."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        special = [item for item in value if isinstance(item, str) and _SPECIAL.search(item)]
        yield from ((_name(text), text) for text in special if holds_symbol(value))


def _name(text: str) -> str:
    return f"text_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _path(symbol: Any) -> str:
    if isinstance(symbol, Parameter):
        return f"{RUN}.{symbol.name}"
    return RUN_ID if isinstance(symbol, RunId) else "States.UUID()"


def _array(items: list[Any]) -> str:
    return f"States.Array({', '.join(intrinsic(item) for item in items)})"
