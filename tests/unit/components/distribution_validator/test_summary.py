"""What is kept of a table: the same whatever the order of its batches, in bounded memory, and readable again."""

import datetime
import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.distribution_validator.cells import days_since_1970, split_words
from components.distribution_validator.columns import ComparedColumn
from components.distribution_validator.states import SAMPLE_SIZE, NumberSample, ValueCounts
from components.distribution_validator.summary import TableSummary

COLUMNS = [
    ComparedColumn("colour", "values"),
    ComparedColumn("price", "numbers"),
    ComparedColumn("said", "text"),
    ComparedColumn("day", "dates"),
    ComparedColumn("stars", "values", is_label=True),
]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["red", "blue", None]),
        st.one_of(st.none(), st.floats(-5, 5, width=32)),
        st.sampled_from(["Good, good!", "it's bad", "", None]),
        st.sampled_from(["2020-01-01", "1970-01-02", "never", None]),
        st.integers(1, 5),
    ),
    max_size=30,
)


def batch(rows: list[tuple]) -> pa.RecordBatch:
    colour, price, said, day, stars = zip(*rows, strict=True) if rows else ([],) * 5
    columns = [
        pa.array(colour, pa.large_binary()),
        pa.array(price, pa.float32()),
        pa.array(said, pa.large_binary()),
        pa.array(day, pa.large_binary()),
        pa.array(stars, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=[column.name for column in COLUMNS])


def as_bytes(rows: list[tuple]) -> list[tuple]:
    return [tuple(item.encode() if isinstance(item, str) else item for item in row) for row in rows]


def summary_of(*batches: pa.RecordBatch) -> TableSummary:
    found = TableSummary.empty(COLUMNS)
    for one in batches:
        found.add(one)
    return found


@given(st.lists(ROWS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_summaries_joined_in_any_order_are_the_one_of_all_batches(groups: list, random: object) -> None:
    batches = [batch(as_bytes(rows)) for rows in groups]
    whole = summary_of(*batches).to_json()
    parts = [summary_of(one) for one in batches]
    random.shuffle(parts)  # type: ignore[attr-defined]
    joined = TableSummary.empty(COLUMNS)
    for part in parts:
        joined.join(part)
    assert joined.to_json() == whole


@given(ROWS)
def test_a_summary_is_read_as_it_was_written(rows: list) -> None:
    written = json.loads(json.dumps(summary_of(batch(as_bytes(rows))).to_json(), allow_nan=False))
    assert TableSummary.from_json(written).to_json() == written


def test_a_summary_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        TableSummary.from_json({"format": 99, "rows": 0, "columns": {}})


def test_values_words_numbers_and_days_are_counted() -> None:
    rows = [
        ("red", 1.5, "Good, good!", "1970-01-03T10:00", 5),
        ("red", float("nan"), "it's good", "no date", 4),
        (None, 2.0, None, None, 5),
    ]
    found = summary_of(batch(as_bytes(rows))).columns
    assert (found["colour"].counts.counts, found["colour"].missing) == ({"red": 2}, 1)
    assert (sorted(found["price"].numbers.values), found["price"].missing) == ([1.5, 2.0], 1)
    assert (found["said"].counts.counts, found["said"].missing) == ({"good": 2, "it's": 1}, 1)
    assert sorted(found["said"].numbers.values) == [2.0, 2.0]
    assert (found["day"].numbers.values.tolist(), found["day"].missing) == ([2.0], 2)
    assert found["stars"].counts.counts == {"5": 2, "4": 1}


def test_a_column_that_a_batch_lacks_is_missing_in_its_rows() -> None:
    found = summary_of(pa.RecordBatch.from_arrays([pa.array([1.0, 2.0])], names=["price"]))
    assert found.rows == 2
    assert {name: column.missing for name, column in found.columns.items()} == {
        "colour": 2,
        "price": 0,
        "said": 2,
        "day": 2,
        "stars": 2,
    }


def test_words_are_split_as_people_read_them() -> None:
    words, lengths = split_words(pa.array(["Don't PANIC!", "", "...", "★★ 5/5", "日本", "naïve"]))
    assert words.to_pylist() == ["don't", "panic", "★", "★", "5", "5", "日", "本", "naïve"]
    assert lengths.tolist() == [2, 0, 0, 4, 2, 1]


def test_days_are_counted_from_1970() -> None:
    days = days_since_1970(pa.array(["1970-01-01", "2020-02-30", "2026-11-26 10:00", "x"]))
    assert days.tolist() == [0.0, float((datetime.date(2026, 11, 26) - datetime.date(1970, 1, 1)).days)]


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=60), min_size=1, max_size=6), st.integers(1, 4))
def test_beyond_the_capacity_no_count_is_off_by_more_than_promised(groups: list, capacity: int) -> None:
    states = []
    for group in groups:
        state = ValueCounts(capacity)
        state.add(Counter(group))
        states.append(state)
    whole = ValueCounts(capacity)
    for state in reversed(states):
        whole.join(state)
    whole.cut()
    truth = Counter(value for group in groups for value in group)
    assert len(whole.counts) <= capacity
    assert whole.total == sum(truth.values())
    for value, count in truth.items():
        found = whole.counts.get(value, 0)
        assert count - whole.rest / (capacity + 1) <= found <= count


def test_a_sample_is_bounded_uniform_and_the_same_in_any_order() -> None:
    batches = [np.arange(start, start + 2000, dtype=np.float64) for start in range(0, 40_000, 2000)]
    forth, back = NumberSample(), NumberSample()
    for one in batches:
        forth.add(one)
    for one in reversed(batches):
        part = NumberSample()
        part.add(one)
        back.join(part)
    assert forth.count == 40_000
    assert len(forth.values) == SAMPLE_SIZE
    assert forth.values.tolist() == back.values.tolist()
    # The mean of 5,000 of 40,000 even numbers has a standard error of 40,000 / sqrt(12 · 5,000) = 163.
    assert abs(forth.values.mean() - 20_000) < 4 * 163
