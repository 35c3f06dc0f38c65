"""How the features' distributions moved between two runs."""

import dataclasses
import math
from collections.abc import Iterator, Mapping

from components.distribution_validator.distances import jensen_shannon_of_values, l_infinity
from pipeline.diff.document import Drift, DriftPart
from pipeline.diff.measures import (
    chance_of_jensen_shannon,
    chance_of_kolmogorov_smirnov,
    do_means_differ,
    do_shares_differ,
    jensen_shannon_of_numbers,
    kolmogorov_smirnov,
)
from pipeline.readers.run_view import Reading
from pipeline.readers.statistics import (
    SHOWN_VALUES,
    FeatureStatistics,
    NumericStatistics,
    SplitStatistics,
    Statistics,
    StringStatistics,
    ValueCount,
)

#: A feature where most values are there once is an identifier or free text: its values are not a distribution.
_MOSTLY_DIFFERENT = 0.5
#: A change of the most changed of a thousand values' shares beyond so many standard errors is no chance.
_SURE_ERRORS = 4.5


def compare_statistics(before: Reading[Statistics], after: Reading[Statistics]) -> DriftPart:
    """Every feature of the splits that both runs have."""
    missing = tuple(reading.reason for reading in (before, after) if not reading)
    if before.value is None or after.value is None:
        return DriftPart((), missing)
    splits = [(split, after.value.split(split.split)) for split in before.value.splits]
    items = [drift for one, other in splits if other is not None for drift in _of_split(one, other)]
    only = {split.split for split in before.value.splits} ^ {split.split for split in after.value.splits}
    return DriftPart(
        items=tuple(sorted(items, key=lambda drift: (not drift.changed, -drift.size, drift.feature, drift.split))),
        missing=tuple(f"Only one of the runs has a split '{name}'." for name in sorted(only)),
    )


def _of_split(before: SplitStatistics, after: SplitStatistics) -> Iterator[Drift]:
    ones = {feature.name: feature for feature in before.features}
    others = {feature.name: feature for feature in after.features}
    for name in sorted({*ones, *others}):
        yield drift_of(before.split, name, ones.get(name), others.get(name))


def drift_of(split: str, name: str, before: FeatureStatistics | None, after: FeatureStatistics | None) -> Drift:
    """How one feature moved in one split."""
    drift = Drift(name, split, before, after)
    if before is None or after is None:
        return dataclasses.replace(drift, reasons=("the feature is new" if before is None else "the feature is gone",))
    measured = dataclasses.replace(drift, missing_change=after.missing_fraction - before.missing_fraction)
    reasons = [*_missing_reasons(before, after)]
    if before.numeric is not None and after.numeric is not None:
        measured = _with_numbers(measured, before.numeric, after.numeric)
        reasons += _number_reasons(measured, before, after)
    elif before.string is not None and after.string is not None:
        if not (_is_mostly_different(before) and _is_mostly_different(after)):
            measured = _with_values(measured, before.string, after.string)
            reasons += _value_reasons(measured, before.string, after.string)
    elif before.type != after.type:
        reasons.append(f"{before.type} became {after.type}")
    return dataclasses.replace(measured, reasons=tuple(reasons))


def _missing_reasons(before: FeatureStatistics, after: FeatureStatistics) -> Iterator[str]:
    if do_shares_differ(before.missing, before.rows, after.missing, after.rows):
        yield f"missing in {before.missing_fraction:.2%} of the rows, now {after.missing_fraction:.2%}"


def _with_numbers(drift: Drift, before: NumericStatistics, after: NumericStatistics) -> Drift:
    return dataclasses.replace(
        drift,
        jensen_shannon=jensen_shannon_of_numbers(
            before.histogram, after.histogram, before.not_a_number, after.not_a_number
        ),
        kolmogorov_smirnov=kolmogorov_smirnov(before.quantiles, after.quantiles),
    )


def _number_reasons(drift: Drift, before: FeatureStatistics, after: FeatureStatistics) -> Iterator[str]:
    one, other = before.numeric, after.numeric
    if one is None or other is None:
        return
    if do_shares_differ(one.zeros, before.values, other.zeros, after.values):
        zeros = [item.zeros / values for item, values in ((one, before.values), (other, after.values))]
        yield f"{zeros[0]:.2%} of the numbers were 0, now {zeros[1]:.2%}"
    errors = [
        (item.std_dev or 0.0) / math.sqrt(max(values, 1))
        for item, values in ((one, before.values), (other, after.values))
    ]
    if one.mean is not None and other.mean is not None and do_means_differ(other.mean - one.mean, *errors):
        yield f"the mean was {one.mean:,.4g}, now {other.mean:,.4g}"
    distance = drift.kolmogorov_smirnov
    if distance is not None and distance > chance_of_kolmogorov_smirnov(before.values, after.values):
        yield "the quantiles moved"


def _with_values(drift: Drift, before: StringStatistics, after: StringStatistics) -> Drift:
    ones, others = _counts(before), _counts(after)
    largest = l_infinity(ones, others)
    new = [item for item in after.values if item.value not in ones] if _is_complete(before) else []
    lost = [item for item in before.values if item.value not in others] if _is_complete(after) else []
    return dataclasses.replace(
        drift,
        jensen_shannon=jensen_shannon_of_values(ones, others),
        l_infinity=largest[0] if largest else None,
        l_infinity_value=largest[1] if largest else None,
        new_values=tuple(new[:SHOWN_VALUES]),
        lost_values=tuple(lost[:SHOWN_VALUES]),
        new_count=len(new),
        lost_count=len(lost),
    )


def _value_reasons(drift: Drift, before: StringStatistics, after: StringStatistics) -> Iterator[str]:
    if drift.new_count:
        yield f"{drift.new_count} new values{_named(drift.new_values)}"
    if drift.lost_count:
        yield f"{drift.lost_count} values no longer there{_named(drift.lost_values)}"
    if _moved(drift, _counts(before), _counts(after), whole=_is_complete(before) and _is_complete(after)):
        yield f"shares moved, most that of '{_shortened(drift.l_infinity_value or '')}'"


def _moved(drift: Drift, before: Mapping[str, float], after: Mapping[str, float], *, whole: bool) -> bool:
    sizes = sum(before.values()), sum(after.values())
    if drift.jensen_shannon is None or drift.l_infinity is None or min(sizes) <= 0:
        return False
    if whole:
        return drift.jensen_shannon > chance_of_jensen_shannon(len({*before, *after}), *sizes)
    # Of very many values only the most frequent are known, so that the divergence says little.
    value = drift.l_infinity_value or ""
    share = (before.get(value, 0.0) + after.get(value, 0.0)) / sum(sizes)
    error = math.sqrt(share * (1 - share) * (1 / sizes[0] + 1 / sizes[1]))
    return drift.l_infinity > _SURE_ERRORS * error


def _counts(statistics: StringStatistics) -> dict[str, float]:
    return {item.value: item.count for item in statistics.values}


def _is_complete(statistics: StringStatistics) -> bool:
    return statistics.unique <= len(statistics.values)


def _is_mostly_different(feature: FeatureStatistics) -> bool:
    return feature.string is not None and feature.string.unique > _MOSTLY_DIFFERENT * max(feature.values, 1)


def _named(values: tuple[ValueCount, ...]) -> str:
    shown = ", ".join(f"'{_shortened(item.value)}'" for item in values[:3])
    return f": {shown}{', …' if len(values) > 3 else ''}" if shown else ""


def _shortened(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
