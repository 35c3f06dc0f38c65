"""Places for the nodes of a directed acyclic graph: layers by longest path, few crossings, long edges round the boxes.

The method is Sugiyama's, in its plain form: layers, dummy points on edges that span several, orders by the mean place
of the neighbours, then places as near to the neighbours as the gaps allow.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

Edge = tuple[str, str]
_SWEEPS = 8


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where nodes and edges are, in units of one node: `places` maps a node to (layer, row).

    `edges` holds, for each edge drawn, its points from the one node to the other; edges that follow from others
    (a node reads what its reader reads too) are left out.
    """

    places: Mapping[str, tuple[int, float]]
    edges: Mapping[Edge, tuple[tuple[int, float], ...]]

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return 1 + max((layer for layer, _ in self.places.values()), default=-1)

    @property
    def rows(self) -> float:
        """How many rows the widest part takes."""
        every = [row for points in self.edges.values() for _, row in points]
        return 1 + max((*every, *(row for _, row in self.places.values())), default=-1)


def layout(node_ids: Sequence[str], upstream: Mapping[str, Sequence[str]]) -> Layout:
    """Places for `node_ids`, which are in topological order; `upstream` gives what each node reads from."""
    edges = essential_edges(node_ids, upstream)
    layer = layers(node_ids, edges)
    chains = {edge: _chain(edge, layer) for edge in edges}
    levels = {point: int_level for chain in chains.values() for int_level, point in _levels(chain, layer)} | layer
    links = [link for chain in chains.values() for link in itertools.pairwise(chain)]
    rows = _rows(_ordered(levels, links), links)
    return Layout(
        places={node: (layer[node], rows[node]) for node in node_ids},
        edges={edge: tuple((levels[point], rows[point]) for point in chain) for edge, chain in chains.items()},
    )


def essential_edges(node_ids: Sequence[str], upstream: Mapping[str, Sequence[str]]) -> list[Edge]:
    """The edges that no longer path stands for.

    >>> essential_edges(["a", "b", "c"], {"b": ["a"], "c": ["a", "b"]})
    [('a', 'b'), ('b', 'c')]
    """
    known = set(node_ids)
    above: dict[str, set[str]] = {}
    kept = []
    for node in node_ids:
        parents = [parent for parent in dict.fromkeys(upstream.get(node, ())) if parent in known and parent in above]
        through = set().union(*(above[parent] for parent in parents))
        kept += [(parent, node) for parent in parents if parent not in through]
        above[node] = through | set(parents)
    return kept


def layers(node_ids: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Each node's layer: one more than the highest of those it reads from; sources stand just before their readers.

    >>> layers(["a", "s", "b", "c"], [("a", "b"), ("b", "c"), ("s", "c")])
    {'a': 0, 's': 1, 'b': 1, 'c': 2}
    """
    found = dict.fromkeys(node_ids, 0)
    for parent, child in sorted(edges, key=lambda edge: node_ids.index(edge[1])):
        found[child] = max(found[child], found[parent] + 1)
    read = {child for _, child in edges}
    for node in node_ids:
        readers = [found[child] for parent, child in edges if parent == node]
        if node not in read and readers:
            found[node] = min(readers) - 1
    return found


def _chain(edge: Edge, layer: Mapping[str, int]) -> list[str]:
    """The edge's ends with a dummy point in each layer between; NUL cannot be in a node's name."""
    parent, child = edge
    between = range(layer[parent] + 1, layer[child])
    return [parent, *(f"{parent}\0{child}\0{level}" for level in between), child]


def _levels(chain: Sequence[str], layer: Mapping[str, int]) -> list[tuple[int, str]]:
    return [(layer[chain[0]] + index, point) for index, point in enumerate(chain)]


def _ordered(levels: Mapping[str, int], links: Sequence[Edge]) -> list[list[str]]:
    """The points of each layer, in an order that crosses few links."""
    table: list[list[str]] = [[] for _ in range(1 + max(levels.values(), default=-1))]
    for point, level in levels.items():
        table[level].append(point)
    best, fewest = table, _crossings(table, links)
    for sweep in range(_SWEEPS):
        table = _swept(table, links, downwards=sweep % 2 == 0)
        crossings = _crossings(table, links)
        if crossings < fewest:
            best, fewest = table, crossings
    return best


def _swept(table: list[list[str]], links: Sequence[Edge], *, downwards: bool) -> list[list[str]]:
    """The layers, each sorted by the mean place of its neighbours in the layer before (or after)."""
    neighbours = _neighbours(links, upwards=downwards)
    swept = [list(points) for points in table]
    order = range(1, len(table)) if downwards else range(len(table) - 2, -1, -1)
    for level in order:
        beside = swept[level - 1 if downwards else level + 1]
        place = {point: float(index) for index, point in enumerate(beside)}
        now = {point: float(index) for index, point in enumerate(swept[level])}
        swept[level].sort(key=lambda point: _mean([place[other] for other in neighbours.get(point, ())], now[point]))
    return swept


def _neighbours(links: Sequence[Edge], *, upwards: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for parent, child in links:
        point, other = (child, parent) if upwards else (parent, child)
        found.setdefault(point, []).append(other)
    return found


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(table: Sequence[Sequence[str]], links: Sequence[Edge]) -> int:
    """How many pairs of links between neighbouring layers cross."""
    place = {point: (level, index) for level, points in enumerate(table) for index, point in enumerate(points)}
    by_level: dict[int, list[tuple[int, int]]] = {}
    for parent, child in links:
        by_level.setdefault(place[parent][0], []).append((place[parent][1], place[child][1]))
    return sum(
        (a - c) * (b - d) < 0 for ends in by_level.values() for i, (a, b) in enumerate(ends) for c, d in ends[:i]
    )


def _rows(table: Sequence[Sequence[str]], links: Sequence[Edge]) -> dict[str, float]:
    """A row for each point: near its neighbours, one apart at least, the topmost at 0."""
    rows = {point: float(index) for points in table for index, point in enumerate(points)}
    above, below = _neighbours(links, upwards=True), _neighbours(links, upwards=False)
    for sweep in range(_SWEEPS):
        for points in table if sweep % 2 == 0 else reversed(table):
            beside = above if sweep % 2 == 0 else below
            wished = [_mean([rows[other] for other in beside.get(point, ())], rows[point]) for point in points]
            rows.update(zip(points, _apart(wished), strict=True))
    least = min(rows.values(), default=0.0)
    return {point: row - least for point, row in rows.items()}


def _apart(wished: Sequence[float]) -> list[float]:
    """The nearest places in the same order that are one apart at least, by pooling neighbours that collide.

    >>> _apart([0.0, 0.0, 5.0])
    [-0.5, 0.5, 5.0]
    """
    pools: list[tuple[float, int]] = []
    for index, wish in enumerate(wished):
        total, count = wish - index, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    offsets = [total / count for total, count in pools for _ in range(count)]
    return [offset + index for index, offset in enumerate(offsets)]
