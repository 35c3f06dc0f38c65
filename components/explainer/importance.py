"""Importances of features with intervals, whether attributions sum up, and which words count: from attributions. NumPy.

The interval is a percentile bootstrap over rows (Efron and Tibshirani 1993): the mean of |attribution| for many
re-draws of the rows.
"""

import collections
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from components.explainer.document import Completeness, Group, Importance, Word

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RESAMPLES = 1000
CONFIDENCE = 0.95
MIN_GROUP_ROWS = 20
"""Fewer rows of a slice say too little."""

MIN_WORD_ROWS = 3
"""A word of fewer rows may owe its attribution to the rest of them."""


def resampled_means(sizes: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """The columns' means over re-draws of the rows, float64 [resamples, columns], of [rows, columns]."""
    rows = len(sizes)
    counts = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    return np.asarray(counts @ sizes / rows, np.float64)


def importances(attributions: Floats, names: Sequence[str], seed: int) -> tuple[Importance, ...]:
    """Each feature's importance with its interval, the largest first; attributions float64 [rows, features]."""
    sizes = np.abs(attributions)
    means, signed = sizes.mean(axis=0), attributions.mean(axis=0)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(resampled_means(sizes, seed), [tail, 100 - tail], axis=0)
    total = float(means.sum())
    found = [
        Importance(
            feature=name,
            importance=float(means[at]),
            low=float(min(low[at], means[at])),
            high=float(max(high[at], means[at])),
            mean=float(signed[at]),
            share=float(means[at]) / total if total > 0 else 0.0,
        )
        for at, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda item: (-item.importance, item.feature)))


def groups(
    members: Iterable[tuple[Mapping[str, str], Ints]], attributions: Floats, names: Sequence[str], seed: int
) -> tuple[Group, ...]:
    """The importances in each group of rows that has enough of them, in the order given."""
    return tuple(
        Group(dict(key), int(rows.size), importances(attributions[rows], names, seed))
        for key, rows in members
        if rows.size >= MIN_GROUP_ROWS
    )


def gaps(sums: Floats, outputs: Floats, baseline_outputs: Floats) -> Floats:
    """|sum of attributions - (F(row) - F(baseline))|, float64 [rows]."""
    return np.asarray(np.abs(sums - (outputs - baseline_outputs)), np.float64)


def keeps(sums: Floats, outputs: Floats, baseline_outputs: Floats, tolerance: float) -> npt.NDArray[np.bool_]:
    """Which rows' attributions sum up: the gap is within the tolerance of the larger of difference and spread.

    A row's difference alone would not do: it may be 0. Below a millionth of the outputs nothing is measured: they are
    float32.
    """
    differences, spread = np.abs(outputs - baseline_outputs), _spread(outputs)
    floor = 1e-6 * np.maximum(np.abs(outputs), np.abs(baseline_outputs))
    allowed = np.maximum(tolerance * np.maximum(differences, spread), floor)
    return np.asarray(gaps(sums, outputs, baseline_outputs) <= allowed, np.bool_)


def completeness(
    sums: Floats, outputs: Floats, baseline_outputs: Floats, tolerance: float, demanded: float
) -> Completeness:
    """The evidence that attributions sum up; a sum that is no number does not. All [rows]."""
    if not sums.size:
        return Completeness(None, 0, 0.0, tolerance, 0.0, demanded)
    kept = keeps(sums, outputs, baseline_outputs, tolerance)
    found = gaps(sums, outputs, baseline_outputs)
    finite = found[np.isfinite(found)]
    largest = float(finite.max()) if finite.size else 0.0
    spread = _spread(outputs)
    return Completeness(
        float(kept.mean()), int(sums.size), largest, tolerance, spread if np.isfinite(spread) else 0.0, demanded
    )


def _spread(outputs: Floats) -> float:
    return float(np.std(outputs)) if outputs.size else 0.0


def words_of(texts: Iterable[Sequence[tuple[str, float]]], most: int) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """The words with the largest positive and the largest negative mean attribution.

    Args:
      texts: of each row its words with their attributions.
      most: of either.
    """
    totals: dict[str, list[float]] = collections.defaultdict(list)
    rows: collections.Counter[str] = collections.Counter()
    for text in texts:
        for word, attribution in text:
            totals[word].append(attribution)
        rows.update({word for word, _ in text})
    found = [
        Word(word, float(np.mean(values)), rows[word]) for word, values in totals.items() if rows[word] >= MIN_WORD_ROWS
    ]
    found.sort(key=lambda item: (-item.attribution, item.word))
    raising = tuple(item for item in found[:most] if item.attribution > 0)
    lowering = tuple(item for item in found[::-1][:most] if item.attribution < 0)
    return raising, lowering
