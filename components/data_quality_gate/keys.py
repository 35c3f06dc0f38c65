"""Keys by their hashes: how many are unique, and how many occur in another column. Exact, 16 bytes a row.

A key is known by 128 bits (two SipHash-64 of its values with different secrets): among a billion keys two different
ones have the same hash with a probability below 2e-21, so equal hashes are taken for equal keys. Hashes are dealt out
by their first bits to `PARTITIONS` places, each of which is counted alone.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.expression import column_of
from components.data_quality_gate.measures import looked_at
from components.data_quality_gate.settings import Constraint

PARTITIONS = 64

Hashes = npt.NDArray[np.uint64]
"""uint64 [keys, 2]."""

_SECRETS = ("penstock-key-one", "penstock-key-two")


def key_hashes(columns: Sequence[pa.Array]) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """The hash of each row's key, and which rows have one: a key with a missing part is none.

    Returns:
      Hashes of the rows that have a key, uint64 [keys, 2]; bool [rows].
    """
    present = np.ones(len(columns[0]), bool)
    for column in columns:
        present &= pc.is_valid(column).to_numpy(zero_copy_only=False)
    hashes = np.zeros((int(present.sum()), 2), np.uint64)
    for column in columns:
        values = column.filter(pa.array(present)).to_numpy(zero_copy_only=False)
        for half, secret in enumerate(_SECRETS):
            # Odd, so that no bit is lost; different for each column, because (a, b) is another key than (b, a).
            hashes[:, half] = hashes[:, half] * np.uint64(0x9E3779B97F4A7C15) + _hashed(values, secret)
    return hashes, present


def _hashed(values: npt.NDArray[np.generic], secret: str) -> npt.NDArray[np.uint64]:
    """SipHash of texts; numbers are hashed by their text as well, because pandas mixes theirs without a secret."""
    texts = values if values.dtype == object else values.astype(str).astype(object)
    return pd.util.hash_array(texts, hash_key=secret, categorize=False)


def dealt_out(hashes: Hashes) -> Iterator[tuple[int, Hashes]]:
    """The hashes of each partition that has any."""
    places = (hashes[:, 0] >> np.uint64(58)).astype(np.int64)
    order = np.argsort(places, kind="stable")
    bounds = np.searchsorted(places[order], np.arange(PARTITIONS + 1))
    for place in range(PARTITIONS):
        chosen = order[bounds[place] : bounds[place + 1]]
        if len(chosen):
            yield place, hashes[chosen]


def columns_of(constraint: Constraint, batch: pa.RecordBatch) -> list[pa.Array]:
    """The columns of a constraint's key in the rows that it looks at."""
    rows = looked_at(constraint, batch)
    names = constraint.columns if constraint.kind == "uniqueness" else (constraint.column or "",)
    return [column_of(rows, name) for name in names]


def references_of(constraint: Constraint, batch: pa.RecordBatch) -> list[pa.Array]:
    """The column of all rows in which a foreign key's values must occur."""
    return [column_of(batch, constraint.references or "")]


def count_unique(hashes: Hashes) -> tuple[int, int, Hashes]:
    """Keys, keys that occur once, and the hashes of those that occur more often."""
    ordered = hashes[np.lexsort((hashes[:, 1], hashes[:, 0]))]
    starts = np.flatnonzero(np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])[: len(ordered)])
    counts = np.diff(np.append(starts, len(ordered)))
    return len(hashes), int((counts == 1).sum()), ordered[starts[counts > 1]]


def count_referenced(hashes: Hashes, references: Hashes) -> tuple[int, int, Hashes]:
    """Keys, keys that occur among the references, and the hashes of those that do not."""
    is_there = np.isin(_as_single(hashes), _as_single(references))
    return len(hashes), int(is_there.sum()), np.unique(hashes[~is_there], axis=0)


def is_among(hashes: Hashes, wanted: Hashes) -> npt.NDArray[np.bool_]:
    """For each hash whether it is one of those wanted."""
    return np.isin(_as_single(hashes), _as_single(wanted))


def _as_single(hashes: Hashes) -> npt.NDArray[np.void]:
    """Both halves as one value that NumPy can sort."""
    return np.ascontiguousarray(hashes).view([("high", np.uint64), ("low", np.uint64)]).reshape(-1)
