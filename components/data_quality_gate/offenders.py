"""Rows whose keys are at fault: a second look at the rows, only where the first found that there are some."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from components.data_quality_gate.columns import readable
from components.data_quality_gate.keys import Hashes, is_among, key_hashes, keys_of
from components.data_quality_gate.measures import plain_row
from components.data_quality_gate.settings import Constraint
from components.data_quality_gate.suite import rows_looked_at


def rows_of_keys(
    batches: Iterable[tuple[str, pa.RecordBatch]], constraint: Constraint, wrong: Hashes
) -> list[dict[str, Any]]:
    """The first row of each of these keys; `times` says how often the key occurs.

    Args:
      batches: all rows, with their splits.
      constraint: on keys.
      wrong: hashes of keys at fault.
    """
    times: Counter[bytes] = Counter()
    first: dict[bytes, dict[str, Any]] = {}
    for split, batch in batches:
        for key, rows, place in _found(batch, constraint, wrong):
            times[key] += 1
            if key not in first:
                first[key] = {"split": split, "row": plain_row(readable(rows.slice(place, 1)), 0)}
    return [{**first[key], "times": times[key]} for key in sorted(first)]


def _found(batch: pa.RecordBatch, constraint: Constraint, wrong: Hashes) -> Iterable[tuple[bytes, pa.RecordBatch, int]]:
    mask = rows_looked_at(constraint, readable(batch))
    rows = batch if mask is None else batch.filter(mask)
    hashes, present = key_hashes(keys_of(constraint, rows))
    found = np.flatnonzero(is_among(hashes, wrong))
    for index, place in zip(found.tolist(), np.flatnonzero(present)[found].tolist(), strict=True):
        yield hashes[index].tobytes(), rows, place
