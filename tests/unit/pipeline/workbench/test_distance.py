import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from pipeline.readers.statistics import Bucket, FeatureStatistics, NumericStatistics, StringStatistics, ValueCount
from pipeline.workbench.distance import distance, jensen_shannon, l_infinity


def buckets(counts, edges):
    return tuple(Bucket(low, high, count) for low, high, count in zip(edges, edges[1:], counts, strict=False))


def feature(numeric=None, string=None):
    return FeatureStatistics("f", "FLOAT", 10, 10, 0, 10, 1, 1, 1.0, numeric=numeric, string=string)


def numbers(histogram, quantiles=(), mean=1.0, low=0.0, high=1.0):
    return NumericStatistics(mean, 1.0, low, mean, high, 0, tuple(histogram), tuple(quantiles))


def texts(counts, unique=None):
    values = tuple(ValueCount(value, count) for value, count in counts.items())
    return StringStatistics(len(counts) if unique is None else unique, 1.0, values)


def test_on_the_same_bins_the_divergence_is_scipys():
    edges = np.linspace(0, 1, 6).tolist()
    one, other = [5.0, 1, 0, 3, 1], [1.0, 1, 4, 0, 2]
    expected = jensenshannon(one, other, base=2) ** 2
    assert jensen_shannon(buckets(one, edges), buckets(other, edges)) == pytest.approx(expected)


def test_on_other_bins_values_lie_evenly_inside_them():
    # [0, 2) with 4 values is [0, 1) and [1, 2) with 2 each.
    expected = jensenshannon([2, 2], [1, 3], base=2) ** 2
    assert jensen_shannon(buckets([4.0], [0, 2]), buckets([1.0, 3.0], [0, 1, 2])) == pytest.approx(expected)


def test_a_single_value_is_not_the_bin_around_it():
    assert jensen_shannon([Bucket(1, 1, 5)], [Bucket(1, 1, 9)]) == pytest.approx(0.0)
    assert jensen_shannon([Bucket(1, 1, 5)], [Bucket(2, 2, 5)]) == pytest.approx(1.0)
    assert jensen_shannon([], [Bucket(1, 1, 9)]) is None


def test_the_distance_of_categories_is_the_largest_difference_of_shares():
    assert l_infinity({"a": 8, "b": 2}, {"a": 1, "c": 3}) == pytest.approx(0.75)
    assert l_infinity({}, {"a": 1}) is None


def test_texts_that_are_all_different_are_not_measured():
    one, other = (feature(string=texts({"a": 1}, unique=unique)) for unique in (2000, 10))
    assert distance(one, other) is None
    assert distance(other, other) == ("L-infinity", 0.0)


def test_one_extreme_value_does_not_make_skewed_numbers_drift():
    # Nine in ten are 0 to 10 on both sides; only the largest value differs, a thousandfold.
    quantiles = [(0.0, 10.0, 90.0)]
    one, other = (
        feature(numbers([Bucket(0, high, 100)], [Bucket(*quantiles[0]), Bucket(10, high, 10)], mean=1.0, high=high))
        for high in (30.0, 30_000.0)
    )
    measure, found = distance(one, other)
    assert measure == "Jensen-Shannon"
    assert found < 0.1
    assert jensen_shannon(one.numeric.histogram, other.numeric.histogram) > 0.9


def test_a_number_that_became_a_text_has_no_distance():
    assert distance(feature(numbers([Bucket(0, 1, 1)])), feature(string=texts({"a": 1}))) is None
