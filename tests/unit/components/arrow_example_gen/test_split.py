"""A row's split depends on its value alone: not on order, batch, type, format or process."""

import hashlib
import math
import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arrow_example_gen.split import assign_by_row, assign_by_value, bucket_ends, split_of

ENDS = [8, 9, 10]
ROOT = pathlib.Path(__file__).resolve().parents[4]
TABLES = st.lists(
    st.tuples(
        st.none() | st.integers(-5, 5),
        st.none() | st.binary(max_size=2),
        st.none() | st.floats(width=32, allow_nan=False),
    ),
    min_size=1,
)


def table(rows) -> dict[str, pa.Array]:
    numbers, texts, floats = zip(*rows, strict=True)
    return {"n": pa.array(numbers, pa.int64()), "t": pa.array(texts, pa.binary()), "f": pa.array(floats, pa.float32())}


def test_the_split_of_a_value_is_sha256_modulo_the_weights():
    digest = int(hashlib.sha256(b"17").hexdigest(), 16) % 10
    expected = 0 if digest < 8 else 1 if digest < 9 else 2
    assert split_of(b"17", ENDS) == expected
    assert list(assign_by_value("c", {"c": pa.array([17])}, ENDS)) == [expected]


def test_integer_float_and_text_of_one_value_share_a_split():
    numbers = list(range(200))
    assigned = [
        list(assign_by_value("c", {"c": array}, ENDS))
        for array in (
            pa.array(numbers),
            pa.array(numbers, pa.float32()),
            pa.array([str(n).encode() for n in numbers]),
            pa.array([[n] for n in numbers]),
        )
    ]
    assert assigned[0] == assigned[1] == assigned[2] == assigned[3]
    assert set(assigned[0]) == {0, 1, 2}


@given(rows=TABLES, seed=st.integers(0, 99), batch_size=st.integers(1, 4), by=st.sampled_from(["n", "t", "f", None]))
def test_neither_order_nor_batch_nor_column_order_moves_a_row(rows, seed, batch_size, by):
    def assign(some):
        columns = table(some)
        return list(assign_by_row(columns, ENDS) if by is None else assign_by_value(by, columns, ENDS))

    whole = assign(rows)
    batches = [split for i in range(0, len(rows), batch_size) for split in assign(rows[i : i + batch_size])]
    assert batches == whole
    order = np.random.default_rng(seed).permutation(len(rows))
    assert assign([rows[i] for i in order]) == [whole[i] for i in order]
    reversed_columns = dict(reversed(table(rows).items()))
    assert by is not None or list(assign_by_row(reversed_columns, ENDS)) == whole


def test_missing_values_are_spread_by_the_rest_of_the_row():
    rows = 3000
    columns = {"key": pa.nulls(rows, pa.int64()), "other": pa.array(range(rows))}
    counts = np.bincount(assign_by_value("key", columns, ENDS))
    assert list(counts) == list(np.bincount(assign_by_row(columns, ENDS)))
    assert counts.min() > 0


def test_a_list_does_not_change_the_split_of_its_neighbours():
    alone = assign_by_row({"c": pa.array([[1], [2], None])}, ENDS)
    beside = assign_by_row({"c": pa.array([[1], [2], None, [3, 4]])}, ENDS)
    assert list(beside[:3]) == list(alone)
    assert list(assign_by_row({"c": pa.array([1, 2, None])}, ENDS)) == list(alone)


def test_weights_are_met_within_five_standard_deviations():
    rows = 20_000
    counts = np.bincount(assign_by_row({"c": pa.array(range(rows))}, ENDS), minlength=3)
    for count, share in zip(counts, (0.8, 0.1, 0.1), strict=True):
        assert abs(count - share * rows) < 5 * math.sqrt(share * (1 - share) * rows)


def test_another_process_puts_every_row_into_the_same_split():
    """Python's own hash differs between processes; a split must not."""
    code = (
        "import pyarrow as pa; from components.arrow_example_gen.split import assign_by_row as assign;"
        "print(list(map(int, assign({'a': pa.array([b'x', b'y', None] * 5), 'b': pa.array(range(15))}, [3, 5]))))"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
        for _ in range(2)
    }
    here = list(map(int, assign_by_row({"a": pa.array([b"x", b"y", None] * 5), "b": pa.array(range(15))}, [3, 5])))
    assert runs == {f"{here}\n"}


@pytest.mark.parametrize("weights", [{}, {"train": 0}, {"": 1}])
def test_splits_without_name_or_weight_are_refused(weights):
    with pytest.raises(ValueError, match="name and a weight"):
        bucket_ends(weights)
