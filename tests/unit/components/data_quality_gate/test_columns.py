import math

import numpy as np
import pyarrow as pa
import pytest

from components.data_quality_gate.columns import DoesNotFit, as_text, column_of, is_in, numbers_of, readable

TEXT = pa.array(["1", "b", None], pa.large_string())
WHOLE = pa.array([1, 2**62, None], pa.int64())
FLOAT = pa.array([0.1, 2.0, None], pa.float32())


def test_bytes_are_text_and_what_is_no_utf8_is_escaped():
    assert as_text(pa.array([b"\xff!", "ü".encode(), None], pa.large_binary())).to_pylist() == ["\\xff!", "ü", None]
    assert as_text(pa.array([b"a"], pa.binary())).to_pylist() == ["a"]


def test_nan_is_missing_and_infinity_is_not():
    batch = readable(pa.record_batch({"x": pa.array([math.nan, math.inf, 1, None], pa.float32())}))
    assert column_of(batch, "x").to_pylist() == [None, math.inf, 1, None]


def test_numbers_have_nan_where_there_is_none_and_large_integers_do_not_stop_it():
    batch = pa.record_batch({"x": WHOLE, "nothing": pa.nulls(3)})
    np.testing.assert_array_equal(numbers_of(batch, "x"), [1, 2.0**62, math.nan])
    assert np.isnan(numbers_of(batch, "nothing")).all()
    assert np.isnan(numbers_of(batch, "absent")).all()


def test_a_text_is_no_number():
    with pytest.raises(DoesNotFit, match="'x' holds text"):
        numbers_of(pa.record_batch({"x": TEXT}), "x")


@pytest.mark.parametrize(
    ("values", "allowed", "expected"),
    [
        (TEXT, (1, "b"), [True, True, None]),
        (TEXT, ("c",), [False, False, None]),
        (WHOLE, (1, 2.5, 10**30, math.inf, "b"), [True, False, None]),
        (WHOLE, (2**62 + 1,), [False, False, None]),
        (WHOLE, (2**62,), [False, True, None]),
        (FLOAT, (0.1, 2), [True, True, None]),
        (pa.nulls(2), (1,), [None, None]),
    ],
)
def test_allowed_values_are_compared_in_the_columns_own_type(values, allowed, expected):
    assert is_in(values, allowed).to_pylist() == expected


def test_words_cannot_be_allowed_for_numbers():
    with pytest.raises(DoesNotFit, match="are none"):
        is_in(WHOLE, ("a",))
