"""Statistics of the data as HTML: a line a feature, with its distribution in every split behind it."""

from collections.abc import Mapping

from markupsafe import Markup

from pipeline.readers.statistics import FeatureStatistics, Statistics
from pipeline.report.histogram import Distribution, distributions, side_by_side, sparkline, value_bars
from pipeline.report.table import Cell, Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number, percent

SHOWN_VALUES = 12
"""Top values of a feature that are shown."""
_SMALL_BARS = 10
_MANY_VALUES = 1000
"""Of a feature with more values than this no ten are worth a drawing."""
_FILTER_FROM = 12
"""A filter box helps from this many features on."""


def statistics_view(statistics: Statistics, *, key: str = "features") -> Markup:
    """Every feature of every split; `key` keeps two such lists on one page apart."""
    names = statistics.feature_names
    rows = [_feature(name, statistics.by_split(name), f"{key}-{index}") for index, name in enumerate(names)]
    listed = tag("div", *rows, class_="features", id=key)
    return join([_legend(statistics), _filter(key, len(names)), listed])


def feature_view(by_split: Mapping[str, FeatureStatistics]) -> Markup:
    """One feature in every split: numbers, and its distribution side by side."""
    return join([_numbers(by_split), _distribution(by_split)])


def feature_figure(by_split: Mapping[str, FeatureStatistics], name: str) -> Markup:
    """The feature's distribution as a drawing for a line of text; empty where it has none."""
    if bins := _histograms(by_split):
        return sparkline(bins, name=name)
    first = next((found.string for found in by_split.values() if found.string), None)
    if first is None or not first.values or first.unique > _MANY_VALUES:
        return Markup("")
    counts = [{item.value: item.count for item in found.string.values} for found in by_split.values() if found.string]
    totals = [max(found.values, 1) for found in by_split.values() if found.string]
    shares = {
        clipped(item.value, 60): [of.get(item.value, 0.0) / all_ for of, all_ in zip(counts, totals, strict=True)]
        for item in first.values[:_SMALL_BARS]
    }
    return value_bars(shares, title=f"Most frequent values of {name}")


def values_table(by_split: Mapping[str, FeatureStatistics]) -> Markup:
    """The most frequent values with their share in each split."""
    splits = {split: found for split, found in by_split.items() if found.string}
    counts = {
        split: {item.value: item.count for item in found.string.values}
        for split, found in splits.items()
        if found.string
    }
    top = dict.fromkeys(value for values in counts.values() for value in list(values)[:SHOWN_VALUES])
    columns = [Column("value"), *(Column(split, numeric=False) for split in splits)]
    rows = [
        [
            clipped(value, 160) or "(empty)",
            *(_share(values.get(value), splits[split], index) for index, (split, values) in enumerate(counts.items())),
        ]
        for value in list(top)[:SHOWN_VALUES]
    ]
    return table(columns, rows, caption="Most frequent values")


def _feature(name: str, by_split: Mapping[str, FeatureStatistics], element_id: str) -> Markup:
    first = next(iter(by_split.values()))
    kind = _kind(first)
    summary = tag(
        "summary",
        tag("span", clipped(name, 120), class_="feature-name"),
        tag("span", kind, class_="feature-kind"),
        tag("span", feature_figure(by_split, clipped(name, 60)), class_="feature-figure"),
        tag("span", _said(by_split), class_="feature-said"),
    )
    body = tag("div", feature_view(by_split), class_="feature-body")
    return tag("details", summary, body, class_="feature", id=element_id, data_name=f"{clipped(name)} {kind}")


def _kind(found: FeatureStatistics) -> str:
    """The type in one word."""
    return {"INT": "integer", "FLOAT": "number", "STRING": "text", "BYTES": "bytes"}.get(found.type, found.type.lower())


