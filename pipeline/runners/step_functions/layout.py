"""A graph of jobs as chains and branches, which is all that a state machine knows.

Branches run at the same time, a chain's parts one after the other. Where a graph is made of those only, the layout
waits for nothing that the graph does not; else each cut is made where the fewest needless waits come of it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Series:
    """Parts that run one after the other."""

    parts: "tuple[Layout, ...]"


@dataclasses.dataclass(frozen=True)
class Together:
    """Parts that run at the same time."""

    parts: "tuple[Layout, ...]"


Layout = str | Series | Together

Above = Mapping[str, frozenset[str]]
"""Item → all items that must end before it."""


def arrange(items: Sequence[str], above: Above) -> Layout:
    """The layout of some items, which keep to their order where nothing else decides.

    >>> above = {"a": frozenset(), "b": frozenset("a"), "c": frozenset("a"), "d": frozenset("abc")}
    >>> arrange("abcd", above)
    Series(parts=('a', Together(parts=('b', 'c')), 'd'))
    """
    if len(items) == 1:
        return items[0]
    groups = list(_unconnected(items, above))
    if len(groups) > 1:
        return Together(tuple(arrange(group, above) for group in groups))
    first = min(_cuts(items, above), key=lambda cut: needless_waits(cut, _without(items, cut), above))
    return Series((*_chain(arrange(first, above)), *_chain(arrange(_without(items, first), above))))


def needless_waits(first: Sequence[str], then: Sequence[str], above: Above) -> int:
    """Pairs of items that a cut puts one after the other, though the graph does not."""
    return sum(one not in above[other] for one in first for other in then)


def _chain(layout: Layout) -> tuple[Layout, ...]:
    return layout.parts if isinstance(layout, Series) else (layout,)


def _without(items: Sequence[str], left_out: Sequence[str]) -> list[str]:
    return [item for item in items if item not in left_out]


def _unconnected(items: Sequence[str], above: Above) -> Iterator[list[str]]:
    """The items in groups that have nothing to do with each other."""
    left = list(items)
    while left:
        group = {left[0]}
        grown = True
        while grown:
            more = {item for item in left if any(item in above[other] or other in above[item] for other in group)}
            grown = not more <= group
            group |= more
        yield [item for item in left if item in group]
        left = [item for item in left if item not in group]


def _cuts(items: Sequence[str], above: Above) -> Iterator[list[str]]:
    """What may come first: all that one item waits for, or all that does not wait for it (nor is it).

    A graph that is a chain of two parts is cut between them by the first kind, at any first item of the second part.
    """
    whole = len(items)
    for item in items:
        before = [other for other in items if other in above[item]]
        beside = [other for other in items if other != item and item not in above[other]]
        yield from (cut for cut in (before, beside) if 0 < len(cut) < whole)
