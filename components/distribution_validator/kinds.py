"""The measures for each kind of column: numbers and dates, values, texts. Pure."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

from components.distribution_validator.distances import (
    Counts,
    Floats,
    bin_counts,
    chance_of_divergence,
    chance_of_psi,
    jensen_shannon,
    jensen_shannon_of_values,
    l_infinity,
    psi,
    quantile_edges,
    unseen_by_chance,
)
from components.distribution_validator.settings import Measure
from components.distribution_validator.significance import Tested, any_share, kolmogorov_smirnov, same_shares
from components.distribution_validator.states import ValueCounts
from components.distribution_validator.summary import ColumnSummary

SHOWN = 10
"""Bars drawn, and values told of."""
BARRED_VALUES = 20
"""Values that PSI looks at one by one; the others are one."""
HEAD_WORDS = 1_000
HEAD_TEXTS = 20
"""Words in fewer texts than this, both tables together, are one in the divergence."""
TESTED_WORDS = 200
_MOSTLY_DIFFERENT = 0.5
"""A column where most values occur once is an identifier or free text: its values are no distribution."""

OTHERS = "(others)"


@dataclasses.dataclass(frozen=True)
class Moved:
    """A value, word or place in the numbers, with its share before and after."""

    name: str
    before: float
    after: float


@dataclasses.dataclass(frozen=True)
class Value:
    """One measure's value, what chance gives in the mean, and the test that says whether it is more than chance."""

    value: float
    chance: float
    tested: Tested


@dataclasses.dataclass(frozen=True)
class Found:
    """What the values of a column gave, see `comparison.ColumnComparison`."""

    measures: Mapping[Measure, Value] = dataclasses.field(default_factory=dict)
    moved: Sequence[Moved] = ()
    bars: Sequence[Moved] = ()
    undecided: str = ""
    is_identifier: bool = False


def compare_values(before: ColumnSummary, after: ColumnSummary, min_rows: int) -> Found:
    """The measures of two summaries of the same kind, with rows."""
    if min(before.values, after.values) < min_rows:
        small = f"{before.values:,} values before and {after.values:,} now; {min_rows:,} on both sides are needed."
        return Found(undecided=small)
    if before.kind == "values":
        return _of_values(before.counts, after.counts)
    if before.kind == "text":
        return _of_text(before, after)
    return _of_numbers(before.numbers.values, after.numbers.values)


def _of_numbers(before: Floats, after: Floats) -> Found:
    tested, place = kolmogorov_smirnov(before, after)
    edges = quantile_edges(before)
    bins = bin_counts(before, edges), bin_counts(after, edges)
    sizes = len(before), len(after)
    count = len(edges) + 1
    measures: dict[Measure, Value] = {
        "psi": Value(psi(*bins) or 0.0, chance_of_psi(count, *sizes), tested),
        "jensen_shannon": Value(jensen_shannon(*bins) or 0.0, chance_of_divergence(count, *sizes), tested),
        "kolmogorov_smirnov": Value(tested.statistic, 0.0, tested),
    }
    above = Moved(f"{place:.6g}", float((before > place).mean()), float((after > place).mean()))
    return Found(measures, [above], _bars(_bin_names(edges), *bins))


def _bin_names(edges: Floats) -> list[str]:
    ends = [f"{edge:.4g}" for edge in edges]
    return [f"≤ {ends[0]}", *(f"{low} to {high}" for low, high in itertools.pairwise(ends)), f"> {ends[-1]}"]


def _bars(names: Sequence[str], before: Sequence[int], after: Sequence[int]) -> list[Moved]:
    totals = max(sum(before), 1), max(sum(after), 1)
    return [Moved(name, p / totals[0], q / totals[1]) for name, p, q in zip(names, before, after, strict=True)]


def _of_values(before: ValueCounts, after: ValueCounts) -> Found:
    if _is_mostly_different(before) and _is_mostly_different(after):
        return Found(
            undecided="Its values hardly repeat, so it is taken for an identifier or free text.", is_identifier=True
        )
    ones, others = _with_rest(before), _with_rest(after)
    sizes = before.total, after.total
    table = _barred(before, after)
    bins = [counts[0] for counts in table.values()], [counts[1] for counts in table.values()]
    tested = same_shares(*bins)
    largest = l_infinity(ones, others)
    distinct = len({*ones, *others})
    measures: dict[Measure, Value] = {
        "psi": Value(psi(*bins) or 0.0, chance_of_psi(len(table), *sizes), tested),
        "jensen_shannon": Value(
            jensen_shannon_of_values(ones, others) or 0.0, chance_of_divergence(distinct, *sizes), tested
        ),
        "l_infinity": Value(largest[0] if largest else 0.0, 0.0, tested),
    }
    return Found(measures, _most_moved(ones, others, *sizes), _bars(list(table), *bins)[: SHOWN + 1])


