"""Which evaluated rows are explained, and their bytes. NumPy and pyarrow only."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from components.arrow_example_gen.source_files import open_bytes
from components.arrow_example_gen.tfrecord import read_records
from components.errors import ComponentError
from components.evaluator.predictions import Predictions, example_digest
from components.evaluator.weighted_metrics import ClassRows

Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Choice:
    """Rows by their place in `Predictions`.

    Attributes:
      drawn: at random, in the order of the draw.
      worst: those that the model got most wrong, the worst first; they may be among the drawn ones.
    """

    drawn: Ints
    worst: Ints


def choose(predictions: Predictions, rows: int, worst: int, seed: int) -> Choice:
    """The rows to explain.

    A row's place in the draw depends on its bytes and the seed alone, not on the other rows: two runs that share rows
    explain the same ones.
    """
    keys = [_key(int(digest), seed) for digest in predictions.examples]
    drawn = np.argsort(np.array(keys, np.uint64), kind="stable")[:rows]
    losses = _losses(predictions)
    by_loss = np.argsort(-losses, kind="stable")[:worst]
    return Choice(np.asarray(drawn, np.int64), np.asarray(by_loss[losses[by_loss] > 0], np.int64))


def _key(digest: int, seed: int) -> int:
    content = digest.to_bytes(8, "little", signed=True) + seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _losses(predictions: Predictions) -> npt.NDArray[np.float64]:
    """How wrong each answer is; 0 where the truth is not known."""
    rows = predictions.rows
    if isinstance(rows, ClassRows):
        known = (rows.labels >= 0) & (rows.labels < rows.n_classes)
        return np.asarray(np.where(known, rows.loss, 0.0), np.float64)
    return np.asarray(np.nan_to_num(np.abs(rows.predictions - rows.labels), nan=0.0), np.float64)


def read_chosen(split_uris: Iterable[str], digests: Iterable[int]) -> dict[int, bytes]:
    """The serialized rows by digest.

    Raises:
      ComponentError: a row is not there: the predictions are of other examples.
    """
    wanted, found = set(digests), dict[int, bytes]()
    for path in (os.path.join(uri, name) for uri in split_uris for name in sorted(os.listdir(uri))):
        if len(found) == len(wanted):
            break
        with open_bytes(path) as stream:
            for record in read_records(stream):
                digest = example_digest(record)
                if digest in wanted:
                    found[digest] = record
    if len(found) < len(wanted):
        raise ComponentError(
            f"{len(wanted) - len(found)} of {len(wanted)} evaluated rows are not among the examples. Evaluate these "
            "examples again: penstock run --from Evaluator."
        )
    return found
