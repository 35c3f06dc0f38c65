"""The column whose values are balanced, as Transform wrote it: its ids, and what they stand for."""

import dataclasses
import gzip
import os

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from components.errors import BadData
from models.tabular_text.features import FeatureSpec, transformed_name
from models.tabular_text.layout import LABEL_VOCABULARY, vocabulary_name

_ASSETS = os.path.join("transform_fn", "assets")


@dataclasses.dataclass(frozen=True)
class ClassColumn:
    """A transformed column of ids.

    Attributes:
      raw_name: the column's name in the data.
      name: its name after Transform.
      classes: what the ids stand for, in their order.
      first_id: the id of the first of them: 0 of a label, 1 of a category (0 = missing there).
    """

    raw_name: str
    name: str
    classes: tuple[str, ...]
    first_id: int

    def indices(self, column: pa.Array | None, rows: int) -> npt.NDArray[np.int64]:
        """The index of each row's class, int64 [rows]; -1 = none, or a value outside the vocabulary."""
        if column is None or pa.types.is_null(column.type):
            return np.full(rows, -1, np.int64)
        offsets = column.offsets.to_numpy()
        firsts = pa.array(offsets[:-1], mask=np.diff(offsets) == 0)
        ids = column.values.take(firsts).fill_null(-1).to_numpy() - self.first_id
        return np.where((ids >= 0) & (ids < len(self.classes)), ids, -1).astype(np.int64)


def class_column(features: FeatureSpec, by: str | None, transform_graph_uri: str) -> ClassColumn:
    """The label's column, or that of the categorical feature `by`.

    Raises:
      BadData: Transform left no vocabulary of it.
    """
    name = by or features.label.name
    vocabulary = vocabulary_name(name) if by else LABEL_VOCABULARY
    folder = os.path.join(transform_graph_uri, _ASSETS)
    paths = [os.path.join(folder, found) for found in (vocabulary, f"{vocabulary}.gz")]
    path = next((found for found in paths if fileio.exists(found)), None)
    if path is None:
        raise BadData(
            f"TrainingBalancer: {paths[0]} is not there, so nothing says which values column '{name}' has. "
            "Balance by the label or by a categorical feature, and run Transform again."
        )
    content = io_utils.read_bytes_file(path)
    content = gzip.decompress(content) if path.endswith(".gz") else content
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    texts = tuple(line.decode("utf-8", "backslashreplace") for line in lines)
    return ClassColumn(name, transformed_name(name), texts, first_id=1 if by else 0)
