"""Raw columns mean the same whatever kind of tensor they come in."""

import numpy as np
import pytest
import tensorflow as tf

from models.tabular_text.raw import MISSING_INT, as_float, as_text, first_values, is_missing


def test_sparse_ragged_and_dense_columns_have_the_same_first_values() -> None:
    sparse = tf.SparseTensor([[0, 0], [2, 0], [2, 1]], ["a", "b", "c"], [3, 2])
    ragged = tf.ragged.constant([["a"], [], ["b", "c"]])
    for column in (sparse, ragged, tf.constant(["a", "", "b"]), tf.constant([["a", "x"], ["", "x"], ["b", "x"]])):
        assert first_values(column).numpy().tolist() == [b"a", b"", b"b"]


@pytest.mark.parametrize(("dtype", "missing"), [(tf.int64, MISSING_INT), (tf.string, b""), (tf.float32, None)])
def test_a_column_without_any_value_is_missing_everywhere(dtype: tf.DType, missing: object) -> None:
    empty = tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.constant([], dtype), [3, 0])
    values = first_values(empty)
    assert is_missing(values).numpy().all()
    if missing is not None:
        assert values.numpy().tolist() == [missing] * 3


def test_infinities_and_nan_are_missing_numbers() -> None:
    values = as_float(tf.constant([1.5, float("nan"), float("inf"), float("-inf")])).numpy()
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(as_float(tf.constant([7, MISSING_INT], tf.int64)).numpy(), [7, np.nan])


def test_numbers_have_their_shortest_decimal_name() -> None:
    assert as_text(tf.constant([7, -3, MISSING_INT], tf.int64)).numpy().tolist() == [b"7", b"-3", b""]
    numbers = tf.constant([1.0, 0.5, -2.0, float("nan")])
    assert as_text(numbers).numpy().tolist() == [b"1", b"0.5", b"-2", b""]
