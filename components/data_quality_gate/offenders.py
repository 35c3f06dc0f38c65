"""Rows whose keys are at fault: a second look at the rows, only where the first found that there are some."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.data_quality_gate.keys import Hashes, columns_of, is_among, key_hashes
from components.data_quality_gate.measures import looked_at, plain_row
from components.data_quality_gate.settings import Constraint
from components.example_batches import read_rows


def rows_of_keys(
    split_uris: Mapping[str, str], constraint: Constraint, wrong: Hashes, sample_rows: int
) -> list[dict[str, Any]]:
    """A few rows that have one of these keys, the first of each; `times` says how often each key of theirs occurs.

    Args:
      split_uris: folder by split.
      constraint: on keys.
      wrong: hashes of keys at fault, not necessarily all.
      sample_rows: as many keys are shown.
    """
    chosen = wrong[:sample_rows]
    times: Counter[bytes] = Counter()
    first: dict[bytes, dict[str, Any]] = {}
    for split, uri in split_uris.items():
        for _, batch in read_rows(uri):
            hashes, present = key_hashes(columns_of(constraint, batch))
            rows = looked_at(constraint, batch)
            places = np.flatnonzero(present)[found := np.flatnonzero(is_among(hashes, chosen))]
            for place, index in zip(places.tolist(), found.tolist(), strict=True):
                key = hashes[index].tobytes()
                times[key] += 1
                first.setdefault(key, {"split": split, "row": plain_row(rows, place)})
    return [{**row, "times": times[key]} for key, row in first.items()]
