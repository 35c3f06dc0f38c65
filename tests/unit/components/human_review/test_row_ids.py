import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.human_review.row_ids import row_id, row_ids, rows_of

VALUES = st.none() | st.text(max_size=8) | st.integers(-(2**62), 2**62)
ROWS = st.dictionaries(st.text(min_size=1, max_size=5), VALUES, min_size=1, max_size=5)


@given(ROWS)
def test_the_order_of_columns_does_not_count(row):
    assert row_id(row) == row_id(dict(reversed(row.items())))


@given(ROWS, ROWS)
def test_different_rows_have_different_ids_and_equal_ones_the_same(one, other):
    same = {name: value for name, value in one.items() if value is not None} == {
        name: value for name, value in other.items() if value is not None
    }
    assert (row_id(one) == row_id(other)) is same


def test_a_number_is_not_the_text_that_spells_it():
    assert len({row_id({"a": 7}), row_id({"a": "7"}), row_id({"a": "07"}), row_id({"a": 7.5})}) == 4


def test_values_do_not_run_into_each_other():
    assert row_id({"a": "x", "b": ""}) != row_id({"a": "", "b": "x"})
    assert row_id({"a": 'x","b":"y'}) != row_id({"a": "x", "b": "y"})


def test_no_spreadsheet_takes_an_id_for_a_number():
    assert re.fullmatch("r[0-9a-f]{20}", row_id({"a": "x"}))


def test_the_label_does_not_count_nor_do_columns_that_are_not_named():
    one = {"a": pa.array(["x"]), "y": pa.array(["1"]), "more": pa.array([1])}
    other = {"a": pa.array(["x"]), "y": pa.array(["2"])}
    assert row_ids(one, "y", ["a", "y"]) == row_ids(other, "y", ["a", "y"])


def test_a_row_of_a_tf_example_is_the_row_of_the_file():
    """A decoded tf.Example holds lists of bytes, and nothing for a missing value."""
    file = {"text": pa.array(["ü", None]), "count": pa.array([3, None], pa.int64()), "price": pa.array([1.1, 2.5])}
    file["price"] = file["price"].cast(pa.float32())
    example = {
        "price": pa.array([[1.1], [2.5]], pa.list_(pa.float32())),
        "text": pa.array([["ü".encode()], None], pa.list_(pa.binary())),
        "count": pa.array([[3], []], pa.list_(pa.int64())),
    }
    names = ["text", "count", "price", "never there"]
    assert row_ids(file, "y", names) == row_ids(example, "y", names)


def test_lists_of_several_values_stay_lists():
    rows = rows_of({"tags": pa.array([["a", "b"], ["c"], [], None])}, ["tags"])
    assert [row["tags"] for row in rows] == [["a", "b"], "c", None, None]
