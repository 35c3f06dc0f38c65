"""The statistics of the data, per split and feature, from StatisticsGen's FeatureStats.pb.

Counts are of rows or values as they are: TFDV's weighted statistics are left out.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.errors import NotFound
from pipeline.readers.documents import SPLIT_PREFIX, finite, read_proto, split_names

STATISTICS_FILE = "FeatureStats.pb"
SHOWN_VALUES = 20


@dataclasses.dataclass(frozen=True)
class Bucket:
    """One bar of a histogram: how many values lie from `low` to `high`."""

    low: float
    high: float
    count: float


@dataclasses.dataclass(frozen=True)
class ValueCount:
    """How often a value is there."""

    value: str
    count: float


@dataclasses.dataclass(frozen=True)
class NumericStatistics:
    """The distribution of numbers; None where there is no finite answer.

    Attributes:
      zeros: values that are 0.
      histogram: bars of equal width, finite values only.
      quantiles: bars of equal count, finite values only.
      not_a_number: values that are NaN.
      infinite: values that are infinite.
    """

    mean: float | None
    std_dev: float | None
    min: float | None
    median: float | None
    max: float | None
    zeros: int
    histogram: tuple[Bucket, ...]
    quantiles: tuple[Bucket, ...]
    not_a_number: int = 0
    infinite: float = 0.0


@dataclasses.dataclass(frozen=True)
class StringStatistics:
    """The distribution of strings, or of numbers that the schema calls categories.

    Attributes:
      unique: number of different values.
      average_length: in characters.
      values: the most frequent first, at most 1,000; texts too long for TFDV are `__LARGE_BYTES__`.
    """

    unique: int
    average_length: float
    values: tuple[ValueCount, ...]

    @property
    def top_values(self) -> tuple[ValueCount, ...]:
        """The twenty most frequent values."""
        return self.values[:SHOWN_VALUES]


@dataclasses.dataclass(frozen=True)
class FeatureStatistics:
    """One feature of one split.

    Attributes:
      name: its path with dots.
      type: TFDV's: INT, FLOAT, STRING, BYTES or STRUCT.
      rows: rows of the split.
      present: rows that have the feature.
      missing: rows that do not.
      values: values in all rows together.
      min_values, max_values, average_values: values per row that has any.
      numeric: for numbers.
      string: for strings and categories.
    """

    name: str
    type: str
    rows: int
    present: int
    missing: int
    values: int
    min_values: int
    max_values: int
    average_values: float
    numeric: NumericStatistics | None = None
    string: StringStatistics | None = None

    @property
    def missing_fraction(self) -> float:
        """The share of rows without the feature, 0 to 1; 0 where there are no rows."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def is_numeric(self) -> bool:
        """True if it has a distribution of numbers."""
        return self.numeric is not None


@dataclasses.dataclass(frozen=True)
class SplitStatistics:
    """The features of one split, in the order of their names."""

    split: str
    rows: int
    features: tuple[FeatureStatistics, ...]

    def feature(self, name: str) -> FeatureStatistics | None:
        """The feature of that name, None if the split does not have it."""
        return next((feature for feature in self.features if feature.name == name), None)


@dataclasses.dataclass(frozen=True)
class Statistics:
    """The statistics of one StatisticsGen artifact, train, eval and test first."""

    splits: tuple[SplitStatistics, ...]

    def split(self, name: str) -> SplitStatistics | None:
        """The split of that name, None if there is none."""
        return next((split for split in self.splits if split.split == name), None)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features of any split, each once, sorted."""
        return tuple(sorted({feature.name for split in self.splits for feature in split.features}))

    def by_split(self, feature: str) -> dict[str, FeatureStatistics]:
        """The feature in each split that has it: what stands side by side."""
        found = {split.split: split.feature(feature) for split in self.splits}
        return {name: statistics for name, statistics in found.items() if statistics is not None}


def read_statistics(folder: Path) -> Statistics:
    """The statistics in a StatisticsGen artifact.

    Raises:
      NotFound: there are none, or some cannot be read.
    """
    return Statistics(tuple(read_split(folder, name) for name in split_names(folder)))


def read_split(folder: Path, split: str) -> SplitStatistics:
    """The statistics of one split.

    Raises:
      NotFound: there are none, or they cannot be read.
    """
    path = folder / f"{SPLIT_PREFIX}{split}" / STATISTICS_FILE
    found = read_proto(path, statistics_pb2.DatasetFeatureStatisticsList())
    if not found.datasets:
        raise NotFound(f"{path}: holds the statistics of no data.")
    return split_statistics(split, found.datasets[0])


def split_statistics(split: str, dataset: statistics_pb2.DatasetFeatureStatistics) -> SplitStatistics:
    """The statistics of one split from TFDV's proto."""
    rows = int(dataset.num_examples)
    features = [_feature(feature, rows) for feature in dataset.features]
    return SplitStatistics(split, rows, tuple(sorted(features, key=lambda feature: feature.name)))


def _feature(feature: Any, rows: int) -> FeatureStatistics:
    kind = feature.WhichOneof("stats")
    stats = getattr(feature, kind) if kind else statistics_pb2.StringStatistics()
    common = stats.common_stats
    present = int(common.num_non_missing)
    return FeatureStatistics(
        name=".".join(feature.path.step) or feature.name,
        type=statistics_pb2.FeatureNameStatistics.Type.Name(feature.type),
        rows=rows,
        present=present,
        # Of features inside structs TFDV counts what is missing among their parents, not among rows.
        missing=int(common.num_missing) if len(feature.path.step) > 1 else max(rows - present, 0),
        values=int(common.tot_num_values),
        min_values=int(common.min_num_values),
        max_values=int(common.max_num_values),
        average_values=finite(common.avg_num_values) or 0.0,
        numeric=_numeric(stats) if kind == "num_stats" else None,
        string=_string(stats) if kind == "string_stats" else None,
    )


def _numeric(stats: Any) -> NumericStatistics:
    histograms = {histogram.type: histogram for histogram in stats.histograms}
    standard = histograms.get(statistics_pb2.Histogram.STANDARD)
    quantiles = histograms.get(statistics_pb2.Histogram.QUANTILES)
    bars = [] if standard is None else list(standard.buckets)
    has_values = stats.common_stats.num_non_missing > 0
    return NumericStatistics(
        **{
            name: finite(getattr(stats, name)) if has_values else None
            for name in ("mean", "std_dev", "min", "median", "max")
        },
        zeros=int(stats.num_zeros),
        histogram=tuple(_buckets(bars)),
        quantiles=tuple(_buckets([] if quantiles is None else quantiles.buckets)),
        not_a_number=0 if standard is None else int(standard.num_nan),
        infinite=sum(bar.sample_count for bar in bars if not _is_finite(bar)),
    )


def _buckets(bars: Iterable[Any]) -> Iterator[Bucket]:
    yield from (Bucket(bar.low_value, bar.high_value, bar.sample_count) for bar in bars if _is_finite(bar))


def _is_finite(bar: Any) -> bool:
    return math.isfinite(bar.low_value) and math.isfinite(bar.high_value)


def _string(stats: Any) -> StringStatistics:
    ranked = [ValueCount(bar.label, bar.sample_count) for bar in stats.rank_histogram.buckets]
    top = [ValueCount(item.value, item.frequency) for item in stats.top_values]
    return StringStatistics(int(stats.unique), finite(stats.avg_length) or 0.0, tuple(ranked or top))
