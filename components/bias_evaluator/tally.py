"""Rows counted by facet, group, label and prediction, batch by batch: memory holds distinct combinations, not rows."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from components.bias_evaluator.counts import Floats
from components.bias_evaluator.rows import as_text, facet_of
from components.bias_evaluator.settings import BiasSettings, Facet

Key = tuple[str | None, str | None, bool | None, bool | None]
"""Facet value (`a`, `d`, or the text of each), group, label is positive, prediction is positive."""

MAX_KEYS = 20_000
"""Distinct combinations of one facet; more are no groups of people but an identifier."""


@dataclasses.dataclass(frozen=True)
class Tally:
    """Rows by facet column and key.

    Attributes:
      by_facet: one counter a facet, in the settings' order.
      rows: all rows seen.
      present: columns that any row had a value in.
      overflowing: indices of facets with more than `MAX_KEYS` keys; their counters are empty.
    """

    by_facet: tuple[Mapping[Key, int], ...]
    rows: int
    present: frozenset[str]
    overflowing: frozenset[int] = frozenset()

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        sums = [
            collections.Counter(mine) + collections.Counter(theirs)
            for mine, theirs in zip(self.by_facet, other.by_facet, strict=True)
        ]
        over = {index for index, counter in enumerate(sums) if len(counter) > MAX_KEYS}
        over |= self.overflowing | other.overflowing
        kept = tuple({} if index in over else counter for index, counter in enumerate(sums))
        return Tally(kept, self.rows + other.rows, self.present | other.present, frozenset(over))

    def to_json(self) -> dict[str, Any]:
        """Plain lists, strings and numbers."""
        counters = [[[*key, count] for key, count in counter.items()] for counter in self.by_facet]
        return {
            "by_facet": counters,
            "rows": self.rows,
            "present": sorted(self.present),
            "overflowing": sorted(self.overflowing),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tally":
        """The inverse of `to_json`."""
        counters = tuple({(a, b, c, d): count for a, b, c, d, count in items} for items in data["by_facet"])
        return cls(counters, data["rows"], frozenset(data["present"]), frozenset(data["overflowing"]))


def empty_tally(settings: BiasSettings) -> Tally:
    """No rows."""
    return Tally(tuple({} for _ in settings.facets), 0, frozenset())


def tally_of(
    columns: Mapping[str, pa.Array], label: pa.Array, predicted: pa.Array | None, settings: BiasSettings
) -> Tally:
    """The rows of one batch.

    Args:
      columns: the raw columns that the settings name; one that the batch lacks may be missing.
      label: whether each label is positive, bool with nulls.
      predicted: whether each prediction is, None before training.
      settings: the facets and the group.
    """
    nothing = pa.nulls(len(label))
    group = (
        as_text(columns[settings.group])
        if settings.group and settings.group in columns
        else pa.nulls(len(label), pa.string())
    )
    counters = tuple(
        _count(_facet_column(columns.get(facet.column, nothing), facet), group, label, predicted)
        for facet in settings.facets
    )
    present = [name for name, column in columns.items() if column.null_count < len(column)]
    return empty_tally(settings) + Tally(counters, len(label), frozenset(present))


def _facet_column(column: pa.Array, facet: Facet) -> pa.Array:
    return pa.nulls(len(column), pa.string()) if pa.types.is_null(column.type) else facet_of(column, facet)


def _count(facet: pa.Array, group: pa.Array, label: pa.Array, predicted: pa.Array | None) -> Mapping[Key, int]:
    names = ["facet", "group", "label", "predicted"]
    other = pa.nulls(len(label), pa.bool_()) if predicted is None else predicted
    counted = pa.table([facet, group, label, other], names=names).group_by(names).aggregate([([], "count_all")])
    found = [counted[name].to_pylist() for name in names]
    return dict(zip(zip(*found, strict=True), counted["count_all"].to_pylist(), strict=True))


def facet_values(counter: Mapping[Key, int]) -> list[tuple[str, int]]:
    """The facet's values with their rows, the most frequent first."""
    rows: collections.Counter[str] = collections.Counter()
    for key, count in counter.items():
        if key[0] is not None:
            rows[key[0]] += count
    return sorted(rows.items(), key=lambda item: (-item[1], item[0]))


def counts_of(
    counter: Mapping[Key, int], sensitive: str, *, grouped: bool, predicted: bool
) -> tuple[Sequence[str], Floats]:
    """The counts of one facet and the names of its groups, sorted.

    Rows without a facet value, label, prediction or (where grouped) group are left out: nobody knows where they belong.

    Args:
      counter: of the facet's column.
      sensitive: the value that is facet d.
      grouped: whether there is a group column.
      predicted: whether there are predictions.

    Returns:
      Groups, and float64 [groups, facet, label] or [groups, facet, label, prediction].
    """
    kept = {
        key: count
        for key, count in counter.items()
        if None not in (key[0], key[2])
        and (key[1] is not None or not grouped)
        and (key[3] is not None or not predicted)
    }
    groups = sorted({str(key[1]) for key in kept}) if grouped else [""]
    place = {group: index for index, group in enumerate(groups)}
    counts = np.zeros((len(groups), 2, 2, 2))
    for (value, group, label, answer), count in kept.items():
        counts[place[str(group) if grouped else ""], int(value == sensitive), int(bool(label)), int(bool(answer))] += (
            count
        )
    return groups, counts if predicted else counts.sum(axis=-1)
