"""Keys by their hashes: how many are unique, and how many occur in another column. Exact, 16 bytes a key.

A key is known by 128 bits: of text two SipHash-64 with different secrets, of numbers two rounds of splitmix64 (which
never give the same 64 bits for different numbers). Among a billion keys two different ones agree with a probability
below 2e-21, so equal hashes are taken for equal keys.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import column_of, without_nan
from components.data_quality_gate.settings import Constraint

Hashes = npt.NDArray[np.uint64]
"""uint64 [keys, 2]."""

_Words = npt.NDArray[np.uint64]

_SECRETS = ("penstock-key-one", "penstock-key-two")
_INCREMENTS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03))
_FRACTION = np.uint64(0xA0761D6478BD642F)


def keys_of(constraint: Constraint, batch: pa.RecordBatch) -> list[pa.Array]:
    """The columns of a constraint's key, bytes as they stand."""
    names = constraint.columns if constraint.kind == "uniqueness" else (constraint.column or "",)
    return [column_of(batch, name) for name in names]


def references_of(constraint: Constraint, batch: pa.RecordBatch) -> list[pa.Array]:
    """The column in which a foreign key's values must occur."""
    return [column_of(batch, constraint.references or "")]


def key_hashes(columns: Sequence[pa.Array]) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """The hash of each row's key, and which rows have one: a key with a missing part is none.

    Returns:
      Hashes of the rows that have a key, uint64 [keys, 2]; bool [rows].
    """
    columns = [without_nan(column) for column in columns]
    present = np.ones(len(columns[0]), bool)
    for column in columns:
        present &= pc.is_valid(column).to_numpy(zero_copy_only=False)
    hashes = np.zeros((int(present.sum()), 2), np.uint64)
    if not len(hashes):
        return hashes, present
    for column in columns:
        values = column.filter(pa.array(present)).to_numpy(zero_copy_only=False)
        for half in range(2):
            # Odd, so that no bit is lost; (a, b) is another key than (b, a).
            hashes[:, half] = hashes[:, half] * _INCREMENTS[half] + _hashed(values, half)
    return hashes, present


def _hashed(values: npt.NDArray[np.generic], half: int) -> _Words:
    if values.dtype == object:
        return pd.util.hash_array(values, hash_key=_SECRETS[half], categorize=False)
    return _mixed(_words(values) + _INCREMENTS[half])


def _words(values: npt.NDArray[np.generic]) -> _Words:
    """64 bits of each number; the float 5.0 and the integer 5 have the same."""
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64).view(np.uint64)
    numbers = values.astype(np.float64)
    whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2.0**63)
    integers = np.where(whole, numbers, 0).astype(np.int64).view(np.uint64)
    return np.where(whole, integers, _mixed(numbers.view(np.uint64) ^ _FRACTION))


def _mixed(words: _Words) -> _Words:
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014): a permutation of 64 bits."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: _Words = words ^ (words >> np.uint64(31))
    return mixed


def count_unique(hashes: Hashes) -> tuple[int, int, Hashes]:
    """Keys, keys that occur once, and the hashes of those that occur more often, in order."""
    groups, firsts = _grouped(hashes)
    counts = np.bincount(groups, minlength=len(firsts))
    return len(hashes), int((counts == 1).sum()), firsts[counts > 1]


def count_referenced(hashes: Hashes, references: Hashes) -> tuple[int, int, Hashes]:
    """Keys, keys that occur among the references, and the hashes of those that do not, in order."""
    groups, firsts = _grouped(np.concatenate([hashes, references]))
    is_reference = np.zeros(len(firsts), bool)
    is_reference[groups[len(hashes) :]] = True
    return len(hashes), int(is_reference[groups[: len(hashes)]].sum()), firsts[~is_reference]


def is_among(hashes: Hashes, wanted: Hashes) -> npt.NDArray[np.bool_]:
    """For each hash whether it is one of those wanted."""
    groups, firsts = _grouped(np.concatenate([hashes, wanted]))
    is_wanted = np.zeros(len(firsts), bool)
    is_wanted[groups[len(hashes) :]] = True
    found: npt.NDArray[np.bool_] = is_wanted[groups[: len(hashes)]]
    return found


def _grouped(hashes: Hashes) -> tuple[npt.NDArray[np.int64], Hashes]:
    """For each hash the number of its group of equals, and each group's hash, in order."""
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))
    ordered = hashes[order]
    begins = np.ones(len(hashes), bool)
    begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    groups = np.empty(len(hashes), np.int64)
    groups[order] = np.cumsum(begins) - 1
    return groups, ordered[begins]
