"""Which rows are kept or repeated, decided by a hash of each row's values and the seed. Pure NumPy.

Every row of a class is taken `every` times, and the rows with the smallest hashes once more, until the number is
exactly the one wanted. Neither the order of rows, batches or columns nor the number of workers changes the answer.
The serialized row cannot be hashed instead: tfx_bsl's encoder puts the features in another order in every process.

To find the smallest hashes without sorting all of them, rows are counted by class and by the hash's first bits (its
bin) in a first pass. In the second, whole bins are taken, and only the rows of the one bin on the border are sorted.
"""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

HASH_BITS = 63
"""Of a row's hash: Beam's integers have a sign."""

BIN_BITS = 10
BINS = 1 << BIN_BITS
"""The border bin then holds about 1/1024 of a class."""

_SPARE_BITS = np.uint64(64 - HASH_BITS)

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which rows of one class are taken.

    Attributes:
      every: how often each row is taken.
      whole_bins: rows of the bins below this one are taken once more.
      rest: of the rows of that bin, so many with the smallest hashes are taken once more.
    """

    every: int
    whole_bins: int = 0
    rest: int = 0


def select(bins: Ints, wanted: int) -> Selection:
    """The selection that makes exactly `wanted` rows of a class whose rows per bin are given, int64 [BINS].

    Raises:
      ValueError: rows are wanted of a class that has none.
    """
    total = int(bins.sum())
    if not total:
        if wanted:
            raise ValueError(f"{wanted} rows are wanted of a class that has none")
        return Selection(0)
    every, more = divmod(wanted, total)
    if not more:
        return Selection(every)
    ends = np.cumsum(bins)
    border = int(np.searchsorted(ends, more, side="right"))  # the first bin that is not taken as a whole
    return Selection(every, border, more - int(ends[border] - bins[border]))


def copies(hashes: Hashes, selection: Selection) -> Ints:
    """How often each row is taken for sure, int64 [rows]; the border bin's rows are not decided yet."""
    return np.where(bin_of(hashes) < selection.whole_bins, selection.every + 1, selection.every).astype(np.int64)


def on_border(hashes: Hashes, selection: Selection) -> npt.NDArray[np.bool_]:
    """The rows of the border bin, [rows]; none if no row of it is needed."""
    found: npt.NDArray[np.bool_] = (bin_of(hashes) == selection.whole_bins) & (selection.rest > 0)
    return found


def bin_of(hashes: Hashes) -> Ints:
    """The hash's first bits, int64 [rows]."""
    return (hashes >> np.uint64(HASH_BITS - BIN_BITS)).astype(np.int64)


def place_of_copy(hashes: Hashes, copy: int) -> Hashes:
    """Where the copy stands in the new order of rows, below 2**63: apart from its row, and mixed with other classes."""
    return _mix(_mix(hashes) + np.uint64(copy)) >> _SPARE_BITS


def hash_rows(columns: Mapping[str, pa.Array], rows: int, seed: int) -> Hashes:
    """A hash of each row's values, below 2**63, [rows]; rows with the same values have the same one.

    A column without a value adds nothing, so it makes no difference whether a batch has the column at all.

    Args:
      columns: lists of int64, float32 or binary values, or null.
      rows: number of rows.
      seed: another seed makes another hash of everything.
    """
    total = np.zeros(rows, np.uint64)
    for name, column in columns.items():
        if not pa.types.is_null(column.type):
            total += _hash_column(column, rows, _digest(name.encode()))
    return _mix(total ^ _mix(np.array([seed], np.uint64))) >> _SPARE_BITS


def _hash_column(column: pa.Array, rows: int, name: int) -> Hashes:
    """Per row the sum over its values of a hash of column, position and value, [rows]; 0 for a row without any."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    lengths = np.diff(offsets)
    owners = np.repeat(np.arange(rows), lengths)
    positions = np.arange(len(owners)) - np.repeat(offsets[:-1] - offsets[0], lengths)
    values = _digests(column.values.slice(int(offsets[0]), len(owners)))
    mixed = _mix(values ^ _mix(positions.astype(np.uint64) ^ np.uint64(name)))
    result = np.zeros(rows, np.uint64)
    np.add.at(result, owners, mixed)
    return result


def _digests(values: pa.Array) -> Hashes:
    """64 bits per value: the bits of a number, a hash of a text."""
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        encoded = values.dictionary_encode()
        known = np.array([_digest(text) for text in encoded.dictionary.to_pylist()], np.uint64)
        return known[encoded.indices.to_numpy()] if len(known) else np.zeros(0, np.uint64)
    numbers = values.to_numpy()
    bits: Hashes = numbers.astype("<f8" if pa.types.is_floating(values.type) else "<i8").view("<u8")
    return bits


def _digest(text: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mix(state: Hashes) -> Hashes:
    """One round of splitmix64 (Steele, Lea, Flood, 2014) on each element; multiplication wraps around on purpose."""
    mixed = state + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: Hashes = mixed ^ (mixed >> np.uint64(31))
    return result
