"""What the statistics of a run say about a feature, in words: the reasons for changing its schema."""

from collections.abc import Callable, Collection, Mapping

from tensorflow_metadata.proto.v0 import statistics_pb2

Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]
"""Per split; the first dataset of each list holds all its examples (StatisticsGen without slices)."""

_MAX_VALUES_NAMED = 5
_TYPE_WORDS = {
    statistics_pb2.FeatureNameStatistics.INT: "integers (INT)",
    statistics_pb2.FeatureNameStatistics.FLOAT: "numbers with fractions (FLOAT)",
    statistics_pb2.FeatureNameStatistics.STRING: "strings (BYTES)",
    statistics_pb2.FeatureNameStatistics.BYTES: "bytes (BYTES)",
    statistics_pb2.FeatureNameStatistics.STRUCT: "nested values (STRUCT)",
}

_Words = Callable[[statistics_pb2.FeatureNameStatistics, int], str]


def feature_statistics(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """The statistics of one split by feature name."""
    if not statistics.datasets:
        return {}
    return {feature_name(feature): feature for feature in statistics.datasets[0].features}


def feature_name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """The name of a top-level feature."""
    return str(feature.path.step[0]) if feature.path.step else str(feature.name)


def has_values(feature: statistics_pb2.FeatureNameStatistics | None) -> bool:
    """True if some example has a value."""
    return feature is not None and common_statistics(feature).num_non_missing > 0


def common_statistics(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.CommonStatistics:
    """The counts that every type of feature has; all zero without statistics."""
    which = feature.WhichOneof("stats")
    return getattr(feature, which).common_stats if which else statistics_pb2.CommonStatistics()


def integer_range(statistics: Statistics, name: str) -> tuple[int, int] | None:
    """The smallest and the largest value over all splits; None if no split has numbers there."""
    seen = [
        feature.num_stats
        for found in statistics.values()
        if (feature := feature_statistics(found).get(name)) is not None
        and feature.WhichOneof("stats") == "num_stats"
        and has_values(feature)
    ]
    return (int(min(one.min for one in seen)), int(max(one.max for one in seen))) if seen else None


def string_values(statistics: Statistics, name: str) -> list[str] | None:
    """Every string seen in any split, sorted; None if some split did not count them all."""
    values: set[str] = set()
    for found in statistics.values():
        feature = feature_statistics(found).get(name)
        if feature is None or not has_values(feature):
            continue
        counted = feature.string_stats.rank_histogram.buckets
        if len(counted) < feature.string_stats.unique or not counted:
            return None
        values.update(str(bucket.label) for bucket in counted)
    return sorted(values)


def presence_in_words(statistics: Statistics, name: str) -> str:
    """How many rows of each split have a value."""

    def words(feature: statistics_pb2.FeatureNameStatistics, rows: int) -> str:
        missing = rows - common_statistics(feature).num_non_missing
        if not missing:
            return f"a value in all {rows:,} rows"
        return f"no value in {missing:,} of {rows:,} rows" if missing < rows else f"no value in any of {rows:,} rows"

    return _per_split(statistics, name, words)


def type_in_words(statistics: Statistics, name: str) -> str:
    """What each split holds."""
    return _per_split(statistics, name, lambda feature, _rows: _TYPE_WORDS.get(feature.type, "another type"))


def range_in_words(statistics: Statistics, name: str) -> str:
    """The smallest and the largest value in each split."""
    return _per_split(
        statistics,
        name,
        lambda feature, rows: f"from {feature.num_stats.min:.12g} to {feature.num_stats.max:.12g} in {rows:,} rows",
    )


def value_count_in_words(statistics: Statistics, name: str) -> str:
    """How many values a row has in each split."""

    def words(feature: statistics_pb2.FeatureNameStatistics, rows: int) -> str:
        common = common_statistics(feature)
        return f"{common.min_num_values} to {common.max_num_values} values in each row that has one ({rows:,} rows)"

    return _per_split(statistics, name, words)


def values_in_words(statistics: Statistics, name: str, values: Collection[str]) -> str:
    """How often each of these strings was seen, in the splits that have it."""
    named = list(values)[:_MAX_VALUES_NAMED]
    more = f"; {len(values) - len(named)} more values" if len(values) > len(named) else ""
    return "; ".join(_value_in_words(statistics, name, value) for value in named) + more


def _value_in_words(statistics: Statistics, name: str, value: str) -> str:
    seen = []
    for split, found in statistics.items():
        feature = feature_statistics(found).get(name)
        count = 0 if feature is None else _occurrences(feature, value)
        if count:
            seen.append(f"{count:,} of {found.datasets[0].num_examples:,} rows of split {split}")
    return f"value '{value}' seen in {', '.join(seen)}" if seen else f"value '{value}' is not in the statistics"


def _occurrences(feature: statistics_pb2.FeatureNameStatistics, value: str) -> int:
    counted = feature.string_stats.rank_histogram.buckets
    return next((round(bucket.sample_count) for bucket in counted if bucket.label == value), 0)


def _per_split(statistics: Statistics, name: str, words: _Words) -> str:
    said = []
    for split, found in statistics.items():
        feature = feature_statistics(found).get(name)
        rows = found.datasets[0].num_examples if found.datasets else 0
        said.append(f"split {split}: {words(feature, rows) if feature is not None else 'no such column'}")
    return "; ".join(said)
