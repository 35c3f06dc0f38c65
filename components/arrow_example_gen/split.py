"""Which split a row belongs to: a hash of one column's value, or of the whole row.

The hash modulo the sum of the weights decides, as in TFX's own ExampleGen. It does not depend on the machine, the
process, the batch, the order of rows, columns or files, or the number of rows. What is hashed differs from TFX:

- A column's value is hashed (SHA-256) as text. TFX hashes the encoded feature, and then a customer changes splits when
  the column's type does (the integer 5, the text "5").
- A row is hashed from its values in order of the columns' names, as arrays: text to 64 bits of BLAKE2b, and one
  splitmix64 round per column (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). TFX hashes the
  serialized tf.Example, but tfx_bsl's encoder puts the features in another order in every process.
"""

import bisect
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.arrow_example_gen.columns import canonical_text, single_values

Assignment = npt.NDArray[np.int64]
_DIGEST_BYTES = 8
_NULL_DIGEST = hashlib.blake2b(b"a missing value", digest_size=_DIGEST_BYTES).digest()


def bucket_ends(weights: Mapping[str, int]) -> list[int]:
    """Running sums of the weights in order: [8, 9, 10] for 8, 1, 1.

    Raises:
      ValueError: no splits, one without a name, or a weight below 1.
    """
    wrong = {name: weight for name, weight in weights.items() if weight < 1 or not name}
    if not weights or wrong:
        raise ValueError(f"Splits need a name and a weight of at least 1 each; saw {wrong or 'no splits'}.")
    return list(itertools.accumulate(weights.values()))


def split_of(key: bytes, ends: Sequence[int]) -> int:
    """The index of the split that a key belongs to."""
    return bisect.bisect(ends, int.from_bytes(hashlib.sha256(key).digest(), "big") % ends[-1])


def assign_by_row(columns: Mapping[str, pa.Array], ends: Sequence[int]) -> Assignment:
    """The index of each row's split, int64 [rows], from all its values.

    Args:
      columns: int64, float32 or binary arrays [rows], or lists of these.
    """
    hashes = np.zeros(len(next(iter(columns.values()))), np.uint64)
    for name in sorted(columns):
        hashes = _splitmix64(hashes ^ _digests(columns[name]))
    return np.searchsorted(ends, hashes % np.uint64(ends[-1]), side="right").astype(np.int64)


def assign_by_value(name: str, columns: Mapping[str, pa.Array], ends: Sequence[int]) -> Assignment:
    """The index of each row's split, int64 [rows], from the value of the column `name`.

    A row without a value is split by the whole row: one value for all of them would send them all to one split.
    """
    encoded = canonical_text(single_values(columns[name])).dictionary_encode()
    values = encoded.dictionary.cast(pa.binary()).to_pylist()
    assigned = np.array([*(split_of(value, ends) for value in values), -1], np.int64)
    result: Assignment = assigned[encoded.indices.fill_null(len(values)).to_numpy()]
    without = np.flatnonzero(result == -1)
    if len(without):
        rows = {name: array.take(pa.array(without)) for name, array in columns.items()}
        result[without] = assign_by_row(rows, ends)
    return result


def _splitmix64(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One round of splitmix64 on each element; multiplication wraps around on purpose."""
    mixed = state + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result


def _digests(array: pa.Array) -> npt.NDArray[np.uint64]:
    """Eight bytes per value, little-endian uint64 [rows]: of text a hash, of numbers the bits."""
    null = np.frombuffer(_NULL_DIGEST, "<u8")
    if pa.types.is_list(array.type):
        return _list_digests(array)
    if pa.types.is_binary(array.type):
        encoded = array.dictionary_encode()
        known = np.concatenate((_hashes(encoded.dictionary.to_pylist()), null))
        result: npt.NDArray[np.uint64] = known[encoded.indices.fill_null(len(known) - 1).to_numpy()]
        return result
    numbers = array.fill_null(0).to_numpy()
    bits = numbers.astype("<f8" if pa.types.is_floating(array.type) else "<i8").view("<u8")
    return np.where(array.is_null().to_numpy(zero_copy_only=False), null, bits)


def _list_digests(array: pa.Array) -> npt.NDArray[np.uint64]:
    """Digests of lists: those with one value are hashed as that value, whatever else the batch holds."""
    several = pc.fill_null(pc.greater(pc.list_value_length(array), 1), False)
    rows = np.flatnonzero(several.to_numpy(zero_copy_only=False))
    single = (
        single_values(pc.if_else(several, pa.scalar(None, array.type), array)) if len(rows) else single_values(array)
    )
    digests = _digests(single).copy()
    digests[rows] = _hashes(repr(array[row].as_py()).encode() for row in rows.tolist())
    return digests


def _hashes(values: Iterable[bytes | None]) -> npt.NDArray[np.uint64]:
    parts = (_NULL_DIGEST if v is None else hashlib.blake2b(v, digest_size=_DIGEST_BYTES).digest() for v in values)
    return np.frombuffer(b"".join(parts), "<u8")
