"""Uniqueness and foreign keys against the definition: Counter and sets."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.data_quality_gate import key_store
from components.data_quality_gate.key_store import KeyStore
from components.data_quality_gate.keys import is_among, key_hashes

TEXTS = st.none() | st.binary(max_size=3)
KEYS = st.lists(st.tuples(TEXTS, st.none() | st.integers(-3, 3)), max_size=60)


def stored(folder, keys, references=(), pieces=3):
    """A store that took them in pieces, of which one came from another store."""
    stores = [KeyStore(str(folder)), KeyStore(str(folder))]
    for slot, found in (((0, "keys"), keys), ((0, "references"), references)):
        for number in range(pieces):
            part = found[number::pieces]
            if part:
                columns = [pa.array(column) for column in zip(*part, strict=True)]
                stores[number % 2].add(slot, key_hashes(columns)[0])
    stores[1].spill()
    stores[0].join(stores[1])
    return stores[0]


@given(keys=KEYS)
def test_uniqueness_is_what_a_counter_counts(tmp_path_factory, keys):
    times = Counter(key for key in keys if None not in key)
    count, once, repeated = stored(tmp_path_factory.mktemp("keys"), keys).count(0, references=False)
    assert count == times.total()
    assert once == sum(number == 1 for number in times.values())
    assert len(repeated) == sum(number > 1 for number in times.values())


@given(keys=st.lists(st.tuples(TEXTS), max_size=60), references=st.lists(st.tuples(TEXTS), max_size=60))
def test_foreign_keys_are_what_sets_say(tmp_path_factory, keys, references):
    known = {key for key in references if None not in key}
    present = [key for key in keys if None not in key]
    store = stored(tmp_path_factory.mktemp("keys"), keys, references)
    count, kept, wrong = store.count(0, references=True)
    assert (count, kept) == (len(present), sum(key in known for key in present))
    assert len(wrong) == len({*present} - known)


@given(keys=st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=50))
def test_whole_numbers_never_share_a_hash(keys):
    hashes, present = key_hashes([pa.array(keys, pa.int64())])
    assert len(np.unique(hashes[:, 0])) == len(np.unique(hashes[:, 1])) == len({*keys} - {None})
    assert present.tolist() == [key is not None for key in keys]


def test_a_number_is_the_same_key_as_integer_and_as_float_and_nan_is_none():
    whole, _ = key_hashes([pa.array([5, 0, -7], pa.int64())])
    floats, present = key_hashes([pa.array([5.0, -0.0, -7.0, float("nan"), 5.5, 1e30], pa.float32())])
    np.testing.assert_array_equal(whole, floats[:3])
    assert present.tolist() == [True, True, True, False, True, True]
    assert len(np.unique(floats, axis=0)) == 5


def test_the_order_of_a_keys_parts_matters_and_bytes_that_are_no_text_are_different_keys():
    a, b = pa.array([b"a", b"b"]), pa.array([b"b", b"a"])
    assert not is_among(key_hashes([a, b])[0][:1], key_hashes([a, b])[0][1:]).any()
    hashes, _ = key_hashes([pa.array([b"\xff", b"\xfe", b"\\xff"])])
    assert len(np.unique(hashes, axis=0)) == 3


def test_many_keys_go_to_files_and_are_counted_exactly(tmp_path, monkeypatch):
    monkeypatch.setattr(key_store, "SPILLED_KEYS", 1000)
    store = KeyStore(str(tmp_path))
    numbers = np.random.default_rng(3).permutation(np.concatenate([np.arange(20_000), np.arange(50)]))
    for chunk in np.array_split(numbers, 40):
        store.add((7, "keys"), key_hashes([pa.array(chunk)])[0])
        assert store.recent_keys < 1000
    assert len(list(tmp_path.iterdir())) > 10
    count, once, repeated = store.count(7, references=False)
    assert (count, once, len(repeated)) == (20_050, 19_950, 50)


def test_of_keys_at_fault_the_smallest_hashes_are_kept_whatever_the_order(tmp_path):
    numbers = np.repeat(np.arange(3000), 2)
    first, second = KeyStore(str(tmp_path)), KeyStore(str(tmp_path))
    first.add((0, "keys"), key_hashes([pa.array(numbers)])[0])
    for chunk in np.array_split(numbers[::-1].copy(), 7):
        second.add((0, "keys"), key_hashes([pa.array(chunk)])[0])
    kept = first.count(0, references=False)[2]
    np.testing.assert_array_equal(kept, second.count(0, references=False)[2])
    everything = key_hashes([pa.array(np.arange(3000))])[0]
    smallest = everything[np.lexsort((everything[:, 1], everything[:, 0]))][: len(kept)]
    np.testing.assert_array_equal(kept, smallest)


@pytest.mark.parametrize("columns", [[pa.nulls(3)], [pa.array([1, 2, 3]), pa.nulls(3)]])
def test_a_key_with_a_missing_part_is_none(columns):
    hashes, present = key_hashes(columns)
    assert hashes.shape == (0, 2)
    assert not present.any()
