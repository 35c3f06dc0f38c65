"""The attributions row by row, in `attributions.parquet`: by them later runs compare rankings."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

ATTRIBUTIONS_FILE = "attributions.parquet"
_FEATURES = b"features"


def write_attributions(
    path: Path, digests: npt.NDArray[np.int64], names: tuple[str, ...], attributions: npt.NDArray[np.float64]
) -> None:
    """Writes `example` int64 (digest) and `attributions` list of float64, one for each of the features named in the
    schema's metadata.
    """
    lists = pa.array([row.tolist() for row in attributions], pa.list_(pa.float64()))
    table = pa.table({"example": pa.array(digests, pa.int64()), "attributions": lists})
    described = table.replace_schema_metadata({_FEATURES: json.dumps(list(names), ensure_ascii=False).encode()})
    parquet.write_table(described, path)


def read_attributions(path: Path) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """The features and their attributions, float64 [rows, features].

    Raises:
      OSError: there is no such file, or it is damaged (pyarrow's errors for damage are ValueErrors).
    """
    table = parquet.read_table(path)
    names = tuple(json.loads((table.schema.metadata or {})[_FEATURES]))
    rows = table["attributions"].to_pylist()
    return names, np.array(rows, np.float64).reshape(len(rows), len(names))
