"""The statistics of a run's rows: every feature, one feature, and how far two sets of rows are apart."""

from collections.abc import Mapping, Sequence

import pandas as pd
from markupsafe import Markup

from pipeline.diff.document import Drift
from pipeline.diff.drift import drift_of
from pipeline.errors import NotFound
from pipeline.readers.statistics import FeatureStatistics, Statistics
from pipeline.report.statistics import feature_figure, feature_view
from pipeline.report.table import Column, table
from pipeline.report.tags import join, tag
from pipeline.report.text import clipped, counted, number, percent
from pipeline.workbench.display import SHOWN_ROWS, Shown


class StatisticsPart(Shown):
    """What StatisticsGen counted, for each feature and split."""

    def __init__(self, statistics: Statistics) -> None:
        """Takes what the reader found."""
        self.reading = statistics

    @property
    def title(self) -> str:
        """How many features and splits."""
        splits = ", ".join(f"{split.split} {split.rows:,}" for split in self.reading.splits)
        return f"Statistics of {counted(len(self.reading.feature_names), 'feature')} (rows: {splits})"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each feature and split."""
        rows = [_statistics_row(split.split, item) for split in self.reading.splits for item in split.features]
        return pd.DataFrame(rows)

    def feature(self, name: str) -> "FeaturePart":
        """One feature, its splits side by side.

        Raises:
          NotFound: no split has it; names what there is.
        """
        found = self.reading.by_split(name)
        if not found:
            raise NotFound(f"There are no statistics of '{name}'; there are {', '.join(self.reading.feature_names)}.")
        return FeaturePart(name, found)

    def drift(self, before: str = "train", after: str = "eval") -> "DriftTable":
        """How far apart two splits of the same run are, and whether chance explains it.

        Raises:
          NotFound: there is no such split; names what there is.
        """
        splits = {split.split: split for split in self.reading.splits}
        for name in (before, after):
            if name not in splits:
                raise NotFound(f"There is no split '{name}'; there are {', '.join(splits)}.")
        one, other = splits[before], splits[after]
        items = [drift_of(after, name, one.feature(name), other.feature(name)) for name in self.reading.feature_names]
        return DriftTable(items, (before, after), f"{before} and {after} of the same run")

    def body(self) -> Markup:
        """One row for each feature, with a small drawing of the first two splits."""
        names = self.reading.feature_names
        columns = (
            Column("feature"),
            Column("type"),
            Column("missing", numeric=True),
            Column(
                "distribution", meaning="first split filled, second as a line; texts: shares of the commonest values"
            ),
            Column("in short"),
        )
        rows = [self._shown_row(name) for name in names[:SHOWN_ROWS]]
        more = len(names) - len(rows)
        left_out = f"… and {counted(more, 'more feature')}: see .frame. " if more > 0 else ""
        told = tag("p", f"{left_out}.feature(name) shows one of them.", class_="note")
        return join([table(columns, rows, caption=self.title, sortable=False), told])

    def _shown_row(self, name: str) -> list[object]:
        splits = self.reading.by_split(name)
        first = next(iter(splits.values()))
        missing = " / ".join(percent(item.missing_fraction) for item in splits.values())
        return [name, first.type.lower(), missing, feature_figure(splits, name), _in_short(first)]


class FeaturePart(Shown):
    """One feature, its splits side by side."""

    def __init__(self, name: str, splits: Mapping[str, FeatureStatistics]) -> None:
        """Takes the feature's statistics by split."""
        self.name, self.splits = name, splits

    @property
    def title(self) -> str:
        """Its name and type."""
        return f"{self.name} ({next(iter(self.splits.values())).type})"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each split."""
        return pd.DataFrame([_statistics_row(split, item) for split, item in self.splits.items()])

    @property
    def values(self) -> pd.DataFrame:
        """How large each value's share of a split is, the commonest of the first split first; no rows for numbers."""
        found = {
            split: pd.Series({value.value: value.count / max(item.present, 1) for value in item.string.values})
            for split, item in self.splits.items()
            if item.string is not None
        }
        return pd.DataFrame(found).sort_values(list(found), ascending=False) if found else pd.DataFrame()

    def body(self) -> Markup:
        """The figures, histograms of numbers, and shares of the commonest values."""
        return feature_view(self.splits)


