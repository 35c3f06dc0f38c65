"""Resolves what was measured on the newest earlier span."""

from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact


class PreviousSpanStrategy(ResolverStrategy):
    """Of the artifacts under `earlier` the newest with the largest span below that of the examples under `current`.

    Both have a property `span`; where the examples have no span there is no earlier one, and nothing is resolved.
    """

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Artifact]]) -> dict[str, list[Artifact]] | None:  # noqa: ARG002
        """See the class."""
        nothing: dict[str, list[Artifact]] = {key: [] for key in input_dict}
        current = max(input_dict["current"], key=lambda artifact: artifact.id, default=None)
        span = None if current is None else span_of(current)
        earlier = [(span_of(artifact), artifact.id, artifact) for artifact in input_dict["earlier"]]
        below = [item for item in earlier if span is not None and item[0] is not None and item[0] < span]
        if not below:
            return nothing
        return {**nothing, "current": [current], "earlier": [max(below, key=lambda item: item[:2])[2]]}


def span_of(artifact: Artifact) -> int | None:
    """The artifact's span, None if it has none (-1)."""
    proto = artifact.mlmd_artifact
    for values in (proto.properties, proto.custom_properties):
        if "span" in values:
            span = values["span"]
            number = span.int_value if span.HasField("int_value") else int(span.string_value or -1)
            return number if number >= 0 else None
    return None
