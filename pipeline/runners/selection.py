"""Which nodes a run carries out, and which outputs it takes from an earlier run (`--from`, `--to`, `--only`)."""

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence

from pipeline.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Selection:
    """The part of a pipeline that a run is about.

    Attributes:
      wanted: nodes to carry out, in topological order.
      reused: nodes whose outputs are taken from an earlier run.
      left_out: all others, each with the reason.
    """

    wanted: tuple[str, ...]
    reused: tuple[str, ...]
    left_out: Mapping[str, str]


def select(
    upstream: Mapping[str, Sequence[str]],
    *,
    first: str | None = None,
    last: str | None = None,
    never_reused: Collection[str] = (),
) -> Selection:
    """The nodes from `first` (and what depends on it) to `last` (and what it depends on).

    Args:
      upstream: the nodes that each node waits for; its keys are in topological order.
      first: start at this node and take what lies before it from an earlier run; None for the beginning.
      last: stop after this node; None for the end.
      never_reused: nodes that are carried out where they would be reused: those that look at the present.

    Raises:
      ConfigError: a node does not exist, or `last` lies before `first`.
    """
    ends = {"--only": [first]} if first == last and first else {"--from": _listed(first), "--to": _listed(last)}
    check_nodes(ends, upstream)
    below = set(upstream) if first is None else _closure(first, _reversed(upstream))
    above = set(upstream) if last is None else _closure(last, upstream)
    wanted = below & above
    if not wanted:
        raise ConfigError(
            [f"--from {first} --to {last}: '{last}' does not depend on '{first}'. Swap them or drop one."]
        )
    needed = set().union(*(_closure(node, upstream) for node in wanted)) - wanted
    wanted |= needed & set(never_reused)
    left_out = {node: _reason(first, last, node in below) for node in upstream if node not in wanted | needed}
    return Selection(
        wanted=tuple(node for node in upstream if node in wanted),
        reused=tuple(node for node in upstream if node in needed - wanted),
        left_out=left_out,
    )


def _listed(node: str | None) -> list[str]:
    return [] if node is None else [node]


def check_nodes(named: Mapping[str, Collection[str]], known: Collection[str]) -> None:
    """Raises ConfigError for each node that an option (`--from`, …) names and the pipeline does not have."""
    problems = [
        f"{option} {node}: the pipeline has no such node. {_near(node, known)}"
        for option, nodes in named.items()
        for node in nodes
        if node not in known
    ]
    if problems:
        raise ConfigError(problems)


def _closure(node: str, edges: Mapping[str, Sequence[str]]) -> set[str]:
    found, todo = {node}, [node]
    while todo:
        new = [other for other in edges[todo.pop()] if other not in found]
        found.update(new)
        todo += new
    return found


def _reversed(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {node: [other for other, above in upstream.items() if node in above] for node in upstream}


def _reason(first: str | None, last: str | None, is_below_first: bool) -> str:
    return f"left out by --to {last}" if is_below_first or first is None else f"left out by --from {first}"


def _near(node: str, known: Collection[str]) -> str:
    lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(node.lower(), lower, n=1)
    return f"Did you mean '{lower[near[0]]}'?" if near else f"It has: {', '.join(known)}."
