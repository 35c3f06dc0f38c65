import json
import math
from dataclasses import asdict

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.errors import NotFound
from pipeline.readers.statistics import Bucket, ValueCount, read_statistics, split_statistics

NUMBERS = """
  num_examples: 10
  features {
    path { step: "votes" } type: INT
    num_stats {
      common_stats {
        num_non_missing: 8 num_missing: 2 min_num_values: 1 max_num_values: 2 avg_num_values: 1.25 tot_num_values: 10
      }
      mean: 3.5 std_dev: 1.5 num_zeros: 4 min: 0 median: 3 max: 9
      histograms { buckets { low_value: 0 high_value: 4.5 sample_count: 7 }
                   buckets { low_value: 4.5 high_value: 9 sample_count: 3 } type: STANDARD }
      histograms { buckets { low_value: 0 high_value: 3 sample_count: 5 }
                   buckets { low_value: 3 high_value: 9 sample_count: 5 } type: QUANTILES }
    }
  }
"""

WORDS = """
  num_examples: 4
  features {
    path { step: "colour" } type: STRING
    string_stats {
      common_stats { num_non_missing: 4 min_num_values: 1 max_num_values: 1 avg_num_values: 1 tot_num_values: 4 }
      unique: 3 avg_length: 4.5
      top_values { value: "red" frequency: 2 }
      rank_histogram { buckets { label: "red" sample_count: 2 }
                       buckets { low_rank: 1 high_rank: 1 label: "<script>" sample_count: 1 }
                       buckets { low_rank: 2 high_rank: 2 label: "blue" sample_count: 1 } }
    }
  }
"""


def dataset(text):
    return text_format.Parse(text, statistics_pb2.DatasetFeatureStatistics())


def write(folder, **splits):
    for name, text in splits.items():
        (folder / f"Split-{name}").mkdir(parents=True)
        found = statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset(text)] if text else [])
        (folder / f"Split-{name}" / "FeatureStats.pb").write_bytes(found.SerializeToString())


def test_a_number_has_its_distribution():
    (votes,) = split_statistics("train", dataset(NUMBERS)).features
    assert (votes.name, votes.type, votes.rows, votes.present, votes.missing) == ("votes", "INT", 10, 8, 2)
    assert votes.missing_fraction == pytest.approx(0.2)
    assert (votes.values, votes.min_values, votes.max_values, votes.average_values) == (10, 1, 2, 1.25)
    numbers = votes.numeric
    assert (numbers.mean, numbers.std_dev, numbers.min, numbers.median, numbers.max) == (3.5, 1.5, 0.0, 3.0, 9.0)
    assert numbers.zeros == 4
    assert numbers.histogram == (Bucket(0, 4.5, 7), Bucket(4.5, 9, 3))
    assert numbers.quantiles == (Bucket(0, 3, 5), Bucket(3, 9, 5))
    assert votes.string is None


def test_a_string_has_its_values_most_frequent_first():
    (colour,) = split_statistics("train", dataset(WORDS)).features
    assert colour.numeric is None
    assert (colour.string.unique, colour.string.average_length) == (3, 4.5)
    assert colour.string.values == (ValueCount("red", 2), ValueCount("<script>", 1), ValueCount("blue", 1))


def test_only_twenty_values_are_at_the_top():
    bars = "".join(
        f'buckets {{ low_rank: {i} high_rank: {i} label: "v{i}" sample_count: {50 - i} }}' for i in range(30)
    )
    text = f'features {{ path {{ step: "x" }} type: STRING string_stats {{ rank_histogram {{ {bars} }} }} }}'
    (feature,) = split_statistics("train", dataset(text)).features
    assert [item.value for item in feature.string.top_values] == [f"v{i}" for i in range(20)]
    assert len(feature.string.values) == 30


def test_numbers_that_are_not_finite_do_not_reach_json():
    text = """
      num_examples: 3
      features { path { step: "x" } type: FLOAT num_stats {
        common_stats { num_non_missing: 3 }
        mean: nan std_dev: inf min: -inf max: inf median: 1
        histograms { num_nan: 1 type: STANDARD
          buckets { low_value: -inf high_value: 0 sample_count: 1 }
          buckets { low_value: 0 high_value: 2 sample_count: 1 }
          buckets { low_value: 2 high_value: inf sample_count: 1 } } } }
    """
    split = split_statistics("train", dataset(text))
    numbers = split.features[0].numeric
    assert (numbers.mean, numbers.std_dev, numbers.min, numbers.max, numbers.median) == (None, None, None, None, 1)
    assert numbers.histogram == (Bucket(0, 2, 1),)
    assert (numbers.not_a_number, numbers.infinite) == (1, 2)
    assert "NaN" not in json.dumps(asdict(split), allow_nan=False)


def test_a_column_without_any_value_has_no_mean():
    text = (
        """num_examples: 5 features { path { step: "x" } type: FLOAT num_stats { common_stats { num_missing: 5 } } }"""
    )
    (feature,) = split_statistics("train", dataset(text)).features
    assert feature.numeric.mean is None
    assert feature.numeric.median is None
    assert feature.missing_fraction == 1.0


def test_a_feature_whose_statistics_are_missing_altogether_is_there_without_them():
    (feature,) = split_statistics("train", dataset('num_examples: 2 features { path { step: "x" } }')).features
    assert (feature.numeric, feature.string) == (None, None)
    assert feature.missing == 2


def test_features_inside_structs_are_named_by_their_path():
    text = """num_examples: 5 features { path { step: "a" step: "b" } type: STRING
              string_stats { common_stats { num_non_missing: 7 num_missing: 1 } } }"""
    (feature,) = split_statistics("train", dataset(text)).features
    assert (feature.name, feature.present, feature.missing) == ("a.b", 7, 1)


def test_splits_stand_side_by_side(tmp_path):
    write(tmp_path, eval=WORDS, train=NUMBERS, test=WORDS)
    found = read_statistics(tmp_path)
    assert [split.split for split in found.splits] == ["train", "eval", "test"]
    assert found.feature_names == ("colour", "votes")
    assert list(found.by_split("colour")) == ["eval", "test"]
    assert found.split("train").feature("colour") is None
    assert found.split("nowhere") is None


def test_an_empty_split_is_no_defect(tmp_path):
    write(tmp_path, train="num_examples: 0")
    (split,) = read_statistics(tmp_path).splits
    assert (split.rows, split.features) == (0, ())
    assert not math.isnan(split.rows)


def test_statistics_of_no_data_set_are_said_so(tmp_path):
    write(tmp_path, train="")
    with pytest.raises(NotFound, match="statistics of no data"):
        read_statistics(tmp_path)


def test_a_split_without_its_file_is_named(tmp_path):
    (tmp_path / "Split-train").mkdir()
    with pytest.raises(NotFound, match=r"Split-train/FeatureStats\.pb"):
        read_statistics(tmp_path)
