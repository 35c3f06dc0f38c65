"""Symbols as the JSONPath and the intrinsic functions of Amazon States Language."""

from typing import Any

from pipeline.jobs import Join, Parameter, RunId, Unique
from pipeline.jobs.request import SYMBOLS

RUN = "$.run"
"""Where a run's parameters are, and its id."""

RUN_ID = f"{RUN}.run_id"


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
        form = "".join(_escaped(part) if isinstance(part, str) else "{}" for part in value.parts)
        filled = [_path(part) for part in value.parts if not isinstance(part, str)]
        return f"States.Format('{form}', {', '.join(filled)})"
    if isinstance(value, RunId | Unique):
        return _path(value)
    if isinstance(value, Parameter):
        return f"States.Format('{{}}', {_path(value)})"
    return f"'{_escaped(str(value))}'"


def _path(symbol: Any) -> str:
    if isinstance(symbol, Parameter):
        return f"{RUN}.{symbol.name}"
    return RUN_ID if isinstance(symbol, RunId) else "States.UUID()"


def _array(items: list[Any]) -> str:
    return f"States.Array({', '.join(intrinsic(item) for item in items)})"


def _escaped(text: str) -> str:
    """Backslashes before what would end a literal or begin a place to fill."""
    for character in "\\'{}":
        text = text.replace(character, f"\\{character}")
    return text
