"""When a node may take an earlier answer: always, never, or while it is young."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class NodePolicy:
    """What the configuration says about one node.

    Attributes:
      cache: false: the node runs every time.
      cache_ttl_hours: oldest answer that is taken, in hours since the node ended; None: of any age.
    """

    cache: bool = True
    cache_ttl_hours: float | None = None

    def __post_init__(self) -> None:
        if self.cache_ttl_hours is not None and not self.cache_ttl_hours > 0:
            raise ValueError(f"cache_ttl_hours is {self.cache_ttl_hours}, expected more than 0; cache: false is never")

    def has_expired(self, ended_ms: int, now_ms: int) -> bool:
        """True if an answer that was ready at `ended_ms` (milliseconds since 1970) is too old now."""
        return self.cache_ttl_hours is not None and now_ms - ended_ms > self.cache_ttl_hours * 3_600_000


@dataclasses.dataclass(frozen=True)
class CachePolicy:
    """The policies of a pipeline's nodes; a node that is not named has the default."""

    nodes: Mapping[str, NodePolicy] = dataclasses.field(default_factory=dict)

    def of(self, node_id: str) -> NodePolicy:
        """What holds for the node."""
        return self.nodes.get(node_id, NodePolicy())

    def without(self, node_ids: Iterable[str]) -> Self:
        """The same, but these nodes take no earlier answers."""
        return type(self)({**self.nodes, **{node_id: NodePolicy(cache=False) for node_id in node_ids}})

    def to_json(self) -> str:
        """One line, for a command line."""
        return json.dumps({name: dataclasses.asdict(policy) for name, policy in self.nodes.items()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`.

        Raises:
          ValueError: the text holds no policies.
        """
        data: Any = json.loads(text)
        try:
            return cls({str(name): NodePolicy(**policy) for name, policy in data.items()})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"expected a JSON object of node id → cache, cache_ttl_hours: {error}") from error