def _is_mostly_different(counts: ValueCounts) -> bool:
    return len(counts.counts) + counts.rest > _MOSTLY_DIFFERENT * counts.total


def _with_rest(counts: ValueCounts) -> Counts:
    return {**counts.counts, OTHERS: counts.rest} if counts.rest else counts.counts


def _barred(before: ValueCounts, after: ValueCounts) -> dict[str, tuple[int, int]]:
    """Counts of the values that are frequent on either side, those of the others together."""
    total = before.total, after.total
    names = {*before.counts, *after.counts}
    shares = {name: max(before.counts.get(name, 0) / total[0], after.counts.get(name, 0) / total[1]) for name in names}
    chosen = sorted(names, key=lambda name: (-shares[name], name))[:BARRED_VALUES]
    table = {name: (before.counts.get(name, 0), after.counts.get(name, 0)) for name in chosen}
    others = tuple(size - sum(counts[side] for counts in table.values()) for side, size in enumerate(total))
    return {**table, OTHERS: (others[0], others[1])} if any(others) else table


def _most_moved(before: Counts, after: Counts, size_before: float, size_after: float) -> list[Moved]:
    """The values whose shares moved most."""
    found = [
        Moved(name, before.get(name, 0) / size_before, after.get(name, 0) / size_after)
        for name in sorted({*before, *after})
    ]
    return sorted(found, key=lambda item: (-round(abs(item.after - item.before), 9), item.name))[:SHOWN]


def _of_text(before: ColumnSummary, after: ColumnSummary) -> Found:
    ones, others = before.counts, after.counts
    texts = before.values, after.values
    head = _head(ones, others)
    table = [_counts_of(head, ones), _counts_of(head, others)]
    expected = unseen_by_chance(list(ones.counts.values()), ones.rest)
    unseen = _unseen_share(ones, others)
    tested = _tested_words(table, texts, expected, unseen)
    length, _ = kolmogorov_smirnov(before.numbers.values, after.numbers.values)
    moved = _most_moved(
        {word: ones.counts.get(word, 0) for word in head}, {word: others.counts.get(word, 0) for word in head}, *texts
    )
    divergence = jensen_shannon(*table) or 0.0
    measures: dict[Measure, Value] = {
        "jensen_shannon": Value(divergence, chance_of_divergence(len(head) + 1, ones.total, others.total), tested),
        "l_infinity": Value(max((abs(item.after - item.before) for item in moved), default=0.0), 0.0, tested),
        "unseen_words": Value(unseen, expected, tested),
        "kolmogorov_smirnov": Value(length.statistic, 0.0, length),
    }
    return Found(measures, moved, moved)


def _head(before: ValueCounts, after: ValueCounts) -> list[str]:
    """The most frequent words of both together."""
    together = {
        word: before.counts.get(word, 0) + after.counts.get(word, 0) for word in {*before.counts, *after.counts}
    }
    frequent = [word for word, count in together.items() if count >= HEAD_TEXTS]
    return sorted(frequent, key=lambda word: (-together[word], word))[:HEAD_WORDS]


def _counts_of(head: Sequence[str], counts: ValueCounts) -> list[int]:
    """Counts of the head's words, then of all others together."""
    found = [counts.counts.get(word, 0) for word in head]
    return [*found, counts.total - sum(found)]


def _unseen_share(before: ValueCounts, after: ValueCounts) -> float:
    unseen = sum(count for word, count in after.counts.items() if word not in before.counts)
    return (unseen + after.rest) / after.total if after.total else 0.0


def _tested_words(table: Sequence[Sequence[int]], texts: tuple[int, int], expected: float, unseen: float) -> Tested:
    """Whether any frequent word's share of texts moved, or the share of words never seen.

    Words of one text depend on each other, so the share of unseen words counts as that of so many texts.
    """
    first, second = (
        [*counts[: min(TESTED_WORDS, len(counts) - 1)], share * size]
        for counts, share, size in zip(table, (expected, unseen), texts, strict=True)
    )
    return any_share(first, texts[0], second, texts[1])
