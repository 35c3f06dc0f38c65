"""Texts that do not reach a container as they are written, because something on the way fills them in or cuts them.

A word of a command passes Argo (`{{workflow.name}}`, `{{=…}}`), Kubeflow's launcher (`{{$.inputs…}}`) and Kubernetes
(`$(VARIABLE)`, and `$$`, which becomes `$`). Numbers travel as float64.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

_FILLED_IN = {"{{": "Argo", "$(": "Kubernetes", "$$": "Kubernetes"}

_LARGEST = 2**53
"""Whole numbers beyond it are not all float64."""

_NOT_IN_NODES = {",": "the launcher takes it for two nodes", "=": "the launcher cannot tell where the id ends"}


def text_problem(text: str) -> str | None:
    """Why the text would not arrive as it is; None if it would."""
    for sign, who in _FILLED_IN.items():
        if sign in text:
            return f"has {sign} in it, which {who} would fill in"
    if "\0" in text or not _is_encodable(text):
        return "has a character in it that no command line can hold"
    return None


def node_problem(node_id: str) -> str | None:
    """Why no task can run a node of this id; None if one can."""
    for sign, why in _NOT_IN_NODES.items():
        if sign in node_id:
            return f"has {sign} in it: {why}"
    if node_id.startswith("-"):
        return "begins with a dash: the launcher takes it for an option"
    if any(ord(letter) < ord(" ") or letter == "\x7f" for letter in node_id):
        return "has a line's end or another control character in it"
    return text_problem(node_id)


def value_problem(value: Any) -> str | None:
    """Why a runtime parameter's value would not arrive as it is; None if it would."""
    if isinstance(value, str):
        return text_problem(value)
    if isinstance(value, int) and abs(value) > _LARGEST:
        return f"is beyond {_LARGEST}, and would be rounded"
    if isinstance(value, float) and not math.isfinite(value):
        return "is no finite number, which JSON cannot hold"
    return None


def value_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each value that would not arrive as it is."""
    for name, value in values.items():
        if problem := value_problem(value):
            yield f"--param {name}={value!r}: {problem}. Give another value."


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
