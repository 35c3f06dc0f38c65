import pytest

from pipeline.errors import NotFound
from pipeline.readers.statistics import FeatureStatistics, SplitStatistics, Statistics, StringStatistics, ValueCount
from pipeline.workbench.statistics import StatisticsPart

HOSTILE = "<script>alert(1)</script>"


def split(name, shares, rows=1000):
    """A split with one feature of these values, in hundredths of the rows."""
    values = tuple(ValueCount(value, share * rows / 100) for value, share in shares.items())
    text = StringStatistics(len(values), 1.0, values)
    return SplitStatistics(
        name, rows, (FeatureStatistics(HOSTILE, "STRING", rows, rows, 0, rows, 1, 1, 1.0, None, text),)
    )


def test_splits_that_are_alike_have_not_moved():
    part = StatisticsPart(Statistics((split("train", {"a": 60, "b": 40}), split("eval", {"a": 61, "b": 39}))))
    drift = part.drift("train", "eval")
    assert drift.frame["moved"].tolist() == [False]
    assert drift.frame["l_infinity"].iloc[0] == pytest.approx(0.01)
    assert "0 of 1 feature moved" in drift.title


def test_a_value_that_became_common_has_moved_the_feature():
    part = StatisticsPart(Statistics((split("train", {"a": 90, "b": 10}), split("eval", {"a": 50, "b": 50}))))
    drift = part.drift("train", "eval")
    assert drift.frame["moved"].tolist() == [True]
    assert drift.frame["distance"].iloc[0] == pytest.approx(0.4)
    for shown in (part, drift, drift.feature(HOSTILE), part.feature(HOSTILE)):
        assert "<script" not in shown._repr_html_()
        assert "&lt;script&gt;" in shown._repr_html_()


def test_what_there_is_no_statistics_of_is_named_beside_what_there_is():
    part = StatisticsPart(Statistics((split("train", {"a": 100}),)))
    with pytest.raises(NotFound, match="no statistics of 'b'; there are <script>"):
        part.feature("b")
    with pytest.raises(NotFound, match="no split 'eval'; there are train"):
        part.drift("train", "eval")
    with pytest.raises(NotFound, match="no statistics of 'b'"):
        part.drift("train", "train").feature("b")
