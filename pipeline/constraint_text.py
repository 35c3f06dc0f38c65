"""Constraints as text that a configuration takes."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML


def constraint_text(constraint: Mapping[str, Any]) -> str:
    """A constraint as a line of YAML.

    >>> constraint_text({"kind": "completeness", "column": "review_id"})
    '{kind: completeness, column: review_id}'
    """
    yaml = YAML()
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = True, 1_000_000, True
    stream = io.StringIO()
    yaml.dump(dict(constraint), stream)
    return stream.getvalue().strip()


def suggestions_text(suggestions: Iterable[Mapping[str, Any]]) -> str:
    """Suggestions as they stand in a configuration, each with what was seen and why it may be demanded.

    Args:
      suggestions: with the keys `constraint`, `seen` and `reason`, as DataQualityGate writes them.
    """
    lines = ["quality:", "  constraints:"]
    for item in suggestions:
        lines += [f"    # {item['seen']}: {item['reason']}", f"    - {constraint_text(item['constraint'])}"]
    return "\n".join(lines)
