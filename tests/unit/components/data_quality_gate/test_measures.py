"""Expected values are computed by hand, beside each."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pytest

from components.data_quality_gate.columns import DoesNotFit, readable
from components.data_quality_gate.measures import measure_of, plain_row
from components.data_quality_gate.number_measures import SAMPLE_ROWS, Quantile
from components.data_quality_gate.settings import Constraint


def batch(**columns):
    return readable(pa.record_batch(columns))


def measured(constraint, *batches):
    measure = measure_of(constraint)
    for item in batches:
        measure.add(item)
    return measure


NUMBERS = batch(
    x=pa.array([2, 4, 4, 4, None, 5, 5, 7, 9], pa.int64()),  # mean 5, squared distances 9+1+1+1+0+0+4+16 = 32
    y=pa.array([1, 2, 2, 2, 8, None, 3, 4, 5], pa.int64()),
    f=pa.array([0.1, math.nan, None, 0.7, 0.3, 0.2, 0.5, 0.4, 0.6], pa.float32()),
    s=pa.array([b"a", b"b", b"a", None, b"a", b"c", b"ab", b"a", b""], pa.large_binary()),
)


@pytest.mark.parametrize(
    ("constraint", "value", "rows"),
    [
        (Constraint("size", min=1), 9, 9),
        (Constraint("completeness", column="x"), 8 / 9, 9),
        (Constraint("completeness", column="f"), 7 / 9, 9),
        (Constraint("completeness", column="absent"), 0, 9),
        (Constraint("minimum", column="x", min=0), 2, 8),
        (Constraint("maximum", column="x", min=0), 9, 8),
        (Constraint("minimum", column="f", min=0), 0.1, 7),
        (Constraint("maximum", column="f", min=0), 0.7, 7),
        (Constraint("mean", column="x", min=0), 5, 8),
        (Constraint("standard_deviation", column="x", min=0), math.sqrt(32 / 7), 8),
        (Constraint("quantile", column="x", quantile=0.5, min=0), 4.5, 8),  # sorted: 2 4 4 4 | 5 5 7 9
        (Constraint("quantile", column="x", quantile=0.25, min=0), 4, 8),
        (Constraint("quantile", column="f", quantile=0.5, min=0), 0.4, 7),
        (Constraint("allowed_values", column="s", values=("a", "b")), 5 / 8, 8),
        (Constraint("pattern", column="s", regex="a|b"), 5 / 8, 8),
        (Constraint("pattern", column="x", regex="[2-5]"), 6 / 8, 8),
        (Constraint("compliance", expression="y < x"), 7 / 7, 7),
        (Constraint("compliance", expression="x > 4"), 4 / 8, 8),
    ],
)
def test_each_kind_measures_what_hand_and_definition_give(constraint, value, rows):
    measure = measured(constraint, NUMBERS)
    assert measure.value == pytest.approx(value)
    assert measure.rows == rows


def test_numbers_of_a_float32_column_are_the_decimals_that_were_written():
    assert measured(Constraint("minimum", column="f", min=0), NUMBERS).value == 0.1
    assert measured(Constraint("quantile", column="f", quantile=0.5, min=0), NUMBERS).value == 0.4


def test_correlation_is_over_rows_that_have_both():
    # x: 1 2 3, y: 2 4 5; means 2 and 11/3; products (-1)(-5/3) + 0 + (1)(4/3) = 3; squares 2 and 14/3
    table = batch(x=pa.array([1, 2, 3, 4, None], pa.int64()), y=pa.array([2, 4, 5, None, 9], pa.int64()))
    found = measured(Constraint("correlation", columns=("x", "y"), min=0), table)
    assert found.value == pytest.approx(3 / math.sqrt(2 * 14 / 3))
    assert found.rows == 3


@pytest.mark.parametrize("x", [[0.1] * 7, [1.0], []])
def test_without_variation_or_rows_there_is_no_correlation(x):
    table = batch(x=pa.array(x, pa.float32()), y=pa.array(range(len(x)), pa.int64()))
    found = measured(Constraint("correlation", columns=("x", "y"), min=0), table, table.slice(1))
    assert found.value is None


@pytest.mark.parametrize("kind", ["minimum", "maximum", "mean", "standard_deviation"])
@pytest.mark.parametrize("x", [pa.nulls(3), pa.array([None, math.nan], pa.float32()), pa.array([], pa.int64())])
def test_of_no_numbers_there_is_no_measure(kind, x):
    assert measured(Constraint(kind, column="x", min=0), batch(x=x)).value is None


def test_infinite_values_are_seen_by_bounds_and_spoil_mean_and_deviation():
    table = batch(x=pa.array([1, math.inf, 2], pa.float32()), y=pa.array([1, 2, 3], pa.int64()))
    assert measured(Constraint("maximum", column="x", max=9), table).value == math.inf
    assert measured(Constraint("minimum", column="x", max=9), table).value == 1
    for constraint in (
        Constraint("mean", column="x", max=9),
        Constraint("standard_deviation", column="x", max=9),
        Constraint("correlation", columns=("x", "y"), min=0),
    ):
        assert math.isnan(measured(constraint, table).value)


@pytest.mark.parametrize("kind", ["minimum", "maximum", "mean", "standard_deviation"])
def test_numbers_are_not_looked_for_in_text(kind):
    with pytest.raises(DoesNotFit, match="holds text"):
        measured(Constraint(kind, column="s", min=0), NUMBERS)


def seconds(*arguments):
    return datetime.datetime(*arguments, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("days", "newest", "unreadable"),
    [
        (pa.array([b"2024-02-28", b"2024-02-29", b"2024-02-27"]), seconds(2024, 2, 29), 0),
        (pa.array([b"2024-02-29T23:00:00+01:00", b"2024-02-29"]), seconds(2024, 2, 29, 22), 0),
        (pa.array([b"29.02.2024", b"soon", b"soon", b"2020-01-01", None]), seconds(2020, 1, 1), 3),
        (pa.array([1_700_000_000, 1_600_000_000, None]), 1_700_000_000, 0),
        (pa.array([b"never"]), None, 1),
    ],
)
def test_the_newest_moment_is_found_in_dates_and_in_seconds(days, newest, unreadable):
    found = measured(Constraint("freshness", column="d", max_age_days=1), batch(d=days))
    assert (found.value, found.unreadable) == (newest, unreadable)


def test_a_quantile_of_more_values_than_are_kept_is_off_by_little():
    values = np.random.default_rng(1).permutation(4 * SAMPLE_ROWS).astype(np.int64)
    measure = Quantile("x", 0.9)
    for chunk in np.array_split(values, 50):
        measure.add(batch(x=pa.array(chunk)))
    assert len(measure.values) == SAMPLE_ROWS
    # the rank's standard error is sqrt(0.9 * 0.1 / 65,536) = 0.0012; five of them
    assert measure.value / len(values) == pytest.approx(0.9, abs=0.006)


def test_a_quantile_does_not_lean_on_repeated_batches():
    chunk = batch(x=pa.array(np.random.default_rng(2).random(4096)))
    measure = Quantile("x", 0.5)
    for _ in range(100):
        measure.add(chunk)
    assert measure.value == pytest.approx(np.quantile(chunk["x"].to_numpy(), 0.5), abs=0.01)


def test_a_row_is_plain_json_without_what_is_missing():
    table = batch(
        a=pa.array([0.1, None], pa.float32()), b=pa.array([b"\xff", None]), c=pa.array([math.inf, 1.0], pa.float32())
    )
    assert plain_row(table, 0) == {"a": 0.1, "b": "\\xff", "c": "inf"}
    assert plain_row(table, 1) == {"c": 1.0}
