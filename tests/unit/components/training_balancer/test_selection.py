"""Which rows are taken: exactly the number wanted, the same ones whatever their order, others with another seed."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.training_balancer.selection import (
    BINS,
    Selection,
    bin_of,
    copies,
    hash_rows,
    on_border,
    place_of_copy,
    select,
)


def bins_of(hashes):
    return np.bincount(bin_of(hashes), minlength=BINS).astype(np.int64)


def taken(hashes, wanted):
    """How often each row is taken once the border is decided, by sorting everything: int64 [rows]."""
    selection = select(bins_of(hashes), wanted)
    result = copies(hashes, selection)
    border = np.flatnonzero(on_border(hashes, selection))
    result[border[np.argsort(hashes[border], kind="stable")][: selection.rest]] += 1
    return result


def random_hashes(rows, seed=0):
    return np.random.default_rng(seed).integers(0, 2**63, rows, dtype=np.uint64)


def test_the_rows_with_the_smallest_hashes_are_kept():
    hashes = random_hashes(5000)
    kept = np.flatnonzero(taken(hashes, 1234))
    assert sorted(kept) == sorted(np.argsort(hashes)[:1234])


def test_every_row_is_taken_as_often_and_the_rest_once_more():
    hashes = random_hashes(1000)
    found = taken(hashes, 2300)
    smallest = np.argsort(hashes)[:300]
    assert set(found[smallest]) == {3}
    assert found.sum() == 2300
    assert sorted(set(found)) == [2, 3]


def test_a_whole_multiple_needs_no_border():
    assert select(np.array([3, 2] + [0] * (BINS - 2)), 10) == Selection(every=2)


def test_a_border_between_bins_takes_nothing_of_the_next():
    assert select(np.array([3, 2] + [0] * (BINS - 2)), 3) == Selection(0, whole_bins=1, rest=0)


def test_a_border_within_a_bin_takes_a_part_of_it():
    assert select(np.array([3, 0, 4] + [0] * (BINS - 3)), 7 + 5) == Selection(1, whole_bins=2, rest=2)


def test_rows_of_an_absent_class_cannot_be_made():
    assert select(np.zeros(BINS, np.int64), 0) == Selection(0)
    with pytest.raises(ValueError, match="4 rows are wanted"):
        select(np.zeros(BINS, np.int64), 4)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=60), st.integers(0, 200))
def test_exactly_the_number_wanted_is_taken(hashes, wanted):
    found = taken(np.array(hashes, np.uint64), wanted)
    assert found.sum() == wanted
    assert found.max() - found.min() <= 1


TABLE = {
    "n": pa.array([[1], [2], None, [1], []], pa.list_(pa.int64())),
    "x": pa.array([[0.5], [0.5], [0.5, 1.5], [1.5, 0.5], [0.25]], pa.list_(pa.float32())),
    "t": pa.array([[b"a"], [b"a", b"b"], [], [b"ab"], None], pa.large_list(pa.large_binary())),
}
ROWS = 5


def at(rows, table=TABLE):
    return {name: column.take(pa.array(rows)) for name, column in table.items()}


@given(st.permutations(range(ROWS)))
def test_a_rows_hash_does_not_depend_on_the_rows_around_it(order):
    np.testing.assert_array_equal(hash_rows(at(order), ROWS, 1), hash_rows(TABLE, ROWS, 1)[list(order)])


def test_a_rows_hash_does_not_depend_on_the_order_of_columns_or_on_how_the_batch_is_cut():
    turned = dict(reversed(TABLE.items()))
    np.testing.assert_array_equal(hash_rows(turned, ROWS, 1), hash_rows(TABLE, ROWS, 1))
    sliced = {name: column.slice(2, 3) for name, column in TABLE.items()}
    np.testing.assert_array_equal(hash_rows(sliced, 3, 1), hash_rows(TABLE, ROWS, 1)[2:])


def test_a_column_that_no_row_of_the_batch_has_changes_nothing():
    more = {**TABLE, "gone": pa.nulls(ROWS), "empty": pa.array([[]] * ROWS, pa.list_(pa.int64()))}
    np.testing.assert_array_equal(hash_rows(more, ROWS, 1), hash_rows(TABLE, ROWS, 1))


def test_rows_with_other_values_have_other_hashes_and_the_seed_changes_all():
    one, two = hash_rows(TABLE, ROWS, 1), hash_rows(TABLE, ROWS, 2)
    assert len(set(one.tolist())) == ROWS
    assert not set(one.tolist()) & set(two.tolist())


def test_a_value_counts_in_its_place_and_in_its_column():
    lists = pa.list_(pa.int64())
    ab = hash_rows({"a": pa.array([[1, 2], [2, 1]], lists)}, 2, 0)
    assert ab[0] != ab[1]
    swapped = {"a": pa.array([[1], [2]], lists), "b": pa.array([[2], [1]], lists)}
    found = hash_rows(swapped, 2, 0)
    assert found[0] != found[1]


def test_hashes_and_places_fit_beams_signed_integers():
    hashes = hash_rows({"a": pa.array(np.arange(1000)[:, None].tolist(), pa.list_(pa.int64()))}, 1000, 0)
    assert 2**62 < max(hashes.tolist()) < 2**63
    assert 2**62 < max(place_of_copy(hashes, 3).tolist()) < 2**63


def test_equal_rows_have_equal_hashes():
    twice = {"a": pa.array([[7], [7]], pa.list_(pa.int64()))}
    first, second = hash_rows(twice, 2, 0)
    assert first == second


def test_hashes_fill_the_bins_evenly():
    rows = 200_000
    hashes = hash_rows({"a": pa.array(np.arange(rows)[:, None].tolist(), pa.list_(pa.int64()))}, rows, 0)
    counts = bins_of(hashes)
    # Chi-square of 1023 degrees of freedom: mean 1023, standard deviation 45.2; six of them.
    assert abs(((counts - rows / BINS) ** 2 / (rows / BINS)).sum() - 1023) < 6 * 45.2


def test_copies_of_a_row_stand_apart():
    hashes = random_hashes(1000)
    first, second = place_of_copy(hashes, 0), place_of_copy(hashes, 1)
    assert len(set(first.tolist()) | set(second.tolist())) == 2000
    assert abs(np.corrcoef(first.astype(float), second.astype(float))[0, 1]) < 0.2  # 6 / sqrt(1000)