def _said(by_split: Mapping[str, FeatureStatistics]) -> str:
    first = next(iter(by_split.values()))
    missing = {split: found.missing_fraction for split, found in by_split.items()}
    parts = []
    if first.numeric:
        parts.append(f"mean {number(first.numeric.mean)}, {number(first.numeric.min)} to {number(first.numeric.max)}")
    elif first.string:
        parts.append(counted(first.string.unique, "value"))
    if any(missing.values()):
        worst = max(missing, key=lambda split: missing[split])
        parts.append(f"{percent(missing[worst])} missing in {worst}")
    return ", ".join(parts) or "no values"


def _legend(statistics: Statistics) -> Markup:
    swatches = [
        join(
            [
                tag("span", class_=f"swatch pn-s{index % 6 + 1}", aria_hidden="true"),
                f"{split.split} {split.rows:,} rows",
            ]
        )
        for index, split in enumerate(statistics.splits)
    ]
    said = " — small drawings: the first split filled, the second as a line; open a feature for all."
    return tag("p", join(swatches, "\u2003"), said, class_="note")


def _filter(key: str, features: int) -> Markup:
    if features < _FILTER_FROM:
        return Markup("")
    box = tag("input", type="search", id=f"{key}-filter", data_for=key, autocomplete="off", spellcheck="false")
    said = tag("output", counted(features, "feature"), for_=f"{key}-filter", class_="note")
    return tag("div", tag("label", "Show features named", for_=f"{key}-filter"), box, said, class_="filter")


def _numbers(by_split: Mapping[str, FeatureStatistics]) -> Markup:
    is_numeric = any(found.numeric for found in by_split.values())
    names = ("split", "rows with it", "missing", *(_NUMERIC if is_numeric else _STRING))
    columns = [Column(name, numeric=index > 0) for index, name in enumerate(names)]
    rows = [[split, *_row(found, numeric=is_numeric)] for split, found in by_split.items()]
    return table(columns, rows, caption="In numbers", sortable=False)


_NUMERIC = ("mean", "std. dev.", "min", "median", "max", "zeros", "not finite")
_STRING = ("different values", "average length", "values per row")


def _row(found: FeatureStatistics, *, numeric: bool) -> list[object]:
    share = found.missing_fraction
    start: list[object] = [number(found.present), Cell(percent(share), order=share, tone="busy" if share > 0.5 else "")]
    if not numeric:
        string = found.string
        lengths = (number(string.unique), number(string.average_length)) if string else ("—", "—")
        return [*start, *lengths, number(found.average_values)]
    stats = found.numeric
    if stats is None:
        return [*start, *("—" for _ in _NUMERIC)]
    measures = (stats.mean, stats.std_dev, stats.min, stats.median, stats.max)
    zeros = percent(stats.zeros / found.values if found.values else 0.0)
    return [*start, *(number(measure) for measure in measures), zeros, number(stats.not_a_number + stats.infinite)]


def _distribution(by_split: Mapping[str, FeatureStatistics]) -> Markup:
    parts: list[Markup] = []
    if bins := _histograms(by_split):
        parts.append(side_by_side(bins, name="Distribution"))
    if any(found.string and found.string.values for found in by_split.values()):
        parts.append(values_table(by_split))
    return join(parts)


def _histograms(by_split: Mapping[str, FeatureStatistics]) -> dict[str, Distribution]:
    return distributions({split: found.numeric for split, found in by_split.items() if found.numeric})


def _share(count: float | None, found: FeatureStatistics, index: int) -> Cell:
    """The value's share of the split's values with a bar; not known beyond the values that TFDV lists."""
    if count is None and found.string and len(found.string.values) < found.string.unique:
        return Cell("not listed", order=-1.0)
    share = (count or 0.0) / found.values if found.values else 0.0
    bar = tag("span", class_=f"share-bar pn-s{index % 6 + 1}", style=f"width:{share * 9:.2f}em", aria_hidden="true")
    return Cell(tag("span", bar, percent(share), class_="pn-whole"), order=share)