def _statistics_row(split: str, item: FeatureStatistics) -> dict[str, object]:
    numeric, string = item.numeric, item.string
    top = string.values[0] if string and string.values else None
    return {
        "feature": item.name,
        "split": split,
        "type": item.type,
        "rows": item.rows,
        "missing": item.missing,
        "missing_fraction": item.missing_fraction,
        "unique": string.unique if string else None,
        "top_value": top.value if top else None,
        "top_share": top.count / item.present if top and item.present else None,
        "average_length": string.average_length if string else None,
        "mean": numeric.mean if numeric else None,
        "std_dev": numeric.std_dev if numeric else None,
        "min": numeric.min if numeric else None,
        "median": numeric.median if numeric else None,
        "max": numeric.max if numeric else None,
        "zeros": numeric.zeros if numeric else None,
    }


def _in_short(item: FeatureStatistics) -> str:
    if item.numeric is not None:
        of = item.numeric
        return f"{number(of.min)} to {number(of.max)}, mean {number(of.mean)}, median {number(of.median)}"
    if item.string is None or not item.string.values:
        return "no values"
    top = item.string.values[0]
    share = percent(top.count / item.present if item.present else None)
    return f"{item.string.unique:,} different; commonest {clipped(top.value, 40)} ({share})"


class DriftTable(Shown):
    """How far each feature is in one set of rows from where it is in another.

    Attributes:
      names: of the two sets, for drawings.
    """

    def __init__(self, items: Sequence[Drift], names: tuple[str, str], title: str) -> None:
        """Takes the drift of each feature."""
        ranked = sorted(items, key=lambda item: (not item.changed, -(_distance(item) or 0.0), item.feature))
        self.reading, self.names, self._title = tuple(ranked), names, title

    @property
    def title(self) -> str:
        """What is compared, and how much of it moved."""
        moved = sum(item.changed for item in self.reading)
        return f"{self._title}: {moved} of {counted(len(self.reading), 'feature')} moved by more than chance explains"

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each feature: what moved by more than chance first, then the farthest."""
        rows = [
            {
                "feature": item.feature,
                "moved": item.changed,
                "distance": _distance(item),
                "jensen_shannon": item.jensen_shannon,
                "l_infinity": item.l_infinity,
                "kolmogorov_smirnov": item.kolmogorov_smirnov,
                "missing_change": item.missing_change,
                "why": "; ".join(item.reasons),
            }
            for item in self.reading
        ]
        return pd.DataFrame(rows)

    def feature(self, name: str) -> FeaturePart:
        """One feature in both, side by side.

        Raises:
          NotFound: neither has it; names what there is.
        """
        found = next((item for item in self.reading if item.feature == name), None)
        if found is None:
            known = ", ".join(item.feature for item in self.reading)
            raise NotFound(f"There are no statistics of '{name}'; there are {known}.")
        return FeaturePart(name, self._sides(found))

    def body(self) -> Markup:
        """One row for each feature with a small drawing of both."""
        columns = (
            Column("feature"),
            Column(
                "distance", numeric=True, meaning="the largest difference of shares: 0 = alike, 1 = nothing in common"
            ),
            Column(f"{self.names[0]} filled, {self.names[1]} as a line"),
            Column("missing"),
            Column("beyond chance", wide=True),
        )
        rows = [self._shown_row(item) for item in self.reading[:SHOWN_ROWS]]
        more = len(self.reading) - len(rows)
        left_out = tag("p", f"… and {counted(more, 'more feature')}: see .frame", class_="note") if more else None
        return join([table(columns, rows, caption=self.title, sortable=False), left_out])

    def _shown_row(self, item: Drift) -> list[object]:
        sides = self._sides(item)
        shares = [side.missing_fraction for side in sides.values()]
        missing = " → ".join(dict.fromkeys(percent(share) for share in shares))
        return [
            item.feature,
            number(_distance(item)),
            feature_figure(sides, item.feature),
            missing,
            "; ".join(item.reasons),
        ]

    def _sides(self, item: Drift) -> dict[str, FeatureStatistics]:
        found = dict(zip(self.names, (item.before, item.after), strict=True))
        return {label: side for label, side in found.items() if side is not None}


def _distance(item: Drift) -> float | None:
    """The largest difference of a value's share, or of the share of numbers below any bound; None if not measured.

    Not the Jensen-Shannon divergence: one extreme value stretches the bins that it is taken over.
    """
    return item.kolmogorov_smirnov if item.l_infinity is None else item.l_infinity
