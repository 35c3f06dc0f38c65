import dataclasses

import pytest

from pipeline.diff.drift import compare_statistics, drift_of
from pipeline.readers.run_view import Reading
from pipeline.readers.statistics import (
    Bucket,
    FeatureStatistics,
    NumericStatistics,
    SplitStatistics,
    Statistics,
    StringStatistics,
    ValueCount,
)


def feature(name="x", rows=1000, missing=0, **stats):
    kind = "STRING" if "string" in stats else "FLOAT"
    present = rows - missing
    return FeatureStatistics(name, kind, rows, present, missing, present, 1, 1, 1.0, **stats)


def words(counts, rows=1000, unique=None, **other):
    values = tuple(ValueCount(value, float(count)) for value, count in counts.items())
    return feature(rows=rows, string=StringStatistics(unique or len(values), 3.0, values), **other)


def numbers(low, high, count=1000.0, **other):
    quantiles = tuple(
        Bucket(low + i * (high - low) / 10, low + (i + 1) * (high - low) / 10, count / 10) for i in range(10)
    )
    stats = NumericStatistics((low + high) / 2, 1.0, low, (low + high) / 2, high, 0, quantiles, quantiles)
    return feature(numeric=stats, **other)


def test_the_same_values_did_not_move():
    one = words({"a": 700, "b": 300})
    found = drift_of("train", "x", one, one)
    assert not found.changed
    assert (found.jensen_shannon, found.l_infinity, found.missing_change) == (0.0, 0.0, 0.0)


def test_shares_that_chance_explains_did_not_move():
    found = drift_of("train", "x", words({"a": 700, "b": 300}), words({"a": 705, "b": 295}))
    assert found.l_infinity == pytest.approx(0.005)
    assert not found.changed


def test_shares_that_chance_does_not_explain_moved():
    found = drift_of("train", "x", words({"a": 700, "b": 200, "c": 100}), words({"a": 500, "b": 300, "c": 200}))
    assert found.l_infinity == pytest.approx(0.2)
    assert found.reasons == ("shares moved, most that of 'a'",)


def test_new_and_lost_values_are_named():
    found = drift_of("train", "x", words({"a": 999, "old": 1}), words({"a": 997, "<b>": 2, "new": 1}))
    assert [item.value for item in found.new_values] == ["<b>", "new"]
    assert (found.new_count, found.lost_count) == (2, 1)
    assert found.reasons[:2] == ("2 new values: '<b>', 'new'", "1 values no longer there: 'old'")


def test_of_values_that_are_not_all_known_none_is_called_new():
    before, after = words({"a": 500}, unique=400), words({"b": 500}, unique=400)
    found = drift_of("train", "x", before, after)
    assert (found.new_count, found.lost_count) == (0, 0)
    assert found.reasons == ("shares moved, most that of 'a'",)


def test_the_values_of_identifiers_are_not_compared():
    ids = [words({f"{run}{i}": 1 for i in range(10)}, unique=950) for run in "pq"]
    found = drift_of("train", "x", *ids)
    assert (found.jensen_shannon, found.changed) == (None, False)


def test_more_missing_rows_are_a_change():
    found = drift_of("train", "x", numbers(0, 1), numbers(0, 1, count=900.0, missing=100))
    assert found.missing_change == pytest.approx(0.1)
    assert found.reasons == ("missing in 0.00% of the rows, now 10.00%",)
    assert not drift_of("train", "x", numbers(0, 1), numbers(0, 1, count=999.0, missing=1)).changed


def test_numbers_that_moved_are_a_change():
    found = drift_of("train", "x", numbers(0, 10), numbers(2, 12))
    # Below 2 lie at least two of the ten bars before, and at most the first one, which begins at 2, after.
    assert found.kolmogorov_smirnov == pytest.approx(0.1)
    # Of unit bars on 0..10 and 2..12: eight bars in common.
    assert found.jensen_shannon == pytest.approx(0.2)
    assert found.reasons == ("the mean was 5, now 7",)
    assert not drift_of("train", "x", numbers(0, 10), numbers(0.1, 10.1)).changed


def test_numbers_that_keep_their_mean_and_spread_out_are_a_change():
    found = drift_of("train", "x", numbers(4, 6), numbers(0, 10))
    assert found.kolmogorov_smirnov == pytest.approx(0.3)
    assert found.reasons == ("the quantiles moved",)


def test_more_zeros_are_a_change():
    one = numbers(0, 10)
    other = dataclasses.replace(one, numeric=dataclasses.replace(one.numeric, zeros=100))
    assert drift_of("train", "x", one, other).reasons == ("0.00% of the numbers were 0, now 10.00%",)


def test_a_feature_that_came_or_went_moved_most():
    one = words({"a": 1})
    assert drift_of("train", "x", None, one).reasons == ("the feature is new",)
    assert drift_of("train", "x", one, None).reasons == ("the feature is gone",)
    assert drift_of("train", "x", one, None).size > 1


def test_a_feature_of_another_type_is_a_change():
    found = drift_of("train", "x", words({"1": 1000}), numbers(1, 1))
    assert found.reasons == ("STRING became FLOAT",)
    assert found.jensen_shannon is None


def test_a_column_that_is_empty_in_both_is_no_change():
    empty = words({}, missing=1000)
    found = drift_of("train", "x", empty, empty)
    assert not found.changed


def statistics(**splits):
    made = [SplitStatistics(name, 1000, features) for name, features in splits.items()]
    return Reading(Statistics(tuple(made)))


def test_what_moved_most_comes_first():
    still, moved = words({"a": 500, "b": 500}), dataclasses.replace(words({"a": 900, "b": 100}), name="moved")
    before = statistics(train=(still, dataclasses.replace(moved, string=still.string)), eval=(still,))
    after = statistics(train=(still, moved), test=(still,))
    found = compare_statistics(before, after)
    assert [(item.feature, item.split) for item in found.items] == [("moved", "train"), ("x", "train")]
    assert [item.feature for item in found.changed] == ["moved"]
    assert found.missing == (
        "Only one of the runs has a split 'eval'.",
        "Only one of the runs has a split 'test'.",
    )


def test_a_run_without_statistics_says_why():
    found = compare_statistics(statistics(train=()), Reading(reason="StatisticsGen failed: x"))
    assert (found.items, found.missing) == ((), ("StatisticsGen failed: x",))
